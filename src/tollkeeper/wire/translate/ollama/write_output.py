"""Output, as a response in Ollama's own API: one body, or lines as they are made.

Its times are that of the request: what else Ollama measures is not known of other servers, and left out. Ids of calls
are told beside their functions, as newer versions do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Raw

from tollkeeper.rules.errors import AnswerTooLong, GatewayError, UpstreamFailure
from tollkeeper.rules.ids import made_at
from tollkeeper.wire.json_slices import joined, string_parts
from tollkeeper.wire.ollama.empty import timestamp
from tollkeeper.wire.ollama.errors import error_event
from tollkeeper.wire.ollama.request import CHAT, OllamaRequest
from tollkeeper.wire.translate.chat.write_output import made_call_id
from tollkeeper.wire.translate.conversation import Text, Thinking, ToolCall
from tollkeeper.wire.translate.output import (
    Begun,
    CallBegun,
    CallDelta,
    Finished,
    FinishReason,
    Output,
    OutputEvent,
    TextDelta,
    ThinkingDelta,
)
from tollkeeper.wire.usage import UsageReport

_REASONS: Mapping[FinishReason, bytes] = {
    "stop": b"stop",
    "stop_sequence": b"stop",
    "pause": b"stop",
    "tool_calls": b"stop",
    "length": b"length",
    "content_filter": b"content_filter",
    "refusal": b"stop",
}
_MAX_ARGUMENTS = 8_000_000
"""Characters of arguments that are gathered of one response: calls are told whole."""
_CALL = 400
"""Characters that a call takes beside its arguments."""
_encode = msgspec.json.encode
_read_object = msgspec.json.Decoder(dict[str, Raw]).decode


class OllamaWriter:
    """Writes one streamed response; see `wire.translate.adapter.OutputWriter`."""

    __slots__ = ("_calls", "_chat", "_finish", "_gathered", "_head", "_request", "_request_id", "_text", "_text_end")

    def __init__(self, request: OllamaRequest, request_id: str) -> None:
        self._request = request
        self._request_id = request_id
        self._chat = request.endpoint is CHAT
        self._text_end = b'},"done":false}\n' if self._chat else b',"done":false}\n'
        self._calls: dict[int, tuple[str, str, list[str]]] = {}
        """The id, the name and the arguments of each call so far, by its place."""
        self._gathered = 0
        self._finish: FinishReason = "stop"
        self._begin("")

    def __repr__(self) -> str:
        return f"OllamaWriter({self._request_id}, {len(self._calls)} calls)"

    def _begin(self, model: str) -> None:
        self._head = _head(self._request, self._request_id, model)
        self._text = self._head + (b'"message":{"role":"assistant","content":' if self._chat else b'"response":')

    def write(self, event: OutputEvent, report: UsageReport) -> bytes:  # noqa: ARG002 (usage comes at the end)
        """The client's lines for one event of output (b"": none). Raises AnswerTooLong, UpstreamFailure."""
        if isinstance(event, TextDelta):
            return b"%b%b%b" % (self._text, _encode(event.text), self._text_end) if event.text else b""
        if isinstance(event, ThinkingDelta):
            return b'%b"","thinking":%b%b' % (self._text, _encode(event.text), self._text_end) if event.text else b""
        if isinstance(event, CallBegun):
            self._gathered += _CALL
            self._calls[event.place] = (event.id, event.name, [])
        elif isinstance(event, CallDelta):
            self._gather(event)
        elif isinstance(event, Finished):
            self._finish = event.reason
            return self._write_calls()
        elif isinstance(event, Begun):
            self._begin(event.model)
        return b""

    def _gather(self, event: CallDelta) -> None:
        self._gathered += len(event.arguments)
        if self._gathered > _MAX_ARGUMENTS:
            raise AnswerTooLong("The model calls tools with arguments that are too long to relay.")
        call = self._calls.get(event.place)
        if call is not None:
            call[2].append(event.arguments)

    def _write_calls(self) -> bytes:
        calls = [
            ToolCall(call_id or made_call_id(self._request_id, place), name, "".join(parts))
            for place, (call_id, name, parts) in self._calls.items()
        ]
        self._calls.clear()
        written = _calls(calls, self._finish) if self._chat else []
        return b'%b"","tool_calls":[%b]%b' % (self._text, b",".join(written), self._text_end) if written else b""

    def end(self, report: UsageReport) -> bytes:
        """The line that ends the stream, with the usage as far as it is known."""
        after = b"}" if self._chat else b""
        return b'%b""%b%b\n' % (self._text, after, _ending(self._finish, report))

    def error(self, error: GatewayError) -> bytes:
        """The last line of a stream that fails here."""
        return error_event(error)


def write_response(request: OllamaRequest, request_id: str, output: Output, report: UsageReport) -> bytes:
    """A whole response. Raises UpstreamFailure."""
    said = "".join(part.text for part in output.parts if isinstance(part, Text))
    thought = "".join(part.text for part in output.parts if isinstance(part, Thinking))
    calls = [part for part in output.parts if isinstance(part, ToolCall)]
    chat = request.endpoint is CHAT
    parts: list[bytes | memoryview] = [_head(request, request_id, output.model)]
    parts += [b'"message":{"role":"assistant","content":' if chat else b'"response":', *string_parts(said)]
    if thought:
        parts += [b',"thinking":', *string_parts(thought)]
    if chat:
        named = [
            msgspec.structs.replace(call, id=call.id or made_call_id(request_id, place))
            for place, call in enumerate(calls)
        ]
        written = _calls(named, output.finish.reason)
        if written:
            parts += [b',"tool_calls":[', b",".join(written), b"]"]
        parts.append(b"}")
    parts.append(_ending(output.finish.reason, report))
    return joined(parts)


def _head(request: OllamaRequest, request_id: str, model: str) -> bytes:
    """The beginning of a body or a line."""
    made = timestamp(made_at(request_id)).encode()
    return b'{"model":%b,"created_at":"%b",' % (_encode(model or request.model), made)


def _ending(reason: FinishReason, report: UsageReport) -> bytes:
    """The rest of the last line, or of a body."""
    counts = (("prompt_eval_count", report.prompt_tokens), ("eval_count", report.completion_tokens))
    told = b"".join(b',"%b":%d' % (name.encode(), count) for name, count in counts if count is not None)
    return b',"done_reason":"%b","done":true%b}' % (_REASONS[reason], told)


def _calls(calls: Sequence[ToolCall], reason: FinishReason) -> list[bytes]:
    """The calls as JSON. Of output that was cut off, those that are not whole are left out."""
    return list(_whole_calls(calls, cut=reason == "length"))


def _whole_calls(calls: Sequence[ToolCall], *, cut: bool) -> Iterable[bytes]:
    for call in calls:
        text = call.arguments.encode() or b"{}"
        try:
            _read_object(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if cut:
                continue
            raise UpstreamFailure(
                f"The model calls the tool '{call.name[:100]}' with arguments that are no JSON object. Try again."
            ) from None
        if b"\n" in text or b"\r" in text:
            text = msgspec.json.format(text, indent=-1)  # a line of the response is a line
        yield b'{"id":%b,"function":{"name":%b,"arguments":%b}}' % (_encode(call.id), _encode(call.name), text)
