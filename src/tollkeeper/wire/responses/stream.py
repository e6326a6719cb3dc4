"""Streamed responses in the Responses dialect, event by event: their usage, their end, and their id, which the gateway
replaces.

    response.created ── response.in_progress ── output_item.added, … .delta …, output_item.done …
        ── response.completed, response.incomplete or response.failed

Each event has its `type` and a `sequence_number`, from 0 on; `error` may come instead of any of them (OpenAI's API
reference, "Streaming events"). All but the first and the last ones pass as they came.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from tollkeeper.rules.errors import GatewayError, UpstreamFailure
from tollkeeper.wire.http.chunks import ChunkPath, content_of
from tollkeeper.wire.json_scan import NotJson, Steps, members
from tollkeeper.wire.json_slices import joined
from tollkeeper.wire.response_ids import IdSplice
from tollkeeper.wire.responses.errors import failed_event
from tollkeeper.wire.responses.request import ResponsesRequest
from tollkeeper.wire.responses.response import ABSENT, UNREADABLE, ResponseObject, failure_of, object_of, read_object
from tollkeeper.wire.sse import event_data
from tollkeeper.wire.usage import NO_REPORT, UsageReport, count_of

_BEGUN = ("response.created", "response.in_progress", "response.queued")
_ENDS = ("response.completed", "response.incomplete")
_FAILED = "The upstream failed in the middle of its answer."


class _Event(Struct, gc=False):
    type: Any = None
    response: Raw = ABSENT
    error: Raw = ABSENT
    message: Any = None
    sequence_number: Any = None


_read_event = msgspec.json.Decoder(_Event).decode
_read_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def open_stream(request: ResponsesRequest, request_id: str) -> ResponsesStreamReader:
    """A reader for the streamed response to `request`."""
    return ResponsesStreamReader(request.response_id(request_id), request.model)


class ResponsesStreamReader:
    """Reads one streamed response event by event; see `wire.dialect.StreamReader`.

    `done`: the event has come that holds the whole response, which is kept as `end`.
    """

    __slots__ = (
        "_deltas",
        "_first",
        "_last",
        "_model",
        "_response_id",
        "_silent",
        "_splice",
        "begun",
        "complete",
        "end",
        "finish_reason",
        "report",
    )

    def __init__(self, response_id: str, model: str) -> None:
        self._splice = IdSplice(response_id)
        self._response_id, self._model = response_id, model
        self._first = b""
        """The event with which the response began."""
        self._last = b""
        """The last event that was passed on, for its number."""
        self._deltas = 0
        self._silent = True
        """Whether the item that the model makes has had no output yet."""
        self.report: UsageReport = NO_REPORT
        self.finish_reason: str | None = None
        self.begun = False
        self.complete = False
        self.end = b""
        """The event that ended the stream, which the relay holds back; b"" before it came."""

    def __repr__(self) -> str:
        return f"ResponsesStreamReader({self.content_events} content events, {self.finish_reason}, done={self.done})"

    @property
    def content_events(self) -> int:
        return self._deltas

    @property
    def finished(self) -> bool:
        """Whether all output has come, which the last event alone says."""
        return self.done

    @property
    def done(self) -> bool:
        return bool(self.end)

    def _delta(self, event: bytes) -> bytes | None:
        """The bytes to pass on for an event that holds nothing but more output; None for all other bytes."""
        if not _is_delta(event):
            return None
        self.begun = True
        self._silent = False
        self._deltas += 1
        self._last = event
        return event

    def chunk_path(self, _: object) -> ChunkPath | None:
        """A function that passes on, as it is, an event that holds nothing but more output."""
        return None if self.end else self._pass_chunk

    def _pass_chunk(self, chunk: bytes) -> bytes | None:
        event = content_of(chunk)
        if event is None or b'"model"' in event or self._delta(event) is None:
            return None
        return chunk

    def read(self, event: bytes) -> bytes:
        """The bytes to pass on for `event` (b"": none). Raises UpstreamFailure or UpstreamRefusal for an error or a
        broken event."""
        if self.end:
            return b"" if event_data(event) is not None else event  # nothing may follow the end
        passed = self._delta(event)
        if passed is not None:
            return passed
        data = event_data(event)
        if data is None:
            return event  # a comment, or nothing
        if data.strip() == b"[DONE]":
            return b""  # of servers that end every stream so: no event of this dialect
        try:
            fields = _read_event(data)
        except UNREADABLE:
            raise _not_json() from None
        response = None
        if memoryview(fields.response).nbytes:
            try:
                response = read_object(fields.response)
            except UNREADABLE:
                raise _not_json() from None
        return self._note(fields, response, event)

    def read_large(self, event: bytes) -> Steps[bytes]:
        """As `read`, in steps, for an event that is too long to be read at once."""
        if self.end:
            return b""
        data = event_data(event)
        if data is None:
            return event
        yield
        text = data.strip()
        try:
            found = yield from members(text, alone=True)
            start, end = found.get(b"response", (0, 0))
            inside = (yield from members(text, start)) if text[start : start + 1] == b"{" and end else None
        except NotJson:
            raise _not_json() from None
        kind = _value(text[slice(*found.get(b"type", (0, 0)))])
        error, told = (text[slice(*found.get(name, (0, 0)))] for name in (b"error", b"message"))
        response = None if inside is None else object_of(text, inside)
        if response is not None and inside is not None and isinstance(response.id, str):
            yield
            at, until = inside[b"id"]
            event = joined([b"event: ", _line(kind), b"\ndata: ", text[:at], self._splice.token, text[until:], b"\n\n"])
        return self._note(_Event(kind, ABSENT, Raw(error), _value(told)), response, event, is_spliced=True)

    def _note(self, event: _Event, response: ResponseObject | None, sent: bytes, *, is_spliced: bool = False) -> bytes:
        kind = event.type
        if kind == "error" or (kind is None and bytes(memoryview(event.error)[:4]) not in (b"", b"null")):
            text = event.error if memoryview(event.error).nbytes else Raw(msgspec.json.encode(event.message))
            raise failure_of(text, _FAILED)
        if response is not None:
            if memoryview(response.usage).nbytes:
                self.report = response.report
            if kind == "response.failed" or response.is_failed:
                raise failure_of(response.error, _FAILED)
            if not is_spliced and isinstance(response.id, str):
                sent = self._splice(sent, response.id)
            if kind in _ENDS:
                self.finish_reason = response.finish_reason or kind.removeprefix("response.")
                self.end, self.complete = sent, True
                return b""
            if kind in _BEGUN:
                self._first = sent
        if isinstance(kind, str):
            self._count(kind)
        self.begun = True
        self._last = sent
        return sent

    def _count(self, kind: str) -> None:
        if kind.endswith(".delta"):
            self._deltas += 1
            self._silent = False
        elif kind == "response.output_item.added":
            self._silent = True
        elif kind == "response.output_item.done":
            self._deltas += self._silent  # an item that came whole
            self._silent = True

    def error_event(self, error: GatewayError) -> bytes:
        """The last event of a stream that fails here: the response that has begun, failed."""
        number = _number(self._last) + 1 if self._last else 0
        response: dict[str, Any] = {"id": self._response_id, "object": "response", "model": self._model, "output": []}
        try:
            began = _read_event(event_data(self._first) or b"").response
            response |= _read_fields(began)
        except UNREADABLE:
            pass
        return failed_event(response, error, number)


def _is_delta(event: bytes) -> bool:
    """Whether the bytes are one event of the usual form with more output: two lines, which name the same type."""
    line = event.find(b"\n")
    if not (
        event.startswith(b".delta", line - 6) and event.startswith(b"event: ") and event.startswith(_DATA, line + 1)
    ):
        return False
    if event.find(b"\n", line + 1) != len(event) - 2 or b"\r" in event:
        return False
    try:
        fields = _read_event(event[line + 7 : -2])
    except UNREADABLE:
        return False
    return fields.error is ABSENT and fields.type == event[7:line].decode("ascii", "replace")


_DATA = b"data: "


def _number(event: bytes) -> int:
    """The `sequence_number` of an event; -1: it has none."""
    data = event_data(event) or b""
    try:
        number = count_of(_read_event(data).sequence_number)
    except UNREADABLE:
        number = None
    return -1 if number is None else number


def _line(kind: Any) -> bytes:
    return kind.encode() if isinstance(kind, str) and kind.isascii() and kind.isprintable() else b"message"


def _value(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except UNREADABLE:
        return None


def _not_json() -> UpstreamFailure:
    return UpstreamFailure("The upstream sent an event that is not JSON of its API.")
