"""Whether an answer is whole and good, and when its tokens came. Own eyes: what is measured does not judge itself."""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw, Struct

from tollkeeper.cli.load.tally import Tally
from tollkeeper.wire.sse import EventSplitter, EventTooLarge, event_data

BOUND = 64 * 1024 * 1024
"""Bytes of one answer, or of one event, that are held."""
TOO_LONG = f"longer than {BOUND >> 20} MB"
NOT_JSON = "not JSON of the API"
NOT_DONE = "a stream ended without [DONE]"
ERROR_IN_STREAM = "an error in the stream"

_ABSENT = Raw(b"")
_EMPTY = (b"", b"null", b'""', b"[]")
# What a server says is shown only where it cannot be anything but the name of an error.
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


class _Answer(Struct, gc=False):
    usage: _Usage | None = None
    error: Raw = _ABSENT


class _Reason(Struct, gc=False):
    code: str | None = None


class _Refusal(Struct, gc=False):
    error: _Reason | None = None


_read_event = msgspec.json.Decoder(_Event).decode
_read_answer = msgspec.json.Decoder(_Answer).decode
_read_refusal = msgspec.json.Decoder(_Refusal).decode


class Whole:
    """Answers that come in one piece, one after the other. `fault` says what is wrong with the one under way."""

    __slots__ = ("_parts", "_size", "_tally", "fault")

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._parts: list[bytes] = []
        self._size = 0
        self.fault: str | None = None

    def begin(self, began: float) -> None:  # noqa: ARG002 (as Streamed has it)
        self._parts.clear()
        self._size = 0
        self.fault = None

    def take(self, data: bytes, now: float) -> None:  # noqa: ARG002
        self._size += len(data)
        if self._size > BOUND:
            self.fault = TOO_LONG
        else:
            self._parts.append(data)

    def judge(self, status: int) -> str | None:
        """What is wrong with it, now that its end has come."""
        body = b"".join(self._parts)
        if status != 200:
            return self.fault or f"{status}{_reason(body)}"
        try:
            answer = _read_answer(body)
        except msgspec.DecodeError:
            return self.fault or NOT_JSON
        if bytes(answer.error) not in _EMPTY:
            return self.fault or "an error with status 200"
        if answer.usage is not None and answer.usage.completion_tokens is not None:
            self._tally.tokens(answer.usage.completion_tokens)
        return self.fault


class Streamed:
    """The same of answers that are streamed, with status 200."""

    __slots__ = ("_began", "_done", "_last", "_splitter", "_tally", "_told", "fault")

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self.fault: str | None = None
        self.begin(0.0)

    def begin(self, began: float) -> None:
        self._splitter = EventSplitter(BOUND)
        self._began = began
        self._last = 0.0
        self._told: int | None = None
        self._done = False
        self.fault = None

    def take(self, data: bytes, now: float) -> None:
        try:
            events = self._splitter.feed(data)
        except EventTooLarge:
            self.fault = TOO_LONG
            return
        for event in events:
            content = event_data(event)
            if content == b"[DONE]":
                self._tally.events += 1
                self._done = True
            elif content is not None:
                self._tally.events += 1
                self._read(content, now)

    def judge(self, status: int) -> str | None:  # noqa: ARG002
        if self._told is not None:
            self._tally.tokens(self._told)
        return self.fault or (None if self._done else NOT_DONE)

    def _read(self, content: bytes, now: float) -> None:
        try:
            event = _read_event(content)
        except msgspec.DecodeError:
            self.fault = self.fault or NOT_JSON
            return
        if bytes(event.error) not in _EMPTY:
            self.fault = self.fault or f"{ERROR_IN_STREAM}{_reason(content)}"
            return
        if event.usage is not None and event.usage.completion_tokens is not None:
            self._told = event.usage.completion_tokens  # some tell it with each event; the last counts
        for choice in event.choices or ():
            if choice.has_token():
                self._token(now)
                break

    def _token(self, now: float) -> None:
        if self._last:
            self._tally.between.record(now - self._last)
        else:
            self._tally.first.record(now - self._began)
        self._last = now


def _reason(body: bytes) -> str:
    """The code of an error, if it is one."""
    try:
        refusal = _read_refusal(body)
    except msgspec.DecodeError:
        return ""
    code = refusal.error.code if refusal.error is not None else None
    return f" {code}" if code is not None and _CODE.fullmatch(code) else ""
