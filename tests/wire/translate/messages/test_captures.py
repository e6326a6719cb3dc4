"""What a real Ollama 0.24.0 said in the Messages API, byte for byte, and our translation of the same answer."""

from __future__ import annotations

import json
from typing import Any

from tests.wire.translate.messages.streams import events_of
from tollkeeper.wire.anthropic.request import MESSAGES, read_request
from tollkeeper.wire.sse import SseSplitter
from tollkeeper.wire.translate.adapter import translated
from tollkeeper.wire.translate.messages.format import MESSAGES_CLIENT, MESSAGES_UPSTREAM

REQUEST = b'{"model":"tiny","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}'
WHOLE = (
    b'{"id":"msg_f02e9888e628644bf8b8e7af","type":"message","role":"assistant","model":"tiny","content":'
    b'[{"type":"text","text":"Hello, this is a"}],"stop_reason":"max_tokens","usage":'
    b'{"input_tokens":21,"output_tokens":5}}'
)
STREAM = b"""\
event: message_start
data: {"type":"message_start","message":{"id":"msg_2e1ca483420c9aa1c05de251","type":"message","role":"assistant",\
"model":"tiny","content":[],"usage":{"input_tokens":1,"output_tokens":0}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":","}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" this"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"input_tokens":21,"output_tokens":3}}

event: message_stop
data: {"type":"message_stop"}

"""
ADAPTER = translated(MESSAGES_CLIENT, MESSAGES_UPSTREAM)
"""There and back: each event is read as output, and that is written as events again."""


def agree(ours: Any, theirs: Any, where: str = "") -> None:
    """Ours says all that theirs does, but for ids, and more only where it is null or 0: Anthropic's own answers have
    these fields."""
    if isinstance(theirs, dict):
        assert isinstance(ours, dict), where
        for name, value in theirs.items():
            if name != "id":
                agree(ours[name], value, f"{where}.{name}")
        more = {name: value for name, value in ours.items() if name not in theirs and value}
        assert not more, where
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), where
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            agree(one, other, f"{where}[{number}]")
    else:
        assert ours == theirs, where


def relayed(stream: bytes) -> bytes:
    reader = ADAPTER.open_stream(read_request(REQUEST, MESSAGES), "req_01")
    passed = b"".join(map(reader.read, SseSplitter(1 << 20).feed(stream)))
    assert reader.complete
    return passed + reader.end


def test_the_whole_answer():
    whole = ADAPTER.read_response(read_request(REQUEST, MESSAGES), WHOLE, "req_01")
    assert whole.convert is not None
    agree(json.loads(whole.convert(WHOLE)), json.loads(WHOLE))


def test_the_stream_event_by_event():
    ours, theirs = events_of(relayed(STREAM)), events_of(STREAM)
    for each in (ours[0], theirs[0]):
        del each["message"]["usage"]["input_tokens"]  # each its own estimate
    agree(ours, theirs)
