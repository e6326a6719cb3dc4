"""Server-sent events: cutting a byte stream into whole events, and reading an event's data.

Format: WHATWG HTML, section 9.2 "Server-sent events". Lines end with CRLF, LF or CR; an empty line ends an event;
lines that begin with a colon are comments; several `data` lines are joined by LF.

Events keep their very bytes, the empty line included, so that a relay can pass them on untouched.
"""

from __future__ import annotations

import re

# A lone CR must not be taken for a line's end when LF follows: CRLF is one end, not two.
_EVENT_END = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class EventTooLarge(Exception):
    """An event exceeded the bound before it ended."""


class EventSplitter:
    """Cuts a stream into events, however its bytes are split. Holds at most one unfinished event."""

    def __init__(self, max_event_bytes: int) -> None:
        self._max = max_event_bytes
        self._rest = bytearray()

    def __repr__(self) -> str:
        return f"EventSplitter({len(self._rest)} bytes of an unfinished event)"

    @property
    def unfinished(self) -> bool:
        """Whether it holds the beginning of an event."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        """The events that `data` completes, in order. Raises EventTooLarge."""
        rest = self._rest
        if not rest and data[-2:] == b"\n\n" and len(data) <= self._max and b"\r" not in data:
            # The usual case by far: whole events, mostly one.
            return [event + b"\n\n" for event in data[:-2].split(b"\n\n")]
        scanned = max(0, len(rest) - 3)
        rest += data
        events = []
        start = 0
        for end in _EVENT_END.finditer(rest, scanned):
            events.append(bytes(rest[start : end.end()]))
            start = end.end()
        del rest[:start]
        if len(rest) > self._max or any(len(event) > self._max for event in events):
            raise EventTooLarge
        return events


def event_data(event: bytes) -> bytes | None:
    """The data of one event, or None when it has none (a comment, a bare `event:` line, an empty line)."""
    if event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2 and b"\r" not in event:
        return event[6:-2]  # one data line
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
