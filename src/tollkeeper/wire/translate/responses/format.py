"""Responses as a format of translation: what clients ask in."""

from __future__ import annotations

from tollkeeper.wire.response_names import rename_model
from tollkeeper.wire.responses.request import ResponsesRequest
from tollkeeper.wire.translate.adapter import ClientFormat
from tollkeeper.wire.translate.responses.fates import check_supported
from tollkeeper.wire.translate.responses.read_request import read_request
from tollkeeper.wire.translate.responses.write_output import ResponsesWriter, write_response


def _no_field(*_: object) -> None:
    """None: what could bring more input or output is refused or left out; see fates.py and read_items.py."""


def _no_fields(*_: object) -> tuple[tuple[str, str], ...]:
    """None: what changes the price is left out."""
    return ()


RESPONSES_CLIENT: ClientFormat[ResponsesRequest] = ClientFormat(
    check_supported=check_supported,
    external_input_field=_no_field,
    extra_output_field=_no_field,
    priced_fields=_no_fields,
    read_request=read_request,
    write_response=write_response,
    open_writer=ResponsesWriter,
    rename=rename_model,
)
