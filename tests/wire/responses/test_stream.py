"""Streamed responses in the Responses dialect."""

import json
from pathlib import Path

import pytest

from tests.responses_shapes import data_of, message, responses_stream, responses_usage, typed
from tests.wire.chunk_paths import passed_by_chunk
from tollkeeper.rules.errors import GatewayError, UpstreamFailure
from tollkeeper.wire.responses.stream import ResponsesStreamReader
from tollkeeper.wire.sse import SseSplitter
from tollkeeper.wire.usage import NO_REPORT, UsageReport

STREAM = responses_stream()
CAPTURED = (Path(__file__).parent / "ollama_0_24_stream.txt").read_bytes()
"""As a real Ollama 0.24.0 sent it, whose fields are in the order of the alphabet."""


def opened():
    return ResponsesStreamReader("resp_1", "tiny")


def in_steps(reader, sent):
    steps = reader.read_large(sent)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


READ = pytest.mark.parametrize("read", [ResponsesStreamReader.read, in_steps])


@READ
@pytest.mark.parametrize("stream", [STREAM, SseSplitter(10**9).feed(CAPTURED)], ids=["openai", "ollama"])
def test_a_stream_is_followed_to_its_end(read, stream):
    reader = opened()
    passed = [read(reader, each) for each in stream]
    ours = [each.replace(b"resp_up", b"resp_1").replace(b"resp_847023", b"resp_1") for each in stream]
    assert passed == [*ours[:-1], b""]
    assert (reader.done, reader.complete, reader.finished, reader.end) == (True, True, True, ours[-1])
    assert (reader.content_events, reader.finish_reason, reader.begun) == (3, "completed", True)
    assert reader.report in (UsageReport(7, 3), UsageReport(21, 3))
    assert read(reader, stream[4]) == b"", "nothing follows the end"
    assert passed_by_chunk(reader, stream[4]) is None


def test_cut_anywhere_it_is_followed_alike():
    text = b"".join(STREAM)
    for size in (1, 7, 100):
        reader, splitter = opened(), SseSplitter(10**9)
        passed = b"".join(
            reader.read(event) for at in range(0, len(text), size) for event in splitter.feed(text[at : at + size])
        )
        assert passed + reader.end == text.replace(b"resp_up", b"resp_1")


def test_more_output_needs_little_reading():
    reader = opened()
    assert passed_by_chunk(reader, STREAM[4]) == STREAM[4]
    assert (reader.content_events, reader.begun) == (1, True)
    for other in (
        STREAM[0],
        STREAM[7],
        STREAM[4] + STREAM[5],
        STREAM[4][:-1],
        STREAM[4].replace(b"\n", b"\r\n"),
        STREAM[4].replace(b"event: response.output_text.delta", b"event: response.refusal.delta"),
        STREAM[4].replace(b'"delta":', b'"error":{"message":"x"},"delta":'),
        STREAM[4].replace(b'"delta":', b'"delta"'),
        STREAM[4].replace(b'"delta":', b'"model":"up","delta":'),
    ):
        assert passed_by_chunk(reader, other) is None


@READ
@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_an_incomplete_one_is_complete_as_a_stream(read, reason):
    reader = opened()
    for each in responses_stream(end="incomplete", incomplete_details={"reason": reason}):
        read(reader, each)
    assert (reader.complete, reader.finish_reason) == (True, reason)


@READ
@pytest.mark.parametrize(
    "event",
    [
        typed("error", 2, code="server_error", message="out of memory", param=None),
        typed("error", 2, error={"code": "server_error", "message": "out of memory"}),
        b'data: {"error":{"message":"out of memory"}}\n\n',
        responses_stream(end="failed", error={"code": "server_error", "message": "out of memory"})[-1],
    ],
)
def test_a_failure_is_raised(read, event):
    reader = opened()
    read(reader, STREAM[0])
    with pytest.raises(GatewayError) as caught:
        read(reader, event)
    assert (caught.value.status, getattr(caught.value, "detail", None)) == (502, "out of memory")
    assert not reader.complete


@READ
def test_what_a_failed_response_used_is_known(read):
    reader = opened()
    failed = responses_stream(end="failed", error={"message": "x"}, usage=responses_usage(9, 4))[-1]
    with pytest.raises(GatewayError):
        read(reader, failed)
    assert reader.report == UsageReport(9, 4)


@READ
@pytest.mark.parametrize("event", [b"data: nothing\n\n", b"data: [1]\n\n", b'data: {"response":{]}\n\n'])
def test_what_is_no_event_of_the_dialect(read, event):
    with pytest.raises(UpstreamFailure):
        read(opened(), event)


def test_comments_and_the_end_of_other_dialects_are_no_events():
    reader = opened()
    assert reader.read(b": hi\n\n") == b": hi\n\n"
    assert reader.read(b"data: [DONE]\n\n") == b""
    assert (reader.begun, reader.done, reader.report) == (False, False, NO_REPORT)


def test_an_item_that_comes_whole_counts_once():
    reader = opened()
    item = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    reader.read(typed("response.output_item.added", 2, output_index=0, item=item))
    reader.read(typed("response.output_item.done", 3, output_index=0, item=item))
    assert reader.content_events == 1
    reader.read(typed("response.output_item.added", 4, output_index=1, item=item))
    reader.read(typed("response.function_call_arguments.delta", 5, delta="{}"))
    reader.read(typed("response.output_item.done", 6, output_index=1, item=item))
    assert reader.content_events == 2


@READ
@pytest.mark.parametrize("seen", range(1, len(STREAM) - 1))
def test_a_stream_that_fails_here_ends_as_the_response_began(read, seen):
    reader = opened()
    passed = b"".join(read(reader, each) for each in STREAM[:seen])
    *_, last = data_of(passed + reader.error_event(UpstreamFailure("Gone.")))
    assert last["type"] == "response.failed"
    began = data_of(STREAM[0])[0]["response"]
    assert last["response"] == began | {"id": "resp_1", "status": "failed", "error": last["response"]["error"]}
    assert last["response"]["error"]["message"] == "Gone."


def test_one_that_fails_before_it_began_has_an_id():
    (failed,) = data_of(opened().error_event(UpstreamFailure("Gone.")))
    assert (failed["response"]["id"], failed["response"]["model"]) == ("resp_1", "tiny")


def test_a_long_last_event_is_read_in_steps():
    text = "a" * 400_000
    reader = opened()
    last = typed(
        "response.completed", 9, response=json.loads(STREAM[-1][32:-2])["response"] | {"output": [message(text)]}
    )
    assert in_steps(reader, last) == b""
    assert reader.end == last.replace(b"resp_up", b"resp_1")
    assert reader.report == UsageReport(7, 3)
