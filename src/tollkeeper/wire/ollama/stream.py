"""Streamed responses in Ollama's dialect, line by line: their usage, and their end.

    {"model", "created_at", "message": {"role", "content"}, "done": false} …
    {"model", "created_at", "message": {…}, "done": true, "done_reason", "prompt_eval_count", "eval_count", …}

`/api/generate` has `response` in place of `message`. A line `{"error": …}` may come instead of any of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tollkeeper.rules.errors import GatewayError, UpstreamFailure
from tollkeeper.rules.upstream_status import upstream_failure
from tollkeeper.wire.error_text import UNREADABLE, error_text
from tollkeeper.wire.json_scan import NotJson, Steps
from tollkeeper.wire.ollama.request import OllamaRequest
from tollkeeper.wire.ollama.response import Line, is_empty, read_large_line, read_line
from tollkeeper.wire.usage import NO_REPORT, UsageReport


def open_stream(_: OllamaRequest, __: str) -> OllamaStreamReader:
    """A reader for the streamed response to a request."""
    return OllamaStreamReader()


class OllamaStreamReader:
    """Reads one streamed response line by line; see `wire.dialect.StreamReader`.

    `done`: the line with `"done": true` has come, which is kept as `end`.
    """

    error_event: Callable[[GatewayError], bytes] | None = None

    __slots__ = ("_content_events", "_template", "begun", "end", "fast_path", "finish_reason", "report")

    def __init__(self) -> None:
        self._content_events = 0
        self._template = _LineTemplate()
        self.fast_path: Callable[[bytes], bytes | None] = self._template.apply
        """The bytes to pass on for one line that need not be parsed; None for all other bytes."""
        self.finish_reason: str | None = None
        self.report: UsageReport = NO_REPORT
        self.begun = False
        self.end = b""
        """The line that ended the stream, which the relay holds back; b"" before it came."""

    def __repr__(self) -> str:
        return f"OllamaStreamReader({self.content_events} content events, {self.finish_reason}, done={self.done})"

    @property
    def content_events(self) -> int:
        return self._content_events + self._template.count

    @property
    def done(self) -> bool:
        return bool(self.end)

    @property
    def complete(self) -> bool:
        return bool(self.end)

    @property
    def finished(self) -> bool:
        """Whether all output has come, which the last line alone says."""
        return bool(self.end)

    def read(self, event: bytes) -> bytes:
        """The bytes to pass on for `event` (b"": none). Raises UpstreamFailure or UpstreamRefusal for an error or a
        broken line."""
        passed = self.fast_path(event)
        if passed is not None:
            return passed
        if self.end or event.isspace():
            return b""  # nothing may follow the end
        try:
            line = read_line(event)
        except UNREADABLE:
            raise _not_json() from None
        has_output = line.output_bytes() > 0
        passed = self._note(line, event, has_output=has_output)
        if passed and has_output:
            self._template.learn(event)
        return passed

    def read_large(self, event: bytes) -> Steps[bytes]:
        """As `read`, in steps, for a line that is too long to be read at once."""
        if self.end:
            return b""
        yield
        try:
            line, size = yield from read_large_line(event)
        except NotJson:
            raise _not_json() from None
        return self._note(line, event, has_output=size > 0)

    def _note(self, line: Line, sent: bytes, *, has_output: bool) -> bytes:
        if not is_empty(line.error):
            raise upstream_failure("The upstream failed in the middle of its answer.", error_text(line.error))
        self._content_events += has_output
        self.begun = True
        if line.done is not True:
            return sent
        self.finish_reason, self.report = line.reason, line.report
        self.end = sent
        self.fast_path = _nothing  # may follow
        return b""


def _nothing(_: bytes) -> None:
    """No line is passed on unread."""


def _not_json() -> UpstreamFailure:
    return UpstreamFailure("The upstream sent a line that is not JSON of its API.")


class _LineTemplate:
    """A template of lines that differ from a parsed one only in their time and their text, as nearly all of a stream
    do, so that they need no parsing. Everything around the two must be the same byte for byte, and they must be free of
    anything that could end them, begin an escape or break the line, so that no parser can see another structure."""

    __slots__ = ("_after", "_before", "_between", "_tries", "count")

    def __init__(self) -> None:
        self.count = 0
        self._before = self._between = self._after = b""
        self._tries = 8
        """How often to learn without a match."""

    def apply(self, line: bytes) -> bytes | None:
        """The line, where it matches; None where it does not."""
        before, between, after = self._before, self._between, self._after
        if not (before and line.startswith(before) and line.endswith(after)):
            return None
        at = line.find(between, len(before), len(before) + len(between) + _LONGEST_TIME)
        if at < 0:
            return None
        start, end = at + len(between), len(line) - len(after)
        if not (_is_plain(line, len(before), at) and _is_plain(line, start, end)):
            return None
        self._tries = 8
        self.count += 1
        return line

    def learn(self, line: bytes) -> None:
        """Learn from a line that has output and does not end the stream."""
        self._before = b""
        if not self._tries:
            return
        self._tries -= 1
        found = _PARTS(line)
        if found is not None:
            self._before, self._between, self._after = found.group("before", "between", "after")


_LONGEST_TIME = 48
_is_plain = re.compile(rb'[^"\\\x00-\x1f]+').fullmatch
_PARTS = re.compile(
    rb'(?P<before>\{"model":"[^"\\]+","created_at":")[^"\\]+'
    rb'(?P<between>"(?:,"message":\{"role":"assistant"(?:,"content":"")?|,"response":"")?'
    rb',"(?:content|thinking|response)":")[^"\\]+'
    rb'(?P<after>"\}?,"done":false\}\n)'
).fullmatch
"""A line as Ollama writes those with one text."""
