"""An event that comes again but for its text is not read again: nothing that can be seen may tell."""

from __future__ import annotations

import json

import pytest

from tests.wire.chunk_paths import passed_by_chunk
from tollkeeper.wire.anthropic.stream import MessagesStreamReader


def delta(text: str, kind: str = "text_delta", field: str = "text", index: int = 0) -> bytes:
    data = {"type": "content_block_delta", "index": index, "delta": {"type": kind, field: text}}
    return b"event: content_block_delta\ndata: " + json.dumps(data).encode() + b"\n\n"


STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


@pytest.mark.parametrize(
    ("kind", "field"), [("text_delta", "text"), ("thinking_delta", "thinking"), ("input_json_delta", "partial_json")]
)
def test_more_output_is_passed_on_unread_and_counts(kind: str, field: str) -> None:
    reader = MessagesStreamReader("msg_1")
    assert passed_by_chunk(reader, delta("a", kind, field)) is None
    reader.read(delta("a", kind, field))
    for word in ("b", '{"a":\n'):
        assert passed_by_chunk(reader, delta(word, kind, field)) == delta(word, kind, field)
    assert reader.read(delta("c", kind, field)) == delta("c", kind, field)
    assert reader.content_events == 4


@pytest.mark.parametrize(
    "other",
    [
        delta("b", index=1),
        delta("b", "thinking_delta", "thinking"),
        delta("b").replace(b"content_block_delta", b"content_block_start"),
        delta("b") * 2,
        delta("b")[:-1],
        STOP,
        b'event: error\ndata: {"type":"error","error":{"message":"no"}}\n\n',
    ],
)
def test_all_else_is_read(other: bytes) -> None:
    reader = MessagesStreamReader("msg_1")
    reader.read(delta("a"))
    assert passed_by_chunk(reader, other) is None
    assert reader.content_events == 1


def test_nothing_follows_the_end() -> None:
    reader = MessagesStreamReader("msg_1")
    reader.read(delta("a"))
    reader.read(STOP)
    assert passed_by_chunk(reader, delta("b")) is None
    assert reader.read(delta("b")) == b""
    assert reader.content_events == 1
