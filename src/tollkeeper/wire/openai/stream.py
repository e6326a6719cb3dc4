"""Streamed responses in the OpenAI dialect, event by event: their usage, their end, and their ids, which the gateway
replaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from tollkeeper.rules.errors import GatewayError, UpstreamFailure
from tollkeeper.rules.upstream_status import upstream_failure
from tollkeeper.wire.error_text import error_text
from tollkeeper.wire.event_template import EventTemplate, texts_of
from tollkeeper.wire.http.chunks import ChunkPath
from tollkeeper.wire.json_scan import Steps
from tollkeeper.wire.openai.chunks import (
    ABSENT,
    AT_ONCE,
    Choice,
    Chunk,
    NotAnObject,
    index_of,
    is_empty,
    is_error,
    read_chunk,
    read_large_chunk,
    reason_of,
)
from tollkeeper.wire.openai.request import OpenAIRequest
from tollkeeper.wire.openai.usage import UsageTally, read_usage
from tollkeeper.wire.response_ids import IdSplice, decode_edited
from tollkeeper.wire.response_names import Rename
from tollkeeper.wire.sse import as_event, event_data
from tollkeeper.wire.strict_json import without_member
from tollkeeper.wire.usage import UsageReport


def open_stream(request: OpenAIRequest, request_id: str) -> OpenAIStreamReader:
    """A reader for the streamed response to `request`."""
    response_id = request.response_id(request_id) or ""
    return OpenAIStreamReader(
        response_id, pass_usage=request.wants_usage, choices=request.choices, prompts=request.prompts
    )


class OpenAIStreamReader:
    """Reads one streamed response event by event; see `wire.dialect.StreamReader`.

    `done`: `[DONE]` has come, which is kept as `end`.
    """

    error_event: Callable[[GatewayError], bytes] | None = None

    __slots__ = (
        "_choices",
        "_content_events",
        "_finished",
        "_pass_usage",
        "_places",
        "_splice",
        "_tally",
        "_template",
        "_unfinished",
        "begun",
        "end",
        "finish_reason",
    )

    def __init__(self, response_id: str, *, pass_usage: bool, choices: int = 1, prompts: int = 1) -> None:
        """`choices` is the number of choices requested in all, `prompts` the number of prompts."""
        self._splice = IdSplice(response_id)
        self._pass_usage = pass_usage
        self._choices = choices
        self._places = min(max(choices, _PLACES), _MAX_PLACES)
        self._template = EventTemplate(_TEXTS)
        self._tally = UsageTally(choices, prompts)
        self.finish_reason: str | None = None
        self._content_events = 0
        self.begun = False
        self._unfinished = 0
        """The indexes of the choices that have begun and have no finish reason yet, as bits: a set takes 216 bytes."""
        self._finished = 0
        """Those that have one."""
        self.end = b""
        """The event that ended the stream, which the relay holds back; b"" before it came."""

    @property
    def report(self) -> UsageReport:
        return self._tally.report(self.content_events)

    @property
    def content_events(self) -> int:
        return self._content_events + self._template.count

    @property
    def finished(self) -> bool:
        """Whether every choice that has begun has its finish reason."""
        return bool(self._finished) and not self._unfinished

    @property
    def done(self) -> bool:
        return bool(self.end)

    @property
    def complete(self) -> bool:
        """Whether a finish reason and `[DONE]` came: an Ollama that fails in mid-stream sends no error."""
        return bool(self.end) and self.finish_reason is not None

    def __repr__(self) -> str:
        return (
            f"StreamReader({self.content_events} content events, finish_reason={self.finish_reason}, done={self.done})"
        )

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
        if data == b"[DONE]":
            return self._finish(event)
        try:
            chunk = read_chunk(data)
        except NotAnObject:
            if data.strip() == b"[DONE]":
                return self._finish(event)
            raise _not_json() from None
        return b"" if chunk is None else self._pass_on(event, data, chunk)

    def read_large(self, event: bytes) -> Steps[bytes]:
        """As `read`, in steps, for an event that is too long to be read at once."""
        data = event_data(event)
        if data is None:
            return event
        if self.end:
            return b""
        yield
        text = data.strip()
        try:
            chunk, id_at = yield from read_large_chunk(text)
        except NotAnObject:
            raise _not_json() from None
        self._note_chunk(chunk)
        if not (chunk.usage is ABSENT or self._pass_usage or chunk.choices):
            return b""  # the event that has only usage
        self.begun = True
        if id_at is None:
            return event
        yield
        return as_event(b"".join((text[: id_at[0]], self._splice.token, text[id_at[1] :])))

    def _finish(self, event: bytes) -> bytes:
        self.end = event
        self._template.forget()  # nothing may follow
        return b""

    def _pass_on(self, event: bytes, data: bytes, chunk: Chunk) -> bytes:
        has_content, silent = self._note_chunk(chunk)
        original = event
        if chunk.usage is not ABSENT and not self._pass_usage:
            if not chunk.choices:
                return b""  # the event that has only usage
            if len(data) <= AT_ONCE:
                event = _without_usage(event, data)
        self.begun = True
        if isinstance(chunk.id, str):
            event = self._splice(event, chunk.id)
        if has_content and not self._finished and silent and self._choices == 1:
            self._template.learn(original, event)  # an event with a finish reason has further effects
        return event

    def _note_chunk(self, chunk: Chunk) -> tuple[bool, bool]:
        """Note what a chunk says. Returns whether it has output, and whether it has no usage. Raises UpstreamFailure or
        UpstreamRefusal for an error."""
        if chunk.error is not ABSENT and is_error(chunk.error):
            raise upstream_failure("The upstream failed in the middle of its answer.", error_text(chunk.error))
        has_content = self._follow(chunk.choices or ())
        silent = chunk.usage is ABSENT or is_empty(chunk.usage)
        if not silent:
            self._note(chunk)
        return has_content, silent

    def _follow(self, choices: Iterable[Choice]) -> bool:
        """Note finish reasons and count output. Returns whether any of the choices has output."""
        content = False
        for choice in choices:
            index = choice.index
            if type(index) is not int or not 0 <= index < self._places:
                index = index_of(index, self._places)
            reason = choice.finish_reason
            if reason is not None and (reason := reason_of(reason)) is not None:
                self.finish_reason = reason
                self._finished |= 1 << index
                self._unfinished &= ~(1 << index)
            elif not self._finished >> index & 1:
                self._unfinished |= 1 << index
            if choice.has_content():
                content = True
                if self._choices != 1:
                    self._tally.content[index] = self._tally.content.get(index, 0) + 1
        self._content_events += content
        return content

    def _note(self, chunk: Chunk) -> None:
        index = index_of(chunk.choices[0].index, self._places) if chunk.choices else None
        self._tally.add(read_usage(chunk.usage), index, self.content_events, of_one=not is_empty(chunk.timings))


_TEXTS = texts_of("content", "text", "reasoning", "reasoning_content", "refusal", "arguments", "obfuscation")
_PLACES, _MAX_PLACES = 128, 65_536
"""How many indexes of choices are distinguished, at least and at most: an upstream may send any."""


def _not_json() -> UpstreamFailure:
    return UpstreamFailure("The upstream sent an event that is not JSON of its API.")


def _without_usage(event: bytes, data: bytes) -> bytes:
    """The event without its usage; unchanged where its text cannot be edited."""
    fields = decode_edited(data)
    if fields is None:
        return event
    try:
        return as_event(without_member(data, fields, "usage"))
    except ValueError:  # a duplicate name
        del fields["usage"]
        return as_event(msgspec.json.encode(fields))
