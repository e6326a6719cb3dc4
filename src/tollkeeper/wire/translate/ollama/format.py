"""Ollama's own API as formats of clients: its chats, and its prompts."""

from __future__ import annotations

from tollkeeper.wire.ollama.request import OllamaRequest
from tollkeeper.wire.response_names import rename_model
from tollkeeper.wire.translate.adapter import ClientFormat
from tollkeeper.wire.translate.ollama.fates import check_supported
from tollkeeper.wire.translate.ollama.read_request import read_request
from tollkeeper.wire.translate.ollama.write_output import OllamaWriter, write_response


def _no_field(*_: object) -> None:
    """None: what could bring more input or output is refused or left out; see fates.py."""


OLLAMA_CLIENT: ClientFormat[OllamaRequest] = ClientFormat(
    check_supported=check_supported,
    external_input_field=_no_field,
    extra_output_field=_no_field,
    priced_fields=lambda *_: (),
    read_request=read_request,
    write_response=write_response,
    open_writer=OllamaWriter,
    rename=rename_model,
)
"""Both endpoints share it: a request knows which of them it came by."""
