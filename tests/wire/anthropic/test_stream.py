"""Streamed responses in the Messages dialect."""

import json

import pytest

from tollkeeper.rules.errors import GatewayError
from tollkeeper.wire.anthropic.stream import MessagesStreamReader
from tollkeeper.wire.sse import SseSplitter
from tollkeeper.wire.usage import UsageReport


def event(kind, **fields):
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | fields, separators=(',', ':'))}\n\n".encode()


def delta(**fields):
    return event("content_block_delta", index=0, delta=fields)


MESSAGE = {"id": "msg_up", "type": "message", "content": [], "usage": {"input_tokens": 1, "output_tokens": 0}}
START = event("message_start", message=MESSAGE)
# As Ollama 0.24.0 sends it, with a ping as Anthropic does.
STREAM = [
    START,
    event("ping"),
    event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    delta(type="text_delta", text="Hello"),
    delta(type="text_delta", text=","),
    event("content_block_stop", index=0),
    event("message_delta", delta={"stop_reason": "end_turn"}, usage={"input_tokens": 21, "output_tokens": 3}),
    event("message_stop"),
]


def in_steps(reader, sent):
    steps = reader.read_large(sent)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


READ = pytest.mark.parametrize("read", [MessagesStreamReader.read, in_steps])


@READ
def test_a_stream_is_followed_to_its_end(read):
    reader = MessagesStreamReader("msg_1")
    passed = [read(reader, each) for each in STREAM]
    assert passed == [START.replace(b"msg_up", b"msg_1"), *STREAM[1:-1], b""]
    assert (reader.done, reader.complete, reader.end) == (True, True, STREAM[-1])
    assert (reader.content_events, reader.finish_reason) == (2, "end_turn")
    assert reader.report == UsageReport(21, 3)
    assert read(reader, STREAM[3]) == b"", "nothing follows the end"


def test_cut_anywhere_it_is_followed_alike():
    text = b"".join(STREAM)
    for at in range(1, len(text)):
        splitter, reader = SseSplitter(100_000), MessagesStreamReader("msg_1")
        for piece in (text[:at], text[at:]):
            for each in splitter.feed(piece, 100):
                reader.read(each)
        assert (reader.complete, reader.report) == (True, UsageReport(21, 3))


def test_a_call_of_a_tool_is_output_and_so_is_what_was_thought():
    reader = MessagesStreamReader("msg_1")
    reader.read(event("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""}))
    reader.read(delta(type="thinking_delta", thinking="hm"))
    reader.read(delta(type="signature_delta", signature="c2ln"))
    reader.read(event("content_block_start", index=1, content_block={"type": "tool_use", "id": "t", "name": "f"}))
    reader.read(delta(type="input_json_delta", partial_json="{}"))
    assert reader.content_events == 4


def test_a_ping_begins_nothing():
    reader = MessagesStreamReader("msg_1")
    assert reader.read(event("ping")) == event("ping")
    assert reader.read(b": comment\n\n") == b": comment\n\n"
    assert not reader.begun
    reader.read(START)
    assert reader.begun


def test_the_id_is_replaced_and_nothing_that_looks_like_it():
    start = event("message_start", message={"type": "message", "model": "message", "id": "message"})
    assert json.loads(MessagesStreamReader("msg_1").read(start).split(b"data: ")[1]) == {
        "type": "message_start",
        "message": {"type": "message", "model": "message", "id": "msg_1"},
    }


def test_one_that_was_cut_off_is_not_complete():
    reader = MessagesStreamReader("msg_1")
    for each in STREAM[:-2]:
        reader.read(each)
    assert (reader.done, reader.complete, reader.finished) == (False, False, False)
    reader.read(STREAM[-2])
    assert (reader.finished, reader.complete) == (True, False)


@READ
@pytest.mark.parametrize(
    "sent",
    [
        event("error", error={"type": "overloaded_error", "message": "Overloaded"}),
        b'data: {"error":{"message":"broken"}}\n\n',
        b"data: <html>\n\n",
        b"data: []\n\n",
    ],
)
def test_an_error_or_what_is_no_event_fails(read, sent):
    with pytest.raises(GatewayError):
        read(MessagesStreamReader("msg_1"), sent)


@READ
@pytest.mark.parametrize(
    "sent",
    [
        b'data: {"type":"message_start","message":5}\n\n',
        b'data: {"type":"message_delta","delta":[],"usage":"x"}\n\n',
        b'data: {"type":"content_block_start","content_block":null}\n\n',
        b'data: {"type":5}\n\n',
        b"data: {}\n\n",
    ],
)
def test_an_odd_event_passes(read, sent):
    reader = MessagesStreamReader("msg_1")
    assert read(reader, sent) == sent
    assert (reader.finish_reason, reader.done) == (None, False)
