"""Streamed responses to tasks: events with transcripts, images or speech, or the bytes of speech themselves.

Events are OpenAI's (`transcript.text.delta` … `.done`, `image_generation.partial_image` … `.completed`,
`speech.audio.delta` … `.done`), which end with their stream, or vLLM's transcription chunks, which end with `[DONE]`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from msgspec import Raw, Struct

from tollkeeper.rules.errors import GatewayError, UpstreamFailure
from tollkeeper.rules.upstream_status import upstream_failure
from tollkeeper.wire.error_text import error_text
from tollkeeper.wire.json_scan import NotJson, Steps, members
from tollkeeper.wire.openai.chunks import is_error
from tollkeeper.wire.openai.errors import error_event
from tollkeeper.wire.sse import SseSplitter, event_data
from tollkeeper.wire.tasks.request import TaskRequest
from tollkeeper.wire.tasks.usage import read_usage
from tollkeeper.wire.usage import UnitReport

_MAX_SPEECH_EVENT = 1 << 20
_SHORT = 65_536
_ABSENT = Raw(b"")


class AudioSplitter:
    """Passes pieces of a stream as they arrive: speech has no events."""

    __slots__ = ()
    held = 0
    more = False
    unfinished = False

    def __init__(self, _: int) -> None: ...

    def feed(self, data: bytes, _: int) -> list[bytes]:
        """The piece itself, if there is one."""
        return [data] if data else []


def open_events(request: TaskRequest, request_id: str) -> TaskEvents:
    """A reader for the streamed response to a request."""
    return TaskEvents(request, request_id)


def open_speech(request: TaskRequest, request_id: str) -> TaskEvents | Speech:
    """A reader for speech: of pieces of events, or of audio."""
    return SpeechEvents(request, request_id) if request.events else Speech(request)


class Speech:
    """Reads the bytes of speech, which nothing ends but the response. See `wire.dialect.StreamReader`."""

    __slots__ = ("_begun", "_report")

    end = b""
    done = False
    finish_reason: str | None = None
    error_event: Callable[[GatewayError], bytes] | None = None

    def __init__(self, request: TaskRequest) -> None:
        self._begun = False
        self._report = UnitReport(0, 0, characters=request.units.characters)

    def __repr__(self) -> str:
        return f"Speech(begun={self._begun})"

    def chunk_path(self, _: object) -> None:
        """There is none: pieces of audio are longer than an event."""

    def read(self, event: bytes) -> bytes:
        """The piece itself."""
        self._begun = True
        return event

    def read_large(self, event: bytes) -> Steps[bytes]:
        """The piece itself."""
        yield
        return self.read(event)

    @property
    def begun(self) -> bool:
        return self._begun

    @property
    def complete(self) -> bool:
        """Whether there was any audio: a response that breaks off is a failure of its own."""
        return self._begun

    @property
    def finished(self) -> bool:
        return False

    @property
    def content_events(self) -> int:
        return int(self._begun)

    @property
    def report(self) -> UnitReport:
        return self._report


class _Event(Struct, gc=False):
    type: Any = None
    usage: Raw = _ABSENT
    error: Raw = _ABSENT


_read_event = msgspec.json.Decoder(_Event).decode


class TaskEvents:
    """Reads events; see `wire.dialect.StreamReader`. The last event that was asked for is kept back until the stream
    ends or goes on, so that it comes once the record is durable."""

    __slots__ = (
        "_content_events",
        "_images",
        "_kept",
        "_last",
        "_report",
        "_request_id",
        "_units",
        "begun",
        "done",
        "end",
    )

    finish_reason: str | None = None

    def __init__(self, request: TaskRequest, request_id: str) -> None:
        self._request_id = request_id
        self._units = request.units
        self._report = UnitReport(None, None, characters=request.units.characters)
        self._images = 0
        self._content_events = 0
        self._last = 0
        """How many last events have come: one, or one for each image."""
        self._kept = b""
        self.begun = False
        self.done = False
        self.end = b""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._content_events} events, done={self.done})"

    def chunk_path(self, _: object) -> None:
        """There is none: each event is read."""

    def read(self, event: bytes) -> bytes:
        """The bytes to pass on for `event`. Raises UpstreamFailure for an error or a broken event."""
        data = event_data(event)
        if data is None:
            return event if not self._kept else b""
        if data.strip() == b"[DONE]":
            self.done = True
            self.end = self._kept + event
            return b""
        try:
            fields = _read_event(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _not_json() from None
        return self._note(event, fields.type, fields.usage, fields.error)

    def read_large(self, event: bytes) -> Steps[bytes]:
        """As `read`, in steps, for a long event: an image."""
        data = event_data(event) or b""
        try:
            fields = yield from members(data, alone=True)
        except NotJson:
            raise _not_json() from None
        kind, usage, error = (
            data[start:end] if end - start <= _SHORT else b""
            for start, end in (fields.get(name, (0, 0)) for name in (b"type", b"usage", b"error"))
        )
        return self._note(event, kind.strip(b'"').decode("latin-1"), Raw(usage), Raw(error))

    def _note(self, event: bytes, kind: object, usage: Raw, error: Raw) -> bytes:
        if len(error) and is_error(error):
            raise upstream_failure("The upstream failed. Try again later.", error_text(error))
        self.begun = True
        self._content_events += 1
        found = read_usage(bytes(usage)) if len(usage) else None
        if found is not None:
            self._report = found
        before, self._kept = self._kept, b""
        if not isinstance(kind, str) or not kind.endswith((".done", ".completed")):
            self.end = b""
            return before + event
        if kind.startswith("image_"):
            self._images += 1
        self._last += 1
        if self._last < self._units.images:
            return before + event
        self._kept = self.end = event
        return before

    @property
    def error_event(self) -> Callable[[GatewayError], bytes] | None:
        return partial(error_event, request_id=self._request_id)

    @property
    def complete(self) -> bool:
        return self.done or self._last > 0

    @property
    def finished(self) -> bool:
        return self.complete and self._last >= self._units.images

    @property
    def content_events(self) -> int:
        return self._content_events

    @property
    def report(self) -> UnitReport:
        """What was reported, and the images that came; estimated where nothing was reported."""
        report = self._report
        if report.prompt_tokens is None and self._images:
            report = UnitReport(0, 0)
        return msgspec.structs.replace(report, images=self._images, characters=self._units.characters)


class SpeechEvents(TaskEvents):
    """Reads speech in events, from pieces of a stream."""

    __slots__ = ("_splitter",)

    def __init__(self, request: TaskRequest, request_id: str) -> None:
        super().__init__(request, request_id)
        self._splitter = SseSplitter(_MAX_SPEECH_EVENT)

    def read(self, event: bytes) -> bytes:
        """As of whole events, for a piece of the stream."""
        read = super().read
        return b"".join([read(whole) for whole in self._splitter.feed(event)])

    def read_large(self, event: bytes) -> Steps[bytes]:
        """As `read`, in steps."""
        passed = []
        for start in range(0, len(event), _SHORT):
            passed.append(self.read(event[start : start + _SHORT]))
            yield
        return b"".join(passed)


def _not_json() -> UpstreamFailure:
    return UpstreamFailure("The upstream sent an event that is not JSON of its API.")
