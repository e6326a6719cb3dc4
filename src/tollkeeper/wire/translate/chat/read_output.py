"""The output in a chat response of an upstream, whole or event by event, however its server writes it.

The gateway's own reader (`wire/openai/`) has seen it before: there are no errors in it, and it is an object. Only the
first choice counts, since one was requested.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tollkeeper.rules.errors import UpstreamFailure
from tollkeeper.wire.json_slices import LARGE
from tollkeeper.wire.sse import event_data
from tollkeeper.wire.translate.chat.response_fields import (
    Call,
    Choice,
    Function,
    Message,
    read_response,
    read_whole_response,
)
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

MOST_CALLS = 1000
"""Calls of one response: each has events of its own."""
_REASONS: Mapping[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
"""Finish reasons; every other one means that the model was done."""


class ChatOutputReader:
    """Reads the output in one streamed response; see `wire.translate.adapter.OutputReader`."""

    __slots__ = ("_begun", "_calls", "_finished", "_refused")

    def __init__(self) -> None:
        self._begun = self._finished = self._refused = False
        self._calls = _OpenCalls()

    def __repr__(self) -> str:
        return f"ChatOutputReader({self._calls!r}, finished={self._finished})"

    def read(self, event: bytes) -> Sequence[OutputEvent]:
        """The output in one event of the upstream's stream. Raises UpstreamFailure for a broken one."""
        data = event_data(event)
        if data is None or self._finished:
            return ()
        response = read_response(data, leniently=len(data) <= LARGE)
        if not response.choices:
            return ()
        choice = response.choices[0]
        found: list[OutputEvent] = []
        if not self._begun:
            self._begun = True
            found.append(Begun(response.model or ""))
        delta = choice.delta
        if delta is not None:
            if thought := delta.thought:
                found.append(ThinkingDelta(thought))
            if delta.content:
                found.append(TextDelta(delta.content))
            if delta.refusal:
                self._refused = True
                found.append(TextDelta(delta.refusal, refusal=True))
            if delta.tool_calls or delta.function_call:
                for call in delta.calls:
                    found += self._calls.add(call)
        if choice.finish_reason:
            self._finished = True
            found.append(_finished(choice.finish_reason, called=self._calls.any, refused=self._refused))
        return found


class _OpenCall:
    """A call that may get more arguments. `waiting`: those that came before its name."""

    __slots__ = ("id", "name", "place", "waiting")

    def __init__(self) -> None:
        self.id = self.name = ""
        self.place = -1
        self.waiting: list[str] = []


class _OpenCalls:
    """The calls of one stream, by the index that the upstream gives them. Some servers give several calls the same
    index, or none."""

    __slots__ = ("_by_index", "_count")

    def __init__(self) -> None:
        self._by_index: dict[int | None, _OpenCall] = {}
        self._count = 0

    def __repr__(self) -> str:
        return f"_OpenCalls({self._count})"

    @property
    def any(self) -> bool:
        """Whether a call has begun."""
        return bool(self._count)

    def add(self, delta: Call) -> Iterator[OutputEvent]:
        function = delta.function or Function()
        call = self._by_index.get(delta.index)
        if call is None or _is_new(call, delta, function.name or ""):
            call = self._by_index[delta.index] = _OpenCall()
            # What comes without an index goes on with the last call.
            self._by_index[None] = call
        call.id = call.id or delta.id or ""
        arguments = function.arguments or ""
        if not call.name:
            call.waiting.append(arguments)
            if not function.name:
                return
            if self._count == MOST_CALLS:
                raise UpstreamFailure(f"The model calls over {MOST_CALLS} tools at once.")
            call.name, call.place = function.name, self._count
            self._count += 1
            yield CallBegun(call.place, call.id, call.name)
            arguments = "".join(call.waiting)
        if arguments:
            yield CallDelta(call.place, arguments)


def _is_new(call: _OpenCall, delta: Call, name: str) -> bool:
    """Whether a delta with the index of `call` begins another one."""
    if delta.id and call.id:
        return delta.id != call.id
    # Without ids a name tells: at each call of servers that give no index, elsewhere where it differs.
    return bool(name and call.name) and not call.id and (delta.index is None or name != call.name)


def _finished(reason: str, *, called: bool, refused: bool) -> Finished:
    """The end of the output. Ollama and others say "stop" after calls, too; OpenAI after a refusal."""
    meant = _REASONS.get(reason, "stop")
    if meant == "stop" and (called or refused):
        meant = "tool_calls" if called else "refusal"
    return Finished(meant)


def read_output(body: bytes) -> Output:
    """The output of a whole response. Raises UpstreamFailure for one that cannot be read."""
    response = read_whole_response(body)
    choice = response.choices[0] if response.choices else Choice()
    message = choice.message or Message()
    parts: list[OutputPart] = []
    if thought := message.thought:
        parts.append(Thinking(thought))
    if message.content:
        parts.append(Text(message.content))
    if message.refusal:
        parts.append(Text(message.refusal, refusal=True))
    calls = [
        ToolCall(call.id or "", call.function.name, call.function.arguments or "")
        for call in message.calls
        if call.function is not None and call.function.name
    ]
    finish = _finished(choice.finish_reason or "stop", called=bool(calls), refused=bool(message.refusal))
    return Output(response.model or "", (*parts, *calls), finish)
