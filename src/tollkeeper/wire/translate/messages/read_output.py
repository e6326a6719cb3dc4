"""The output in a response of the Messages API, whole and event by event (Anthropic's API reference, "Streaming
messages"). What only Anthropic's own tools make (`server_tool_use`, citations, …) is passed over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Raw, Struct

from tollkeeper.rules.errors import BadRequest, UpstreamUnavailable
from tollkeeper.wire.json_slices import without_surrogates
from tollkeeper.wire.sse import event_data
from tollkeeper.wire.strict_json import Members, begins, check_text, names, read_object, read_objects, read_string
from tollkeeper.wire.translate.conversation import Text, Thinking, ToolCall
from tollkeeper.wire.translate.output import (
    Begun,
    CallBegun,
    CallDelta,
    Finished,
    FinishReason,
    Output,
    OutputEvent,
    OutputPart,
    TextDelta,
    ThinkingDelta,
)

_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "refusal",
}
_NULL = Raw(b"null")
_EMPTY = (b"{}", b"null", b"")
_BODY = names("content model stop_reason stop_sequence")
_BLOCK = names("data id input name signature text thinking type")


class _Message(Struct, gc=False):
    model: str | None = None


class _Block(Struct, gc=False):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw = _NULL


class _Delta(Struct, gc=False):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None


class _Event(Struct, gc=False):
    type: str | None = None
    index: int | None = None
    delta: _Delta | None = None
    content_block: _Block | None = None
    message: _Message | None = None


_read_event = msgspec.json.Decoder(_Event).decode
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class MessagesOutputReader:
    """Reads the output in one streamed response; see `wire.translate.adapter.OutputReader`."""

    __slots__ = ("_calls", "_inputs")

    def __init__(self) -> None:
        self._calls: dict[int | None, int] = {}
        """The place among the calls, by the index of the block."""
        self._inputs: dict[int | None, str] = {}
        """Arguments that came with the beginning of a call, until it is clear that no deltas follow."""

    def __repr__(self) -> str:
        return f"MessagesOutputReader({len(self._calls)} calls)"

    def read(self, event: bytes) -> Sequence[OutputEvent]:
        """The output in one event; an odd one has none."""
        data = event_data(event)
        if data is None:
            return ()
        try:
            fields = _read_event(data)
        except _NOT_JSON:
            fields = _read_odd(data)
        if fields.type == "content_block_delta":
            return () if fields.delta is None else self._delta(fields.delta, fields.index)
        if fields.type == "content_block_start":
            return () if fields.content_block is None else self._begin(fields.content_block, fields.index)
        if fields.type == "content_block_stop":
            arguments = self._inputs.pop(fields.index, None)
            return () if arguments is None else (CallDelta(self._calls[fields.index], arguments),)
        if fields.type == "message_start":
            return (Begun((fields.message and fields.message.model) or ""),)
        if fields.type == "message_delta" and fields.delta is not None and fields.delta.stop_reason:
            return (_finished(fields.delta.stop_reason, fields.delta.stop_sequence),)
        return ()

    def _delta(self, delta: _Delta, index: int | None) -> Sequence[OutputEvent]:
        if delta.type == "text_delta":
            return (TextDelta(delta.text),) if delta.text else ()
        if delta.type == "input_json_delta":
            place = self._calls.get(index)
            if place is None or not delta.partial_json:
                return ()
            self._inputs.pop(index, None)
            return (CallDelta(place, delta.partial_json),)
        if delta.type == "thinking_delta":
            return (ThinkingDelta(delta.thinking),) if delta.thinking else ()
        if delta.type == "signature_delta":
            return (ThinkingDelta(signature=delta.signature),) if delta.signature else ()
        return ()

    def _begin(self, block: _Block, index: int | None) -> Sequence[OutputEvent]:
        if block.type == "tool_use":
            place = self._calls[index] = len(self._calls)
            if bytes(block.input) not in _EMPTY:
                self._inputs[index] = bytes(block.input).decode(errors="replace")
            return (CallBegun(place, block.id or "", block.name or ""),)
        if block.type == "text":
            return (TextDelta(block.text),) if block.text else ()
        if block.type == "thinking":
            known = block.thinking or block.signature
            return (ThinkingDelta(block.thinking or "", block.signature or None),) if known else ()
        if block.type == "redacted_thinking":
            return (ThinkingDelta(redacted=block.data),) if block.data else ()
        return ()


def read_output(body: bytes) -> Output:
    """The output in a whole response. Raises UpstreamUnavailable for one that is no JSON of the API."""
    try:
        return _read_output(body)
    except (BadRequest, msgspec.DecodeError):
        whole = without_surrogates(body)
    try:
        return _read_output(whole)
    except (BadRequest, msgspec.DecodeError):
        raise UpstreamUnavailable("The upstream answered with JSON that is no answer of its API.") from None


def _read_output(body: bytes) -> Output:
    check_text(body)
    members = read_object(body, _BODY)
    parts: list[OutputPart] = []
    for block in read_objects(members.get("content", _NULL), _BLOCK, "content"):
        parts += _read_block(block)
    reason = _string(members, "stop_reason")
    return Output(_string(members, "model"), tuple(parts), _finished(reason, _string(members, "stop_sequence")))


def _read_block(block: Members) -> Iterator[OutputPart]:
    kind = _string(block, "type")
    if kind == "text":
        if text := _string(block, "text"):
            yield Text(text)
    elif kind == "tool_use":
        arguments = block.get("input", _NULL)
        text = str(memoryview(arguments), "utf-8") if begins(arguments, b"{") else "{}"
        yield ToolCall(_string(block, "id"), _string(block, "name"), text)
    elif kind == "thinking":
        text, signature = _string(block, "thinking"), _string(block, "signature")
        if text or signature:
            yield Thinking(text, signature or None)
    elif kind == "redacted_thinking" and (data := _string(block, "data")):
        yield Thinking("", redacted=data)


def _finished(reason: str, sequence: str | None) -> Finished:
    known = _REASONS.get(reason, "stop")
    return Finished(known, (sequence or None) if known == "stop_sequence" else None)


def _string(members: Members, name: str) -> str:
    return read_string(members.get(name, _NULL)) or ""


def _read_odd(data: bytes) -> _Event:
    """An event with half a surrogate pair, or of a form that the API does not have."""
    try:
        return _read_event(without_surrogates(data))
    except _NOT_JSON:
        return _Event()
