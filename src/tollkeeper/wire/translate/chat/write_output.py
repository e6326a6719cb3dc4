"""Output, as a chat response for clients, whole or event by event.

What the model thinks is `reasoning_content`, as DeepSeek began it: OpenAI shows no thoughts. Events are put together
from bytes, since there is one for nearly each token.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tollkeeper.rules.errors import GatewayError
from tollkeeper.rules.ids import made_at
from tollkeeper.wire.json_slices import joined, string_parts
from tollkeeper.wire.openai.errors import error_event
from tollkeeper.wire.openai.request import OpenAIRequest
from tollkeeper.wire.translate.chat.read_request import is_legacy
from tollkeeper.wire.translate.chat.write_message import JsonParts, array
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
    "length": b"length",
    "tool_calls": b"tool_calls",
    "content_filter": b"content_filter",
    "refusal": b"content_filter",
}
_DONE = b"data: [DONE]\n\n"
_ROLE = b'"role":"assistant",'
_SILENT = _ROLE + b'"content":null,'
_encode = msgspec.json.encode


class ChatWriter:
    """Writes one streamed response; see `wire.translate.adapter.OutputWriter`."""

    __slots__ = ("_head", "_legacy", "_name", "_refused", "_request_id", "_role", "_silent", "_tail", "_usage")

    def __init__(self, request: OpenAIRequest, request_id: str) -> None:
        self._request_id = request_id
        self._legacy = is_legacy(request)
        self._usage = request.wants_usage
        self._name = (request.response_id(request_id) or "").encode(), request.model
        self._head = self._begin("")
        no_usage = b',"usage":null' if self._usage else b""
        self._tail = b'},"logprobs":null,"finish_reason":null}]%b}\n\n' % no_usage
        self._role, self._silent = _ROLE, _SILENT
        self._refused = False

    def __repr__(self) -> str:
        return f"ChatWriter({self._name[0]!r})"

    def _begin(self, model: str) -> bytes:
        """The beginning of every event."""
        response_id, requested = self._name
        return b'data: {"id":"%b","object":"chat.completion.chunk","created":%d,"model":%b,"choices":[' % (
            response_id,
            made_at(self._request_id) // 1000,
            _encode(model or requested),
        )

    def write(self, event: OutputEvent, report: UsageReport) -> bytes:  # noqa: ARG002 (usage comes at the end)
        """The client's events for one event of output (b"": none)."""
        kind = type(event)
        if kind is TextDelta:
            return self._text(event)  # type: ignore[arg-type]
        if kind is CallDelta:
            return self._arguments(event)  # type: ignore[arg-type]
        return self._other(event)

    def _text(self, event: TextDelta) -> bytes:
        name = b'"content":'
        if event.refusal:
            self._refused = True
            name = b'"refusal":'
        role, self._role, self._silent = self._role, b"", b""
        return b'%b{"index":0,"delta":{%b%b%b%b' % (self._head, role, name, _encode(event.text), self._tail)

    def _arguments(self, event: CallDelta) -> bytes:
        arguments = _encode(event.arguments)
        if self._legacy:
            return b"" if event.place else self._delta(b'"function_call":{"arguments":%b}' % arguments)
        return self._delta(b'"tool_calls":[{"index":%d,"function":{"arguments":%b}}]' % (event.place, arguments))

    def _delta(self, fields: bytes) -> bytes:
        silent, self._role, self._silent = self._silent, b"", b""
        return b'%b{"index":0,"delta":{%b%b%b' % (self._head, silent, fields, self._tail)

    def _other(self, event: OutputEvent) -> bytes:
        if isinstance(event, ThinkingDelta):
            return self._delta(b'"reasoning_content":' + _encode(event.text)) if event.text else b""
        if isinstance(event, CallBegun):
            return self._call(event)
        if isinstance(event, Finished):
            said = _ROLE + b'"content":""' if self._role else b""
            reason = _reason(event, refused=self._refused, legacy=self._legacy)
            end = self._tail.replace(b"null}]", b'"%b"}]' % reason, 1)
            return b'%b{"index":0,"delta":{%b%b' % (self._head, said, end)
        if isinstance(event, Begun):
            self._head = self._begin(event.model)
        return b""

    def _call(self, event: CallBegun) -> bytes:
        if self._legacy:
            if event.place:
                return b""  # a message has one
            return self._delta(b'"function_call":{"name":%b,"arguments":""}' % _encode(event.name))
        call_id = event.id or made_call_id(self._request_id, event.place)
        return self._delta(
            b'"tool_calls":[{"index":%d,"id":%b,"type":"function","function":{"name":%b,"arguments":""}}]'
            % (event.place, _encode(call_id), _encode(event.name))
        )

    def end(self, report: UsageReport) -> bytes:
        """The events that end the stream: the usage, where the client wants it and it is known, and the mark."""
        usage = usage_of(report) if self._usage else None
        return _DONE if usage is None else b'%b],"usage":%b}\n\n%b' % (self._head, usage, _DONE)

    def error(self, error: GatewayError) -> bytes:
        """The last event of a stream that fails here."""
        return error_event(error, self._request_id)


def write_response(request: OpenAIRequest, request_id: str, output: Output, report: UsageReport) -> bytes:
    """A whole response, with all fields that OpenAI documents as always there."""
    legacy = is_legacy(request)
    said = [part.text for part in output.parts if isinstance(part, Text) and not part.refusal]
    refused = "".join(part.text for part in output.parts if isinstance(part, Text) and part.refusal)
    thought = "".join(part.text for part in output.parts if isinstance(part, Thinking))
    calls = [part for part in output.parts if isinstance(part, ToolCall)]
    silent = not said and bool(refused or thought or calls)
    parts: JsonParts = [
        b'{"id":"%b","object":"chat.completion","created":%d,"model":%b,"choices":[{"index":0,"message":'
        b'{"role":"assistant","content":'
        % (
            (request.response_id(request_id) or "").encode(),
            made_at(request_id) // 1000,
            _encode(output.model or request.model),
        ),
        *([b"null"] if silent else string_parts("".join(said))),
        b',"refusal":',
        *(string_parts(refused) if refused else [b"null"]),
        b',"annotations":[]',
    ]
    if thought:
        parts += [b',"reasoning_content":', *string_parts(thought)]
    if calls and legacy:
        parts += [b',"function_call":', *_function(calls[0])]
    elif calls:
        parts.append(b',"tool_calls":')
        parts += array(
            [
                b'{"id":%b,"type":"function","function":' % _encode(call.id or made_call_id(request_id, place)),
                *_function(call),
                b"}",
            ]
            for place, call in enumerate(calls)
        )
    reason = _reason(output.finish, refused=bool(refused), legacy=legacy)
    parts.append(b'},"logprobs":null,"finish_reason":"%b"}]' % reason)
    usage = usage_of(report)
    if usage is not None:
        parts.append(b',"usage":' + usage)
    return joined([*parts, b"}"])


def _function(call: ToolCall) -> JsonParts:
    return [b'{"name":', *string_parts(call.name), b',"arguments":', *string_parts(call.arguments), b"}"]


def _reason(finish: Finished, *, refused: bool, legacy: bool) -> bytes:
    """The finish reason. A refusal in words of its own ends as every text; one without ends by a filter."""
    if finish.reason == "refusal" and refused:
        return b"stop"
    if finish.reason == "tool_calls" and legacy:
        return b"function_call"
    return _REASONS[finish.reason]


def usage_of(report: UsageReport) -> bytes | None:
    """The usage as OpenAI reports it; None where nothing is known."""
    if report.prompt_tokens is None and report.completion_tokens is None:
        return None
    prompt, output = report.prompt_tokens or 0, report.completion_tokens or 0
    written = b',"cache_write_tokens":%d' % report.cache_write_tokens if report.cache_write_tokens else b""
    return (
        b'{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d%b},'
        b'"completion_tokens_details":{"reasoning_tokens":%d}}'
        % (prompt, output, prompt + output, report.cached_tokens, written, report.reasoning_tokens)
    )


def made_call_id(request_id: str, place: int) -> str:
    """The id of a call that the upstream gave none. OpenAI takes ids of up to 40 characters."""
    return f"call_{request_id.removeprefix('req_')}_{place}"[:40]
