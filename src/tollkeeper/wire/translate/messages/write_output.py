"""Responses in the Messages dialect, whole and event by event (Anthropic's API reference, "Streaming messages").

    message_start ── content_block_start, content_block_delta …, content_block_stop … ── message_delta, message_stop

One block is open at a time, and their indexes count from 0. What the model thinks is shown to clients that turn
thinking on; where its maker signs no thoughts, the signature is empty, and such a thought never reaches Anthropic.

Fields that are always there are so here too, null where they say nothing: strict clients look for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter

from tollkeeper.rules.errors import AnswerTooLong, GatewayError
from tollkeeper.rules.ids import response_id
from tollkeeper.rules.usage import estimate_tokens
from tollkeeper.wire.anthropic.errors import error_event
from tollkeeper.wire.anthropic.request import AnthropicRequest
from tollkeeper.wire.json_slices import joined
from tollkeeper.wire.translate.conversation import Text, Thinking, ToolCall
from tollkeeper.wire.translate.messages.json_text import INVALID, encode, is_object, json_object, json_string
from tollkeeper.wire.translate.messages.read_request import shows_thinking
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

_STOP_REASONS: Mapping[FinishReason, bytes] = {
    "stop": b"end_turn",
    "length": b"max_tokens",
    "tool_calls": b"tool_use",
    "content_filter": b"refusal",
    "refusal": b"refusal",
    "stop_sequence": b"stop_sequence",
    "pause": b"pause_turn",
}
_START = b'event: content_block_start\ndata: {"type":"content_block_start","index":%d,"content_block":'
_TEXT_START = _START + b'{"type":"text","text":"","citations":null}}\n\n'
_THINKING_START = _START + b'{"type":"thinking","thinking":"","signature":""}}\n\n'
_DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":'
_TEXT_DELTA = _DELTA + b'{"type":"text_delta","text":'
_THINKING_DELTA = _DELTA + b'{"type":"thinking_delta","thinking":'
_SIGNATURE_DELTA = _DELTA + b'{"type":"signature_delta","signature":'
_INPUT_DELTA = _DELTA + b'{"type":"input_json_delta","partial_json":'
_STOP = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n'
_END = b"}}\n\n"
MOST_GATHERED = 16_000_000
"""Characters that wait for the end of a call: those of 150,000 events of a few each."""
MOST_CHECKED = 4_000_000
"""Characters of arguments, over all calls, that are checked for being whole: it takes some 20 ms."""
_EVENT = 100
"""Characters that an event takes beside its own."""
_TEXT = -1
_THINKING = -2
_NONE = -3
"""The open block: of a text, of a thought, none; from 0 on, the place of a call."""


class MessagesWriter:
    """Writes one streamed response; see `wire.translate.adapter.OutputWriter`."""

    __slots__ = (
        "_arguments",
        "_begun",
        "_called",
        "_ending",
        "_finished",
        "_gathered",
        "_head",
        "_index",
        "_open",
        "_pieces",
        "_request",
        "_request_id",
        "_shows_thinking",
        "_unchecked",
        "_waiting",
        "_wraps",
    )

    def __init__(self, request: AnthropicRequest, request_id: str) -> None:
        self._request = request
        self._request_id = request_id
        self._shows_thinking = shows_thinking(request)
        self._begun = False
        self._index = -1
        """The number of the last block."""
        self._open = _NONE
        self._head = b""
        """What begins a delta of the open block."""
        self._arguments: list[str] = []
        """Those of the open call."""
        self._wraps = False
        """Whether those are no object, and are sent as the value in one; see `json_object`."""
        self._waiting: list[OutputEvent] = []
        """What came before the open call was complete, and belongs behind it."""
        self._gathered = 0
        """Characters of both."""
        self._unchecked = MOST_CHECKED
        """Characters of arguments that may still be checked for being whole."""
        self._ending = False
        self._called = False
        self._pieces = 0
        self._finished: Finished | None = None

    def __repr__(self) -> str:
        return f"MessagesWriter({self._index + 1} blocks, {self._pieces} pieces, {self._finished})"

    def write(self, event: OutputEvent, report: UsageReport) -> bytes:
        """The client's events for one event of output (b"": none). `report` is the usage known so far."""
        if isinstance(event, TextDelta) and self._open == _TEXT:  # by far the usual case
            self._pieces += 1
            return self._head + encode(event.text) + _END if event.text else b""
        if isinstance(event, Begun):
            return self._start(event.model, report)
        out = [] if self._begun else [self._start("", report)]
        self._add(event, out)
        return b"".join(out)

    def _start(self, model: str, report: UsageReport) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return b'event: message_start\ndata: {"type":"message_start","message":%b]%b,"usage":%b}}\n\n' % (
            _head(self._request, self._request_id, model),
            _stop(None, called=False),
            _usage(report, self._estimate, 0),
        )

    @property
    def _estimate(self) -> int:
        """The tokens of the input, where the upstream has not said how many, as Ollama estimates them there: the
        last event overrules it."""
        return estimate_tokens(self._request.text_bytes)

    def _add(self, event: OutputEvent, out: list[bytes]) -> None:
        if isinstance(event, Finished):
            self._finish(event, out)
        elif self._open >= 0 and not (isinstance(event, CallDelta) and event.place == self._open):
            self._add_beside(event, out)
        elif isinstance(event, CallDelta):
            self._add_arguments(event, out)
        elif isinstance(event, CallBegun):
            self._begin_call(event, out)
        elif isinstance(event, TextDelta):
            if event.text:
                self._pieces += 1
                self._begin(_TEXT, _TEXT_START, _TEXT_DELTA, out)
                out.append(self._head + encode(event.text) + _END)
        elif isinstance(event, ThinkingDelta) and self._shows_thinking:
            self._add_thinking(event, out)

    def _add_beside(self, event: OutputEvent, out: list[bytes]) -> None:
        """Add what comes while a call is open. It waits while the arguments of that are no whole object, since more of
        them may come: a stream of several calls may mix their parts, but here blocks follow one another."""
        if isinstance(event, CallDelta):
            self._gather(event.arguments)
        else:
            self._gather(event.text if isinstance(event, TextDelta | ThinkingDelta) else "")
        self._waiting.append(event)
        if self._ending or self._is_whole():
            self._close(out)
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                self._add(each, out)

    def _gather(self, text: str) -> None:
        self._gathered += len(text) + _EVENT
        if self._gathered > MOST_GATHERED and not self._ending:
            raise AnswerTooLong("The model calls a tool with arguments that are too long to relay.")

    def _is_whole(self) -> bool:
        """Whether the arguments of the open call are a whole object, as far as checks of them have not become too many:
        else what comes beside them waits for the end."""
        last = self._arguments[-1].rstrip() if self._arguments else "-"
        if last and last[-1] != "}":
            return False
        self._unchecked -= sum(map(len, self._arguments))
        return self._unchecked >= 0 and is_object("".join(self._arguments).encode().strip())

    def _add_arguments(self, event: CallDelta, out: list[bytes]) -> None:
        if event.place != self._open:
            return  # of a call that is complete, or never began
        text = event.arguments if self._arguments else event.arguments.lstrip()
        if not text or (not self._arguments and text.rstrip() == "null"):
            return
        self._pieces += 1
        if self._wraps or not (self._arguments or text.startswith("{")):
            inner = encode(text)[1:-1].decode()
            piece = inner if self._wraps else INVALID + inner
            self._wraps = True
        else:
            piece = text
        self._gather(text)
        self._arguments.append(text)
        out.append(self._head + encode(piece) + _END)

    def _begin_call(self, event: CallBegun, out: list[bytes]) -> None:
        self._pieces += 1
        self._called = True
        call_id = encode(event.id or made_id(self._request_id, event.place))
        block = b'{"type":"tool_use","id":%b,"name":%b,"input":{},"caller":{"type":"direct"}}}\n\n' % (
            call_id,
            encode(event.name),
        )
        self._begin(event.place, _START + block.replace(b"%", b"%%"), _INPUT_DELTA, out)

    def _add_thinking(self, event: ThinkingDelta, out: list[bytes]) -> None:
        if event.redacted is not None:
            block = b'{"type":"redacted_thinking","data":%b}}\n\n' % encode(event.redacted)
            self._close(out)
            self._begin(_THINKING, _START + block.replace(b"%", b"%%"), _THINKING_DELTA, out)
            self._close(out)
            return
        if event.text or event.signature:
            self._pieces += 1
            self._begin(_THINKING, _THINKING_START, _THINKING_DELTA, out)
        if event.text:
            out.append(self._head + encode(event.text) + _END)
        if event.signature:
            out.append(_SIGNATURE_DELTA % self._index + encode(event.signature) + _END)
            self._close(out)  # it signs the whole thought

    def _begin(self, block: int, start: bytes, delta: bytes, out: list[bytes]) -> None:
        """Open a block, unless it is open."""
        if self._open == block:
            return
        self._close(out)
        self._index += 1
        self._open = block
        self._arguments = []
        self._gathered = 0
        self._head = delta % self._index
        out.append(start % self._index)

    def _close(self, out: list[bytes]) -> None:
        if self._open != _NONE:
            if self._wraps:
                out.append(self._head + encode('"}') + _END)
                self._wraps = False
            self._open = _NONE
            out.append(_STOP % self._index)

    def _finish(self, event: Finished, out: list[bytes]) -> None:
        self._finished = event
        self._ending = True
        waiting, self._waiting = self._waiting, []
        self._close(out)
        for each in _together(waiting):
            self._add(each, out)
        self._close(out)

    def end(self, report: UsageReport) -> bytes:
        """The events that end the stream, with the usage."""
        out = [] if self._begun else [self._start("", report)]
        if self._finished is None:
            self._finish(Finished("stop"), out)
        out.append(
            b'event: message_delta\ndata: {"type":"message_delta","delta":{%b},"usage":%b}\n\n'
            b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
            % (_stop(self._finished, called=self._called)[1:], _usage(report, self._estimate, self._pieces))
        )
        return b"".join(out)

    def error(self, error: GatewayError) -> bytes:
        """The last events of a stream that fails here."""
        return error_event(error, self._request_id)


def write_response(request: AnthropicRequest, request_id: str, output: Output, report: UsageReport) -> bytes:
    """A whole response."""
    shown = shows_thinking(request)
    calls = 0
    content: list[bytes] = []
    for part in output.parts:
        if isinstance(part, ToolCall):
            content += _call(part, part.id or made_id(request_id, calls))
            calls += 1
        elif isinstance(part, Text):
            if part.text:
                content += (b'{"type":"text","text":', json_string(part.text), b',"citations":null},')
        elif shown:
            content += _thought(part)
    if content:
        content[-1] = content[-1].removesuffix(b",")
    usage = _usage(report, estimate_tokens(request.text_bytes), estimate_tokens(sum(map(len, content))))
    head = _head(request, request_id, output.model)
    return joined((head, *content, b"]", _stop(output.finish, called=bool(calls)), b',"usage":', usage, b"}"))


def made_id(request_id: str, place: int) -> str:
    """The id of a call that the upstream gave none."""
    return f"{response_id('toolu_', request_id)}{place:02d}"


def _call(part: ToolCall, call_id: str) -> tuple[bytes, ...]:
    head = b'{"type":"tool_use","id":%b,"name":%b,"input":' % (encode(call_id), encode(part.name))
    return head, json_object(part.arguments), b',"caller":{"type":"direct"}},'


def _thought(part: Thinking) -> tuple[bytes, ...]:
    if part.redacted is not None:
        return b'{"type":"redacted_thinking","data":', json_string(part.redacted), b"},"
    text, signature = json_string(part.text), json_string(part.signature or "")
    return b'{"type":"thinking","thinking":', text, b',"signature":', signature, b"},"


def _head(request: AnthropicRequest, request_id: str, model: str) -> bytes:
    """A message, up to its content."""
    return b'{"id":"%b","type":"message","role":"assistant","model":%b,"content":[' % (
        request.response_id(request_id).encode(),
        encode(model or request.model),
    )


def _stop(finished: Finished | None, *, called: bool) -> bytes:
    """The fields of the stop reason and of the stop sequence, behind a comma."""
    if finished is None:
        return b',"stop_reason":null,"stop_sequence":null,"stop_details":null,"container":null'
    # Some servers give a call no reason of its own; here clients run tools for that reason only.
    reason: FinishReason = "tool_calls" if called and finished.reason == "stop" else finished.reason
    sequence = b"null" if finished.sequence is None else encode(finished.sequence)
    return b',"stop_reason":"%b","stop_sequence":%b,"stop_details":null,"container":null' % (
        _STOP_REASONS[reason],
        sequence,
    )


def _usage(report: UsageReport, estimated_input: int, counted_output: int) -> bytes:
    """The value of `usage`. Its input excludes what was read from a cache and written to it."""
    read, written, kept = report.cached_tokens, report.cache_write_tokens, report.cache_write_1h_tokens
    plain = estimated_input if report.prompt_tokens is None else max(0, report.prompt_tokens - read - written)
    output = counted_output if report.completion_tokens is None else report.completion_tokens
    caches = b"null"
    if written:
        caches = b'{"ephemeral_5m_input_tokens":%d,"ephemeral_1h_input_tokens":%d}' % (max(0, written - kept), kept)
    thought = b'{"thinking_tokens":%d}' % report.reasoning_tokens if report.reasoning_tokens else b"null"
    return (
        b'{"input_tokens":%d,"cache_creation_input_tokens":%d,"cache_read_input_tokens":%d,"cache_creation":%b,'
        b'"output_tokens":%d,"output_tokens_details":%b,"server_tool_use":null,"service_tier":null,'
        b'"inference_geo":null}' % (plain, written, read, caches, output, thought)
    )


def _together(events: Sequence[OutputEvent]) -> list[OutputEvent]:
    """The events, those of each call together where its first one stands."""
    firsts: dict[int, int] = {}
    keyed = [
        (firsts.setdefault(event.place, number) if isinstance(event, CallBegun | CallDelta) else number, event)
        for number, event in enumerate(events)
    ]
    return [event for _, event in sorted(keyed, key=itemgetter(0))]
