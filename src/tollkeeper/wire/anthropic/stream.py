"""Streamed responses in the Messages dialect, event by event: their usage, their end, and their id, which the gateway
replaces.

    message_start ── content_block_start, content_block_delta …, content_block_stop … ── message_delta ── message_stop

`ping` may come anywhere, and `error` instead of any of them (Anthropic's API reference, "Streaming messages").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw, Struct

from tollkeeper.rules.errors import GatewayError, UpstreamFailure
from tollkeeper.rules.upstream_status import upstream_failure
from tollkeeper.wire.anthropic.request import AnthropicRequest
from tollkeeper.wire.anthropic.usage import UsageTally
from tollkeeper.wire.error_text import error_text
from tollkeeper.wire.event_template import EventTemplate, texts_of
from tollkeeper.wire.http.chunks import ChunkPath
from tollkeeper.wire.json_scan import NotJson, Steps, members
from tollkeeper.wire.response_ids import IdSplice
from tollkeeper.wire.response_names import Rename
from tollkeeper.wire.sse import event_data
from tollkeeper.wire.usage import UsageReport

ABSENT = Raw(b"")
_TEXTS = texts_of("text", "thinking", "partial_json")
_MAX_REASON = 64
_BEGINNING = 65_536


class _Message(Struct, gc=False):
    id: Any = None
    usage: Raw = ABSENT


class _Block(Struct, gc=False):
    type: Any = None


class _Delta(Struct, gc=False):
    stop_reason: Any = None


class _Event(Struct, gc=False):
    type: Any = None
    message: Raw = ABSENT
    content_block: Raw = ABSENT
    delta: Raw = ABSENT
    usage: Raw = ABSENT
    error: Raw = ABSENT


_read_event = msgspec.json.Decoder(_Event).decode
_read_message = msgspec.json.Decoder(_Message).decode
_read_block = msgspec.json.Decoder(_Block).decode
_read_delta = msgspec.json.Decoder(_Delta).decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class MessagesStreamReader:
    """Reads one streamed response event by event; see `wire.dialect.StreamReader`.

    `done`: `message_stop` has come, which is kept as `end`.
    """

    error_event: Callable[[GatewayError], bytes] | None = None

    __slots__ = ("_content_events", "_splice", "_tally", "_template", "begun", "end", "finish_reason")

    def __init__(self, response_id: str) -> None:
        self._splice = IdSplice(response_id)
        self._tally = UsageTally()
        self.finish_reason: str | None = None
        self._content_events = 0
        self._template = EventTemplate(_TEXTS)
        self.begun = False
        self.end = b""
        """The event that ended the stream, which the relay holds back; b"" before it came."""

    def __repr__(self) -> str:
        return f"MessagesStreamReader({self.content_events} content events, {self.finish_reason}, done={self.done})"

    @property
    def report(self) -> UsageReport:
        return self._tally.report

    @property
    def content_events(self) -> int:
        return self._content_events + self._template.count

    @property
    def finished(self) -> bool:
        """Whether all output has come."""
        return self.finish_reason is not None

    @property
    def done(self) -> bool:
        return bool(self.end)

    @property
    def complete(self) -> bool:
        return bool(self.end) and self.finish_reason is not None

    def chunk_path(self, rename: Rename | None) -> ChunkPath | None:
        """As the template of its events."""
        return self._template.chunk_path(rename)

    def read(self, event: bytes) -> bytes:
        """The bytes to pass on for `event` (b"": none). Raises UpstreamFailure or UpstreamRefusal for an error or a
        broken event."""
        passed = self._template.apply(event)
        if passed is not None:
            return passed
        data = event_data(event)
        if data is None:
            return event  # a comment, or nothing
        if self.end:
            return b""  # nothing may follow the end
        try:
            fields = _read_event(data)
        except _UNREADABLE:
            raise _not_json() from None
        return self._note(fields, event)

    def read_large(self, event: bytes) -> Steps[bytes]:
        """As `read`, in steps, for an event that is too long to be read at once."""
        data = event_data(event)
        if data is None:
            return event
        if self.end:
            return b""
        yield
        try:
            found = yield from members(data.strip(), alone=True)
        except NotJson:
            raise _not_json() from None
        text = data.strip()

        def short(name: bytes) -> Raw:
            start, end = found.get(name, (0, 0))
            return Raw(text[start : min(end, start + _BEGINNING)])

        kind = _value(short(b"type"))
        fields = _Event(kind, *(short(name) for name in (b"message", b"content_block", b"delta", b"usage", b"error")))
        return self._note(fields, event)

    def _note(self, event: _Event, sent: bytes) -> bytes:
        kind = event.type
        if kind == "error" or bytes(event.error) not in (b"", b"null"):
            raise upstream_failure("The upstream failed in the middle of its answer.", error_text(event.error))
        if kind == "content_block_delta":
            self.begun = True
            self._content_events += 1
            self._template.learn(sent, sent)
        elif kind == "content_block_start":
            self.begun = True
            if _type_of(event.content_block) not in ("text", "thinking"):
                self._content_events += 1  # the name of a tool, or all of a block
        elif kind == "message_start":
            self.begun = True
            return self._start(event.message, sent)
        elif kind == "message_delta":
            self._tally.add(event.usage)
            reason = _stop_reason(event.delta)
            if reason is not None:
                self.finish_reason = reason
        elif kind == "message_stop":
            self.end = sent
            self._template.forget()  # nothing may follow
            return b""
        return sent

    def _start(self, raw: Raw, sent: bytes) -> bytes:
        try:
            message = _read_message(raw)
        except _UNREADABLE:
            return sent
        self._tally.add(message.usage, begins=True)
        if not isinstance(message.id, str):
            return sent
        return self._splice(sent, message.id)


def open_stream(request: AnthropicRequest, request_id: str) -> MessagesStreamReader:
    """A reader for the streamed response to `request`."""
    return MessagesStreamReader(request.response_id(request_id))


def _not_json() -> UpstreamFailure:
    return UpstreamFailure("The upstream sent an event that is not JSON of its API.")


def _value(raw: Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except _UNREADABLE:
        return None


def _type_of(block: Raw) -> Any:
    try:
        return _read_block(block).type
    except _UNREADABLE:
        return None


def _stop_reason(delta: Raw) -> str | None:
    try:
        reason = _read_delta(delta).stop_reason
    except _UNREADABLE:
        return None
    return reason[:_MAX_REASON] if isinstance(reason, str) and reason else None
