"""Server-sent events: cutting a byte stream into whole events, and reading an event's data.

Format: WHATWG HTML, section 9.2 "Server-sent events". Lines end with CRLF, LF or CR; an empty line ends an event;
lines that begin with a colon are comments; several `data` lines are joined by LF.

Events keep their exact bytes, the empty line included, so that a relay can pass them on unchanged.
"""

from __future__ import annotations

import re

from tollkeeper.rules.errors import AnswerTooLong

# CR followed by LF is one line end, not two.
_EVENT_END = re.compile(rb"\r\r(?!\n)|(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n|\Z))")
"""Two ends of lines. A CR that is the last byte so far may be half of a CRLF, unless lines end with CR alone."""
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class EventTooLarge(AnswerTooLong):
    """An event that exceeded the bound before it ended."""

    def __init__(self) -> None:
        super().__init__("The upstream sent an event that is too large to relay.")


def sse_comment(text: str) -> bytes:
    """A comment of one line."""
    return f": {text}\n\n".encode()


class SseSplitter:
    """Cuts a stream into events, however its bytes are split. Buffers events not yet returned, and at most one
    unfinished event."""

    __slots__ = ("_max", "_rest", "_scanned", "_start", "_too_large", "more")

    def __init__(self, max_event_bytes: int) -> None:
        self._max = max_event_bytes
        self._rest = bytearray()
        self._start = 0
        """Where in the rest the first event begins that was not returned yet."""
        self._scanned = 0
        """How much of the rest is known to contain no end of an event."""
        self._too_large = False
        self.more = False
        """Whether whole events may be left: calling `feed` again, also without data, returns them."""

    def __repr__(self) -> str:
        return f"EventSplitter({len(self._rest)} bytes of an unfinished event)"

    @property
    def held(self) -> int:
        """Bytes that it buffers."""
        return len(self._rest) - self._start

    @property
    def unfinished(self) -> bool:
        """Whether it buffers the beginning of an event."""
        return bool(self._rest)

    def feed(self, data: bytes, at_most: int = 1 << 30) -> list[bytes]:
        """The events that `data` completes, in order, and not many more than `at_most`. Raises EventTooLarge, after
        returning those before: they were generated, and may have the usage."""
        if self._too_large:
            raise EventTooLarge
        rest = self._rest
        if (
            not rest
            and data[-2:] == b"\n\n"
            and len(data) <= self._max
            and b"\r" not in data
            and (len(data) <= _SMALL or data.count(b"\n\n") <= at_most)
        ):
            # By far the usual case: whole events, mostly one.
            return [event + b"\n\n" for event in data[:-2].split(b"\n\n")]
        rest += data
        events: list[bytes] = []
        start = self._start
        self.more = False
        with memoryview(rest) as view:
            for end in _EVENT_END.finditer(rest, self._scanned):
                if len(events) >= at_most:
                    self.more = True
                    break
                events.append(bytes(view[start : end.end()]))
                start = end.end()
        if self.more and start < _COMPACT:  # moving the rest after every few events would take longest
            self._start = self._scanned = start
        else:
            del rest[:start]
            self._start = 0
            self._scanned = 0 if self.more else max(0, len(rest) - 3)
        good = next((place for place, event in enumerate(events) if len(event) > self._max), len(events))
        if good < len(events) or (not self.more and len(rest) > self._max):
            self._too_large = self.more = True
            if not good:
                raise EventTooLarge
            return events[:good]
        return events


_SMALL = 512
"""Bytes that can hold only a few events."""
_COMPACT = 65_536
_MAX_LINES = 4096
"""Lines that a large event may have; JSON needs only a few."""
_LARGE = 65_536


def event_data(event: bytes) -> bytes | None:
    """The data of one event, or None when it has none (a comment, a bare `event:` line, an empty line). Raises
    EventTooLarge for a large one of very many lines."""
    if event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2 and b"\r" not in event:
        return event[6:-2]  # one data line
    if event.startswith(b"event:"):
        named = event.find(b"\n")
        one = event.startswith(b"data: ", named + 1) and event.find(b"\n", named + 1) == len(event) - 2
        if one and b"\r" not in event:
            return event[named + 7 : -2]  # one data line, behind the event's name
    if len(event) <= 2 or (event.startswith(b":") and event.find(b"\n") == len(event) - 2 and b"\r" not in event):
        return None  # an empty line, or one comment
    if len(event) > _LARGE and event.count(b"\n") + event.count(b"\r") > _MAX_LINES:
        raise EventTooLarge
    lines = []
    for line in _LINE_END.split(event.removeprefix(_BOM)):
        if line.startswith(b"data:"):
            value = line[5:]
            lines.append(value[1:] if value.startswith(b" ") else value)
        elif line == b"data":
            lines.append(b"")
    return b"\n".join(lines) if lines else None


def as_event(data: bytes) -> bytes:
    """One event that carries `data`, a `data` line for each of its lines."""
    return b"data: " + data.replace(b"\n", b"\ndata: ") + b"\n\n"
