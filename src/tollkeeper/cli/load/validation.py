"""Validation of responses, and the times at which their tokens arrived.

The gateway's own readers of responses are not used, so that a fault in them cannot hide itself.
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw, Struct

from tollkeeper.cli.load.measurements import Measurements
from tollkeeper.wire.sse import EventTooLarge, SseSplitter, event_data

MAX_BYTES = 64 * 1024 * 1024
"""Bytes of one response, or of one event, that are kept in memory."""
TOO_LARGE = f"larger than {MAX_BYTES >> 20} MB"
NOT_JSON = "not a JSON response of the API"
NO_DONE = "stream without [DONE]"
ERROR_IN_STREAM = "error in the stream"

_ABSENT = Raw(b"")
_EMPTY = (b"", b"null", b'""', b"[]")
# Text from a server is shown only if it cannot be anything but an error code: it might repeat a key.
_CODE = re.compile(r"[a-z_]{1,60}")


class _Delta(Struct, gc=False):
    content: Raw = _ABSENT
    reasoning: Raw = _ABSENT
    reasoning_content: Raw = _ABSENT
    tool_calls: Raw = _ABSENT


class _Choice(Struct, gc=False):
    delta: _Delta | None = None

    def has_token(self) -> bool:
        delta = self.delta
        return delta is not None and not (
            bytes(delta.content) in _EMPTY
            and bytes(delta.reasoning) in _EMPTY
            and bytes(delta.reasoning_content) in _EMPTY
            and bytes(delta.tool_calls) in _EMPTY
        )


class _Usage(Struct, gc=False):
    completion_tokens: int | None = None


class _Event(Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Raw = _ABSENT


class _Body(Struct, gc=False):
    usage: _Usage | None = None
    error: Raw = _ABSENT


class _ErrorFields(Struct, gc=False):
    code: str | None = None


class _ErrorBody(Struct, gc=False):
    error: _ErrorFields | None = None


_decode_event = msgspec.json.Decoder(_Event).decode
_decode_body = msgspec.json.Decoder(_Body).decode
_decode_error = msgspec.json.Decoder(_ErrorBody).decode


class WholeResponseReader:
    """Reads responses that are not streamed, one after another. `error` is what is wrong with the current one."""

    __slots__ = ("_measurements", "_parts", "_size", "error")

    def __init__(self, measurements: Measurements) -> None:
        self._measurements = measurements
        self._parts: list[bytes] = []
        self._size = 0
        self.error: str | None = None

    def start(self, began: float) -> None:  # noqa: ARG002 (the interface of StreamedResponseReader)
        self._parts.clear()
        self._size = 0
        self.error = None

    def feed(self, data: bytes, now: float) -> None:  # noqa: ARG002
        self._size += len(data)
        if self._size > MAX_BYTES:
            self.error = TOO_LARGE
        else:
            self._parts.append(data)

    def finish(self, status: int) -> str | None:
        """The error of the response, which has ended; None if it has none."""
        body = b"".join(self._parts)
        if status != 200:
            return self.error or f"{status}{_error_code(body)}"
        try:
            response = _decode_body(body)
        except msgspec.DecodeError:
            return self.error or NOT_JSON
        if bytes(response.error) not in _EMPTY:
            return self.error or "error with status 200"
        if response.usage is not None and response.usage.completion_tokens is not None:
            self._measurements.add_tokens(response.usage.completion_tokens)
        return self.error


class StreamedResponseReader:
    """Reads streamed responses with status 200, one after another. `error` is what is wrong with the current one."""

    __slots__ = ("_began", "_done", "_last_token", "_measurements", "_splitter", "_usage", "error")

    def __init__(self, measurements: Measurements) -> None:
        self._measurements = measurements
        self.error: str | None = None
        self.start(0.0)

    def start(self, began: float) -> None:
        self._splitter = SseSplitter(MAX_BYTES)
        self._began = began
        self._last_token = 0.0
        self._usage: int | None = None
        self._done = False
        self.error = None

    def feed(self, data: bytes, now: float) -> None:
        try:
            events = self._splitter.feed(data)
        except EventTooLarge:
            self.error = TOO_LARGE
            return
        for event in events:
            content = event_data(event)
            if content == b"[DONE]":
                self._measurements.events += 1
                self._done = True
            elif content is not None:
                self._measurements.events += 1
                self._read_event(content, now)

    def finish(self, status: int) -> str | None:  # noqa: ARG002
        if self._usage is not None:
            self._measurements.add_tokens(self._usage)
        return self.error or (None if self._done else NO_DONE)

    def _read_event(self, content: bytes, now: float) -> None:
        try:
            event = _decode_event(content)
        except msgspec.DecodeError:
            self.error = self.error or NOT_JSON
            return
        if bytes(event.error) not in _EMPTY:
            self.error = self.error or f"{ERROR_IN_STREAM}{_error_code(content)}"
            return
        if event.usage is not None and event.usage.completion_tokens is not None:
            self._usage = event.usage.completion_tokens  # some servers send it with each event; the last one counts
        for choice in event.choices or ():
            if choice.has_token():
                self._record_token(now)
                break

    def _record_token(self, now: float) -> None:
        if self._last_token:
            self._measurements.between.record(now - self._last_token)
        else:
            self._measurements.first.record(now - self._began)
        self._last_token = now


def _error_code(body: bytes) -> str:
    """The code of an error, after a blank; empty if there is none."""
    try:
        decoded = _decode_error(body)
    except msgspec.DecodeError:
        return ""
    code = decoded.error.code if decoded.error is not None else None
    return f" {code}" if code is not None and _CODE.fullmatch(code) else ""
