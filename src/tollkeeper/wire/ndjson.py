"""Newline-delimited JSON: cutting a byte stream into lines, one JSON text each.

Lines keep their exact bytes, the line end included, so that a relay can pass them on unchanged.
"""

from __future__ import annotations

from tollkeeper.rules.errors import AnswerTooLong


class LineTooLong(AnswerTooLong):
    """A line that exceeded the bound before it ended."""

    def __init__(self) -> None:
        super().__init__("The upstream sent a line that is too long to relay.")


class NdjsonSplitter:
    """Cuts a stream into lines, however its bytes are split; see `wire.dialect.EventSplitter`. Buffers lines not yet
    returned, and at most one unfinished line."""

    __slots__ = ("_max", "_rest", "_scanned", "_start", "_too_long", "more")

    def __init__(self, max_line_bytes: int) -> None:
        self._max = max_line_bytes
        self._rest = bytearray()
        self._start = 0
        """Where in the rest the first line begins that was not returned yet."""
        self._scanned = 0
        """How much of the rest is known to contain no end of a line."""
        self._too_long = False
        self.more = False

    def __repr__(self) -> str:
        return f"NdjsonSplitter({self.held} bytes of an unfinished line)"

    @property
    def held(self) -> int:
        """Bytes that it buffers."""
        return len(self._rest) - self._start

    @property
    def unfinished(self) -> bool:
        """Whether it buffers the beginning of a line."""
        return bool(self._rest)

    def feed(self, data: bytes, at_most: int = 1 << 30) -> list[bytes]:
        """The lines that `data` completes, in order, and not more than `at_most`. Raises LineTooLong, after returning
        those before: they were generated, and may have the usage."""
        if self._too_long:
            raise LineTooLong
        rest = self._rest
        if not rest and data.find(b"\n") == len(data) - 1 >= 0 and len(data) <= self._max:
            return [data]  # by far the usual case: one whole line
        rest += data
        lines: list[bytes] = []
        start, at = self._start, self._scanned
        self.more = False
        while (end := rest.find(b"\n", at)) >= 0:
            if len(lines) >= at_most:
                self.more = True
                break
            if end + 1 - start > self._max:
                return self._ended(lines)
            lines.append(bytes(memoryview(rest)[start : end + 1]))
            start = at = end + 1
        if self.more and start < _COMPACT:  # moving the rest after every few lines would take longest
            self._start = self._scanned = start
            return lines
        del rest[:start]
        self._start, self._scanned = 0, 0 if self.more else len(rest)
        return self._ended(lines) if not self.more and len(rest) > self._max else lines

    def _ended(self, lines: list[bytes]) -> list[bytes]:
        """The lines before one that is too long."""
        self._too_long = self.more = True
        if not lines:
            raise LineTooLong
        return lines


_COMPACT = 65_536
