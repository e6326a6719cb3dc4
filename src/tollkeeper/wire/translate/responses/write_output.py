"""Output, as a response in the Responses dialect, whole or event by event.

    response.created, response.in_progress
    message    output_item.added ── content_part.added, output_text.delta …, output_text.done, content_part.done …
    reasoning  output_item.added ── reasoning_summary_part.added, reasoning_summary_text.delta …, … .done …
    call       output_item.added ── function_call_arguments.delta …, function_call_arguments.done
    each       … output_item.done
    response.completed or response.incomplete

Every piece leaves as it comes. The ends of a part, of an item and of the response repeat all of it, so the pieces are
kept, up to a bound: the events that repeat them are made in one go. Of a custom call the input stands inside a JSON
string, whose end shows whether it is one; it leaves when the call is complete.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tollkeeper.rules.errors import AnswerTooLong, GatewayError
from tollkeeper.rules.ids import response_id
from tollkeeper.wire.responses.errors import as_typed_event, failed_event
from tollkeeper.wire.responses.request import ResponsesRequest
from tollkeeper.wire.translate.chat.write_output import made_call_id
from tollkeeper.wire.translate.conversation import Text, Thinking, ToolCall, flat_name
from tollkeeper.wire.translate.output import (
    Begun,
    CallBegun,
    CallDelta,
    Finished,
    Output,
    OutputEvent,
    TextDelta,
    ThinkingDelta,
)
from tollkeeper.wire.translate.responses.echo import response_object, usage_object
from tollkeeper.wire.translate.responses.items import (
    Call,
    CustomCall,
    Item,
    Message,
    Reasoning,
    summary_part,
    text_part,
)
from tollkeeper.wire.translate.responses.thoughts import wants_thoughts
from tollkeeper.wire.usage import UsageReport

MOST_KEPT = 1_000_000
"""Characters of a streamed response: about 250,000 tokens, whose repetition takes some 40 ms on a busy machine."""
_ITEM = 200
"""Characters that an item takes beside its own."""
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Reasons for which a response is incomplete, by why the output ended."""
_encode = msgspec.json.encode


class ResponsesWriter:
    """Writes one streamed response; see `wire.translate.adapter.OutputWriter`. `quiet`: the events are not wanted, only
    the response that they add up to, however long."""

    def __init__(self, request: ResponsesRequest, request_id: str, *, quiet: bool = False) -> None:
        self._request = request
        self._request_id = request_id
        self._digits = response_id("", request_id)
        self._quiet = quiet
        self._sealed = wants_thoughts(request)
        self._number = 0
        """Of the next event."""
        self._response: dict[str, Any] = {}
        self._items: list[Item] = []
        self._open: Message | Reasoning | None = None
        self._calls: dict[int, Call] = {}
        """Those that are open, by their places: servers may send pieces of several in turns."""
        self._kept = 0
        self._head = b""
        """What begins an event with more of the open text."""
        self._pieces: list[str] = []
        """Those of the open text."""
        self._refuses: bool | None = None
        """Whether the model refuses in the open text of a message; None: none is open."""
        self._finish: Finished | None = None
        self._names: dict[str, tuple[str | None, str]] | None = None
        self._custom: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"ResponsesWriter({len(self._items)} items, {self._number} events, {self._finish})"

    def write(self, event: OutputEvent, report: UsageReport) -> bytes:  # noqa: ARG002 (usage comes at the end)
        """The client's events for one event of output (b"": none). Raises AnswerTooLong."""
        if isinstance(event, TextDelta):
            if event.refusal is self._refuses and event.text:  # by far the usual case
                return self._more(self._pieces, event.text)
            return self._text(event) if event.text else b""
        if isinstance(event, CallDelta):
            return self._arguments(event)
        if isinstance(event, ThinkingDelta):
            return self._thought(event)
        if isinstance(event, CallBegun):
            return self._call(event)
        if isinstance(event, Finished):
            self._finish = event
            return self._begin() + self._close(incomplete=event.reason in _INCOMPLETE)
        return self._begin(event.model)

    def end(self, report: UsageReport) -> bytes:
        """The event that ends the stream: the whole response."""
        response = self.response(report)
        return as_typed_event(f"response.{response['status']}", self._number, response=response)

    def error(self, error: GatewayError) -> bytes:
        """The last events of a stream that fails here."""
        return self._begin() + failed_event(self._response, error, self._number)

    def response(self, report: UsageReport) -> dict[str, Any]:
        """The whole response."""
        self._begin()
        reason = _INCOMPLETE.get(self._finish.reason) if self._finish else None
        return self._response | {
            "status": "completed" if reason is None else "incomplete",
            "incomplete_details": None if reason is None else {"reason": reason},
            "output": [item.whole() for item in self._items],
            "usage": usage_object(report),
        }

    def _event(self, kind: str, **fields: Any) -> bytes:
        if self._quiet:
            return b""
        event = as_typed_event(f"response.{kind}", self._number, **fields)
        self._number += 1
        return event

    def _begin(self, model: str = "") -> bytes:
        if self._response:
            return b""
        self._response = response_object(self._request, self._request_id, model or self._request.model)
        return self._event("created", response=self._response) + self._event("in_progress", response=self._response)

    def _keep(self, pieces: list[str], text: str) -> None:
        self._count(len(text))
        pieces.append(text)

    def _count(self, characters: int) -> None:
        self._kept += characters
        if self._kept > MOST_KEPT and not self._quiet:
            raise AnswerTooLong("The response is too long to be translated. Ask for less at once.")

    def _add(self, item: Item) -> bytes:
        self._count(_ITEM)
        self._items.append(item)
        return self._event("output_item.added", output_index=item.index, item=item.begun())

    def _end_of(self, item: Item) -> bytes:
        return self._event("output_item.done", output_index=item.index, item=item.whole())

    def _more(self, pieces: list[str], text: str) -> bytes:
        """The event with more of the open text, which is kept with the others of it."""
        self._keep(pieces, text)
        if self._quiet:
            return b""
        number = self._number
        self._number = number + 1
        return b'%b%b,"sequence_number":%d}\n\n' % (self._head, _encode(text), number)

    # Messages

    def _text(self, event: TextDelta) -> bytes:
        before = b""
        message = self._open
        if not isinstance(message, Message):
            before = self._begin() + self._close()
            message = self._open = Message(len(self._items), self._digits)
            before += self._add(message)
        if not message.parts or message.parts[-1][0] != event.refusal:
            before += self._end_of_part(message) + self._begin_part(message, event.refusal)
        return before + self._more(self._pieces, event.text)

    def _begin_part(self, message: Message, refusal: bool) -> bytes:
        self._pieces, self._refuses = [], refusal
        message.parts.append((refusal, self._pieces))
        kind = "refusal" if refusal else "output_text"
        place = _place(message)
        logprobs = b"" if refusal else b'"logprobs":[],'
        self._head = b'event: response.%b.delta\ndata: {"type":"response.%b.delta",%b,%b"delta":' % (
            kind.encode(), kind.encode(), _encode(place)[1:-1], logprobs,
        )  # fmt: skip
        return self._event("content_part.added", **place, part=text_part("", refusal=refusal))

    def _end_of_part(self, message: Message) -> bytes:
        if not message.parts or self._quiet:
            return b""
        refusal, pieces = message.parts[-1]
        text, place = "".join(pieces), _place(message)
        told = {"refusal": text} if refusal else {"text": text, "logprobs": []}
        done = self._event("refusal.done" if refusal else "output_text.done", **place, **told)
        return done + self._event("content_part.done", **place, part=text_part(text, refusal=refusal))

    # Reasoning

    def _thought(self, event: ThinkingDelta) -> bytes:
        if not event.text and not (self._sealed and (event.redacted or event.signature)):
            return self._close() if isinstance(self._open, Reasoning) and event.signature else b""
        before = b""
        item = self._open
        if not isinstance(item, Reasoning) or event.redacted:
            before = self._begin() + self._close()
            item = self._open = Reasoning(len(self._items), self._digits, sealed=self._sealed)
            before += self._add(item)
        if event.text:
            if not item.pieces:
                before += self._begin_summary(item)
            before += self._more(item.pieces, event.text)
        if event.signature or event.redacted:
            item.signature, item.redacted = event.signature, event.redacted
            before += self._close()  # the next piece is another thought's
        return before

    def _begin_summary(self, item: Reasoning) -> bytes:
        kind = b"response.reasoning_summary_text.delta"
        place = _summary(item)
        self._head = b'event: %b\ndata: {"type":"%b",%b,"delta":' % (kind, kind, _encode(place)[1:-1])
        return self._event("reasoning_summary_part.added", **place, part=summary_part(""))

    def _end_of_summary(self, item: Reasoning) -> bytes:
        if not item.pieces or self._quiet:
            return b""
        text, place = "".join(item.pieces), _summary(item)
        done = self._event("reasoning_summary_text.done", **place, text=text)
        return done + self._event("reasoning_summary_part.done", **place, part=summary_part(text))

    # Calls

    def _call(self, event: CallBegun) -> bytes:
        before = self._begin()
        if self._open is not None:
            before += self._close()
        if self._names is None:
            flat = {flat_name(tool.namespace, tool.name): tool for tool in self._request.named}
            self._names = {name: (tool.namespace, tool.name) for name, tool in flat.items()}
            self._custom = frozenset(name for name, tool in flat.items() if tool.custom)
        kind = CustomCall if event.name in self._custom else Call
        call_id = event.id or made_call_id(self._request_id, event.place)
        call = kind(len(self._items), self._digits, call_id, *self._names.get(event.name, (None, event.name)))
        self._calls[event.place] = call
        return before + self._add(call)

    def _arguments(self, event: CallDelta) -> bytes:
        call = self._calls.get(event.place)
        if call is None or not event.arguments:
            return b""
        self._keep(call.pieces, event.arguments)
        if isinstance(call, CustomCall):
            return b""
        return self._event("function_call_arguments.delta", **_call(call), delta=event.arguments)

    def _end_of_call(self, call: Call) -> bytes:
        if isinstance(call, CustomCall):
            text = call.input
            delta = self._event("custom_tool_call_input.delta", **_call(call), delta=text) if text else b""
            return delta + self._event("custom_tool_call_input.done", **_call(call), input=text)
        delta = b""
        if not call.arguments.strip():  # a function without arguments; clients parse them
            call.pieces = ["{}"]
            delta = self._event("function_call_arguments.delta", **_call(call), delta="{}")
        return delta + self._event("function_call_arguments.done", **_call(call), arguments=call.arguments)

    def _close(self, *, incomplete: bool = False) -> bytes:
        """The ends of what is open. `incomplete`: the model did not come to its end."""
        ends = []
        for item in (*([] if self._open is None else [self._open]), *self._calls.values()):
            if incomplete:
                item.status = "incomplete"
            if isinstance(item, Message):
                ends.append(self._end_of_part(item))
            elif isinstance(item, Reasoning):
                ends.append(self._end_of_summary(item))
            else:
                ends.append(self._end_of_call(item))
            ends.append(self._end_of(item))
        self._open = self._refuses = None
        self._calls = {}
        return b"".join(ends)


def _place(message: Message) -> dict[str, Any]:
    return {"item_id": message.id, "output_index": message.index, "content_index": len(message.parts) - 1}


def _summary(item: Reasoning) -> dict[str, Any]:
    return {"item_id": item.id, "output_index": item.index, "summary_index": 0}


def _call(call: Call) -> dict[str, Any]:
    return {"item_id": call.id, "output_index": call.index}


def write_response(request: ResponsesRequest, request_id: str, output: Output, report: UsageReport) -> bytes:
    """A whole response: what its stream would add up to."""
    writer = ResponsesWriter(request, request_id, quiet=True)
    for event in _events(output):
        writer.write(event, report)
    return _encode(writer.response(report))


def _events(output: Output) -> list[OutputEvent]:
    events: list[OutputEvent] = [Begun(output.model)]
    place = 0
    for part in output.parts:
        if isinstance(part, Text):
            events.append(TextDelta(part.text, part.refusal))
        elif isinstance(part, Thinking):
            events.append(ThinkingDelta(part.text, part.signature, part.redacted))
        elif isinstance(part, ToolCall):
            events += (CallBegun(place, part.id, part.name), CallDelta(place, part.arguments))
            place += 1
    return [*events, output.finish]
