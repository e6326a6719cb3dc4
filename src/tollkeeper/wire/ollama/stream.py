"""Streamed responses in Ollama's dialect, line by line: their usage, and their end.

    {"model", "created_at", "message": {"role", "content"}, "done": false} …
    {"model", "created_at", "message": {…}, "done": true, "done_reason", "prompt_eval_count", "eval_count", …}

`/api/generate` has `response` in place of `message`. A line `{"error": …}` may come instead of any of them.
"""

from __future__ import annotations

from collections.abc import Callable

from tollkeeper.rules.errors import GatewayError, UpstreamFailure
from tollkeeper.rules.upstream_status import upstream_failure
from tollkeeper.wire.error_text import UNREADABLE, error_text
from tollkeeper.wire.event_template import EventTemplate, texts_of
from tollkeeper.wire.http.chunks import ChunkPath
from tollkeeper.wire.json_scan import NotJson, Steps
from tollkeeper.wire.ollama.request import OllamaRequest
from tollkeeper.wire.ollama.response import Line, is_empty, read_large_line, read_line
from tollkeeper.wire.response_names import Rename
from tollkeeper.wire.usage import NO_REPORT, UsageReport


def open_stream(_: OllamaRequest, __: str) -> OllamaStreamReader:
    """A reader for the streamed response to a request."""
    return OllamaStreamReader()


class OllamaStreamReader:
    """Reads one streamed response line by line; see `wire.dialect.StreamReader`.

    `done`: the line with `"done": true` has come, which is kept as `end`.
    """

    error_event: Callable[[GatewayError], bytes] | None = None

    __slots__ = ("_content_events", "_template", "begun", "end", "finish_reason", "report")

    def __init__(self) -> None:
        self._content_events = 0
        self._template = EventTemplate(_TEXTS)
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

    def chunk_path(self, rename: Rename | None) -> ChunkPath | None:
        """As the template of its lines."""
        return self._template.chunk_path(rename)

    def read(self, event: bytes) -> bytes:
        """The bytes to pass on for `event` (b"": none). Raises UpstreamFailure or UpstreamRefusal for an error or a
        broken line."""
        passed = self._template.apply(event)
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
            self._template.learn(event, event)
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
        self._template.forget()  # nothing may follow
        return b""


_TEXTS = texts_of("created_at", "content", "thinking", "response")


def _not_json() -> UpstreamFailure:
    return UpstreamFailure("The upstream sent a line that is not JSON of its API.")
