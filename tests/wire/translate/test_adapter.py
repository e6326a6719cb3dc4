"""A translation joins a client's format and an upstream's: here two toys, one of words, one of upper-case words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.gateway.toy_dialect import Lines, Reader
from tollkeeper.rules.errors import BadRequest, GatewayError, UpstreamFailure
from tollkeeper.rules.kinds import OPENAI
from tollkeeper.wire.dialect import WholeResponse
from tollkeeper.wire.request import Endpoint, ModelRequest
from tollkeeper.wire.translate.adapter import ClientFormat, UpstreamFormat, translated
from tollkeeper.wire.translate.conversation import Conversation, Text, Turn
from tollkeeper.wire.translate.losses import fates
from tollkeeper.wire.translate.output import Finished, Output, TextDelta
from tollkeeper.wire.usage import UsageReport

REPORT = UsageReport(3, 4)


def read_request(request: ModelRequest, urls: Sequence[str], cap: int | None) -> Conversation:
    if b"?" in request.body:
        raise BadRequest("No questions.", param="text")
    return Conversation(turns=(Turn("user", (Text(request.body.decode()),)),), output_cap=cap)


def check(conversation: Conversation, _: Any) -> None:
    if conversation.output_cap == 13:
        raise BadRequest("Not 13.", param="cap")


def write_request(conversation: Conversation, *, model: str, **_: Any) -> bytes:
    [part] = conversation.turns[0].parts
    assert isinstance(part, Text)
    return f"{model} {part.text.upper()} {conversation.output_cap}".encode()


class Output_:
    def read(self, event: bytes) -> list[TextDelta]:
        return [TextDelta(event.decode())]


class Writer:
    def write(self, event: Any, _: UsageReport) -> bytes:
        return f"<{event.text}>".encode()

    def end(self, report: UsageReport) -> bytes:
        return f"end {report.completion_tokens}".encode()

    def error(self, error: GatewayError) -> bytes:
        return error.message.encode()


UPPER = UpstreamFormat(
    path="/upper",
    stream_type=b"text/x",
    check_supported=check,
    write_request=write_request,
    split_events=Lines,
    open_stream=Reader,
    open_output=Output_,
    read_response=lambda body: WholeResponse(body, REPORT, "stop"),
    read_large_response=None,  # type: ignore[arg-type]
    read_output=lambda body: Output("m", (Text(body.decode()),), Finished("stop")),
    error_message=bytes.decode,
)
LOWER: ClientFormat[ModelRequest] = ClientFormat(
    check_supported=lambda *_: None,
    external_input_field=lambda *_: None,
    extra_output_field=lambda *_: None,
    priced_fields=lambda *_: (),
    read_request=read_request,
    write_response=lambda _, name, output, report: f"{name} {output.parts[0].text.lower()} {report}".encode(),  # type: ignore[union-attr]
    open_writer=lambda *_: Writer(),
    rename=lambda *_: b"",
)
ADAPTER = translated(LOWER, UPPER)


def asking(body: bytes, cap: int | None = None) -> ModelRequest:
    return ModelRequest(endpoint=Endpoint("/lower"), body=body, model="m", stream=True, output_cap=cap, text_bytes=0)


def rewritten(request: ModelRequest, cap: int | None = None) -> bytes:
    return ADAPTER.rewrite(request, model="M", opaque_user=str, image_urls=(), output_cap=cap, kind=OPENAI, price=None)


def test_a_request_is_read_and_written() -> None:
    assert rewritten(asking(b"hi", 7)) == b"M HI 7"
    assert rewritten(asking(b"hi", 7), 5) == b"M HI 5"


def test_what_cannot_be_carried_is_refused_before_a_place_is_taken() -> None:
    for request in (asking(b"hi?"), asking(b"hi", 13)):
        with pytest.raises(BadRequest):
            ADAPTER.check_supported(request, OPENAI)
    long = asking(b"x" * 200_000, 13)
    ADAPTER.check_supported(long, OPENAI)
    with pytest.raises(BadRequest):
        rewritten(long)


def test_a_whole_response_is_metered_as_it_came_and_written_in_a_thread() -> None:
    whole = ADAPTER.read_response(asking(b"hi"), b"HELLO", "req_1")
    assert (whole.body, whole.report, whole.finish_reason) == (b"HELLO", REPORT, "stop")
    assert whole.convert is not None
    assert whole.convert(b"HELLO") == f"req_1 hello {REPORT}".encode()


def test_a_stream_is_translated_event_by_event_and_ends_when_its_base_does() -> None:
    reader = ADAPTER.open_stream(asking(b"hi"), "req_1")
    assert reader.chunk_path(None) is None
    assert reader.read(b'{"w": 1}') == b'<{"w": 1}>'
    assert (reader.begun, reader.done, reader.content_events) == (True, False, 1)
    assert reader.read(b'{"bye": "stop", "in": 3, "out": 4}') == b""
    assert (reader.done, reader.end, reader.finish_reason, reader.report) == (True, b"end 4", "stop", REPORT)
    assert reader.error_event is not None
    assert reader.error_event(BadRequest("Broken.")) == b"Broken."
    with pytest.raises(UpstreamFailure):
        reader.read(b'{"oops": 1, "why": "x"}')


def test_the_fates_of_fields() -> None:
    assert fates(carried="a b", refused="c") == {"a": "carried", "b": "carried", "c": "refused"}


def test_what_is_sent_is_as_long_as_it_is_written():
    assert ADAPTER.sent_bytes is not None
    assert ADAPTER.sent_bytes(asking(b"hi", 7), OPENAI) == len(b"m HI 7")
