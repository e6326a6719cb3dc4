"""Chat completions as a format of translation: what clients ask in, and what upstreams are asked in."""

from __future__ import annotations

from tollkeeper.wire.dialect import WholeResponse
from tollkeeper.wire.json_scan import Steps
from tollkeeper.wire.openai.errors import error_message
from tollkeeper.wire.openai.request import CHAT, OpenAIRequest
from tollkeeper.wire.openai.response import read_large, read_whole
from tollkeeper.wire.openai.stream import OpenAIStreamReader
from tollkeeper.wire.response_names import rename_model
from tollkeeper.wire.sse import SseSplitter
from tollkeeper.wire.translate.adapter import ClientFormat, UpstreamFormat
from tollkeeper.wire.translate.chat.fates import check_supported as check_fields
from tollkeeper.wire.translate.chat.read_output import ChatOutputReader, read_output
from tollkeeper.wire.translate.chat.read_request import read_request
from tollkeeper.wire.translate.chat.write_output import ChatWriter, write_response
from tollkeeper.wire.translate.chat.write_request import check_supported, write_request

_NO_ID = ""
"""Ids of the upstream are not passed on."""


def _no_field(*_: object) -> None:
    """None: what could bring more input or output is refused or left out; see fates.py."""


def _no_fields(*_: object) -> tuple[tuple[str, str], ...]:
    """None: what changes the price is left out."""
    return ()


def _open_stream() -> OpenAIStreamReader:
    return OpenAIStreamReader(_NO_ID, pass_usage=True)


def _read_response(body: bytes) -> WholeResponse:
    return read_whole(body, _NO_ID)


def _read_large_response(body: bytearray) -> Steps[WholeResponse]:
    return read_large(body, _NO_ID)


CHAT_CLIENT: ClientFormat[OpenAIRequest] = ClientFormat(
    check_supported=check_fields,
    external_input_field=_no_field,
    extra_output_field=_no_field,
    priced_fields=_no_fields,
    read_request=read_request,
    write_response=write_response,
    open_writer=ChatWriter,
    rename=rename_model,
)
CHAT_UPSTREAM = UpstreamFormat(
    path=CHAT.path,
    stream_type=b"text/event-stream",
    check_supported=check_supported,
    write_request=write_request,
    split_events=SseSplitter,
    open_stream=_open_stream,
    open_output=ChatOutputReader,
    read_response=_read_response,
    read_large_response=_read_large_response,
    read_output=read_output,
    error_message=error_message,
)
