"""The fields of a chat response that hold output, in any shape that servers write them.

The usual shape is read at once; another one field by field, as far as its fields make sense. A long response is read in
slices, in a thread.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from tollkeeper.rules.errors import UpstreamFailure
from tollkeeper.wire.json_scan import NotJson, Steps, T, TextSpan, items, members
from tollkeeper.wire.json_slices import LARGE, large_string, without_surrogates
from tollkeeper.wire.openai.chunks import replace_unreadable


class Function(Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class Call(Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Message(Struct, gc=False):
    """A message, or more of one. Servers name what the model thinks in three ways, some in two at once."""

    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    thinking: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None

    @property
    def thought(self) -> str | None:
        return self.reasoning_content or self.reasoning or self.thinking

    @property
    def calls(self) -> Sequence[Call]:
        if self.function_call is None:
            return self.tool_calls or ()
        return [*(self.tool_calls or ()), Call(None, None, self.function_call)]


class Choice(Struct, gc=False):
    delta: Message | None = None
    message: Message | None = None
    finish_reason: str | None = None


class Response(Struct, gc=False):
    model: str | None = None
    choices: list[Choice] | None = None


_decode = msgspec.json.Decoder(Response).decode
_TEXTS = ("content", "refusal", "reasoning_content", "reasoning", "thinking")
_FIELDS = frozenset(name.encode() for name in Message.__struct_fields__)
_NOWHERE = (0, 0)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_whole_response(body: bytes) -> Response:
    """A whole response. Raises UpstreamFailure for one that cannot be read."""
    return read_response(body) if len(body) <= LARGE else _read_large(without_surrogates(body))


def read_response(text: bytes, *, leniently: bool = True) -> Response:
    """The response, or event of one, in a text, in the usual shape or, `leniently`, in any: that takes long. Raises
    UpstreamFailure for one that cannot be read."""
    try:
        return _decode(text)
    except _UNREADABLE:
        if not leniently:
            raise _broken() from None
    try:
        return _lenient(json.loads(replace_unreadable(text).decode(errors="replace")))
    except (ValueError, RecursionError):
        raise _broken() from None


def _lenient(value: Any) -> Response:
    found = _object(value)
    choices = found.get("choices")
    return Response(
        _string(found.get("model")),
        [_lenient_choice(choice) for choice in choices[:1]] if isinstance(choices, list) else None,
    )


def _lenient_choice(value: Any) -> Choice:
    found = _object(value)
    return Choice(
        _lenient_message(found.get("delta")),
        _lenient_message(found.get("message")),
        _string(found.get("finish_reason")),
    )


def _lenient_message(value: Any) -> Message:
    found = _object(value)
    content = found.get("content")
    parts = [_object(part) for part in content] if isinstance(content, list) else []
    message = Message(
        content="".join(_text(part.get("text")) for part in parts) if parts else _string(content),
        thinking="".join(_text(part.get("thinking")) for part in parts) or _string(found.get("thinking")),
        refusal=_string(found.get("refusal")),
        reasoning_content=_string(found.get("reasoning_content")),
        reasoning=_string(found.get("reasoning")),
    )
    calls = found.get("tool_calls")
    if isinstance(calls, list):
        message.tool_calls = [_lenient_call(_object(call)) for call in calls]
    if isinstance(found.get("function_call"), dict):
        message.function_call = _lenient_function(found["function_call"])
    return message


def _lenient_call(found: Mapping[str, Any]) -> Call:
    index = found.get("index")
    return Call(
        index if type(index) is int else None,
        _string(found.get("id")),
        _lenient_function(_object(found.get("function"))),
    )


def _lenient_function(found: Mapping[str, Any]) -> Function:
    arguments = found.get("arguments")
    if isinstance(arguments, dict | list):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return Function(_string(found.get("name")), _string(arguments))


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _text(value: Any) -> str:
    """A text, which Mistral writes as a list of parts within what the model thinks."""
    if isinstance(value, list):
        return "".join(_text(_object(part).get("text")) for part in value)
    return value if isinstance(value, str) else ""


def _read_large(text: bytes) -> Response:
    """As `read_response`, in slices: a single step over a long response would block the interpreter."""
    try:
        top = _done(members(text, alone=True))
        choices = _done(items(text, top[b"choices"][0], 1))
        choice = _fields(text, choices[0]) if choices else {}
        message = _fields(text, choice.get(b"message", _NOWHERE))
        reason = _value(text, choice.get(b"finish_reason", _NOWHERE))
        return Response(
            _value(text, top.get(b"model", _NOWHERE)), [Choice(None, _large_message(text, message), reason)]
        )
    except (NotJson, KeyError, *_UNREADABLE):
        raise _broken() from None


def _large_message(text: bytes, spans: Mapping[bytes, TextSpan]) -> Message:
    texts, others = Message(), []
    for name, (start, end) in spans.items():
        if name not in _FIELDS:
            continue
        if text[start : start + 1] == b'"':
            setattr(texts, name.decode(), _value(text, (start, end)))
        else:
            others.append(b'"%b":%b' % (name, text[start:end]))
    [choice] = read_response(b'{"choices":[{"message":{%b}}]}' % b",".join(others)).choices or [Choice()]
    message = choice.message or Message()
    for field in _TEXTS:
        setattr(message, field, getattr(texts, field) or getattr(message, field))
    return message


def _fields(text: bytes, span: TextSpan) -> Mapping[bytes, TextSpan]:
    """The members of the object at a span; none where it is no object."""
    start, _ = span
    return _done(members(text, start)) if text[start : start + 1] == b"{" and span != _NOWHERE else {}


def _value(text: bytes, span: TextSpan) -> str | None:
    """The string at a span; None for anything else."""
    start, end = span
    return large_string(memoryview(text)[start:end]) if text[start : start + 1] == b'"' else None


def _done(steps: Steps[T]) -> T:
    """The result of steps, in one go: other threads run between them anyway."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def _broken() -> UpstreamFailure:
    return UpstreamFailure("The upstream's answer cannot be read as one of its API.")
