"""The fields that the gateway reads from responses in the OpenAI dialect, in any shape.

Fields that the gateway does not need never make a response fail. So a text is first read in the usual shape; then field
by field, ignoring those of another shape; then from a copy without what parsers refuse (NaN, half of a surrogate pair).
Only a text that is no JSON object is a failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Raw, Struct

from tollkeeper.wire.json_scan import Buffer, NotJson, Steps, TextSpan, items, members
from tollkeeper.wire.usage import count_of

ABSENT = Raw(b"")
AT_ONCE = 65_536
"""Bytes of a text up to which all parts are read at once; of longer ones only as many as are quick to read."""
MAX_CHOICES = 1024
_MAX_REASON = 64
_EMPTY = (b"", b"null", b'""', b"[]")
_NO_ERROR = (*_EMPTY, b"{}", b"false", b"0")


class NotAnObject(ValueError):
    """A text that is no JSON object, so not of the dialect."""


class Delta(Struct, gc=False):
    """The fields with output, of a streamed choice or of the message of a whole one."""

    content: Raw = ABSENT
    reasoning: Raw = ABSENT
    reasoning_content: Raw = ABSENT
    refusal: Raw = ABSENT
    tool_calls: Raw = ABSENT
    function_call: Raw = ABSENT
    audio: Raw = ABSENT


class Choice(Struct, gc=False):
    index: Any = 0
    delta: Delta | None = None
    text: Raw = ABSENT
    finish_reason: Any = None

    def has_content(self) -> bool:
        delta = self.delta
        if delta is None:
            return bytes(self.text) not in _EMPTY
        return (
            bytes(delta.content) not in _EMPTY
            or bytes(delta.tool_calls) not in _EMPTY
            or bytes(delta.reasoning) not in _EMPTY
            or bytes(delta.reasoning_content) not in _EMPTY
            or bytes(delta.refusal) not in _EMPTY
            or bytes(delta.function_call) not in _EMPTY
            or bytes(delta.audio) not in _EMPTY
        )


class Chunk(Struct, gc=False):
    """The data of one event of a stream."""

    id: Any = None
    choices: list[Choice] | None = None
    usage: Raw = ABSENT
    error: Raw = ABSENT
    timings: Raw = ABSENT


class ResponseChoice(Struct, gc=False):
    """A choice of a whole response. Of `index` and `logprobs` only their presence counts; they are missing where the
    choice was read field by field."""

    finish_reason: Any = None
    message: Raw = ABSENT
    text: Raw = ABSENT
    index: Raw = ABSENT
    logprobs: Raw = ABSENT


class ResponseBody(Struct, gc=False):
    """The body of a whole response. `choices` is None where there is no list of them. Of the last three only their
    presence counts; they are missing where the body was read field by field."""

    id: Any = None
    choices: list[ResponseChoice] | None = None
    data: Raw = ABSENT
    usage: Raw = ABSENT
    error: Raw = ABSENT
    timings: Raw = ABSENT
    object: Raw = ABSENT
    created: Raw = ABSENT
    model: Raw = ABSENT


class _RawChoice(Struct, gc=False):
    index: Raw = ABSENT
    delta: Raw = ABSENT
    text: Raw = ABSENT
    finish_reason: Raw = ABSENT
    message: Raw = ABSENT


class _RawBody(Struct, gc=False):
    id: Raw = ABSENT
    choices: Raw = ABSENT
    data: Raw = ABSENT
    usage: Raw = ABSENT
    error: Raw = ABSENT
    timings: Raw = ABSENT


_read_chunk = msgspec.json.Decoder(Chunk).decode
_read_body = msgspec.json.Decoder(ResponseBody).decode
_read_raw_body = msgspec.json.Decoder(_RawBody).decode
_read_raw_choice = msgspec.json.Decoder(_RawChoice).decode
_read_delta = msgspec.json.Decoder(Delta).decode
_read_items = msgspec.json.Decoder(list[Raw]).decode


def read_chunk(data: bytes) -> Chunk | None:
    """Read the data of one event; None where it has none (llama.cpp begins some streams with `null`). Raises
    NotAnObject."""
    if len(data) <= AT_ONCE:
        try:
            return _read_chunk(data)
        except (msgspec.DecodeError, RecursionError):
            pass  # of another shape, or no strict JSON
        except UnicodeDecodeError:
            raise NotAnObject from None
    text = data.strip()
    if text in (b"", b"null"):
        return None
    if len(text) > AT_ONCE and text[:1] + text[-1:] == b"{}":
        try:
            fields = _read_raw_body(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # Removing what parsers refuse would take too long.
            return Chunk(None, [_large_choice(text)])
    else:
        fields = _read_leniently(text)
    return Chunk(
        _string(fields.id),
        _choices(fields.choices, text),
        fields.usage,
        fields.error,
        fields.timings,
    )


def read_large_chunk(text: bytes) -> Steps[tuple[Chunk, TextSpan | None]]:
    """As `read_chunk`, in steps, for the data of a long event; also the position of its id, if that is a string."""
    try:
        fields = yield from members(text, alone=True)
    except NotJson:
        if text[:1] + text[-1:] != b"{}":
            raise NotAnObject from None
        return Chunk(None, [_large_choice(text)]), None
    choices = None
    start, end = fields.get(b"choices", (0, 0))
    if end - start > AT_ONCE:
        choices = [_large_choice(text)]
    elif end:
        choices = _choices(Raw(text[start:end]), text)
    usage, error, timings = (_beginning(text, fields, name) for name in (b"usage", b"error", b"timings"))
    id_at = fields.get(b"id")
    is_string = id_at is not None and text[id_at[0] : id_at[0] + 1] == b'"'
    return Chunk(None, choices, usage, error, timings), id_at if is_string else None


def _beginning(text: Buffer, fields: dict[bytes, TextSpan], name: bytes, most: int = AT_ONCE) -> Raw:
    """The value of a field, or as much of it as is quick to read."""
    if name not in fields:
        return ABSENT
    start, end = fields[name]
    return Raw(bytes(text[start : min(end, start + most)]))


def read_body(text: bytes) -> ResponseBody:
    """Read the body of a whole response of moderate length. Raises NotAnObject."""
    try:
        return _read_body(text)
    except (msgspec.DecodeError, RecursionError):
        pass
    except UnicodeDecodeError:
        raise NotAnObject from None
    fields = _read_leniently(text)
    found = _items(fields.choices)
    choices = None if found is None else [_response_choice(item) for item in found]
    return ResponseBody(_string(fields.id), choices, fields.data, fields.usage, fields.error, fields.timings)


class LargeBody(Struct, frozen=True, gc=False):
    """The fields of a large response: `sizes` are the bytes of output of each choice, `id_at` is the position of its
    id, if that is a string."""

    body: ResponseBody
    sizes: list[int]
    id_at: TextSpan | None


def read_large_body(text: Buffer) -> Steps[LargeBody]:
    """Read the body of a response of any length, in steps. Raises NotJson."""
    fields = yield from members(text, alone=True)
    choices: list[ResponseChoice] | None = None
    sizes: list[int] = []
    if bytes(_beginning(text, fields, b"choices", 1)) == b"[":
        choices = []
        for start, end in (yield from items(text, fields[b"choices"][0], MAX_CHOICES)):
            choice, size = yield from _large_response_choice(text, start, end)
            choices.append(choice)
            sizes.append(size)
    data = _beginning(text, fields, b"data", 8)
    usage, error, timings = (_beginning(text, fields, name) for name in (b"usage", b"error", b"timings"))
    body = ResponseBody(None, choices, data, usage, error, timings)
    return LargeBody(body, sizes, fields[b"id"] if bytes(_beginning(text, fields, b"id", 1)) == b'"' else None)


def _large_response_choice(text: Buffer, start: int, end: int) -> Steps[tuple[ResponseChoice, int]]:
    if end - start <= AT_ONCE or text[start : start + 1] != b"{":
        choice = _response_choice(Raw(bytes(text[start : min(end, start + AT_ONCE)])))
        return choice, output_bytes(choice)
    fields = yield from members(text, start)
    reason, message, text_at = (fields.get(name, (0, 0)) for name in (b"finish_reason", b"message", b"text"))
    size = text_at[1] - text_at[0]
    if text[message[0] : message[0] + 1] == b"{":
        parts = yield from members(text, message[0])
        size += sum(to - at for name, (at, to) in parts.items() if name in _OUTPUT_KEYS)
    return ResponseChoice(_string(Raw(bytes(text[reason[0] : min(reason[1], reason[0] + _MAX_STRING)])))), size


_OUTPUT = Delta.__struct_fields__
_OUTPUT_KEYS = frozenset(name.encode() for name in _OUTPUT)


def is_error(raw: Raw) -> bool:
    """Whether the value of `error` is an error."""
    return memoryview(raw).nbytes > 5 or bytes(raw) not in _NO_ERROR


def is_empty(raw: Raw) -> bool:
    """Whether a field is missing, null or empty."""
    return memoryview(raw).nbytes <= 4 and bytes(raw) in _EMPTY


def is_missing(raw: Raw) -> bool:
    """Whether a field is missing or null."""
    return memoryview(raw).nbytes <= 4 and bytes(raw) in (b"", b"null")


def reason_of(value: object) -> str | None:
    """The finish reason; None where it is empty or no string."""
    return value[:_MAX_REASON] if isinstance(value, str) and value else None


def index_of(value: object, below: int) -> int:
    """The index of a choice; 0 where it is invalid."""
    place = count_of(value)
    return place if place is not None and place < below else 0


def output_bytes(choice: ResponseChoice) -> int:
    """Bytes of output in a choice of a whole response."""
    size = _size(choice.text)
    if is_empty(choice.message):
        return size
    try:
        message = _read_delta(choice.message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return size + memoryview(choice.message).nbytes
    return size + sum(_size(getattr(message, name)) for name in _OUTPUT)


def _size(raw: Raw) -> int:
    """Bytes of a value, without the quotes of a string."""
    if is_empty(raw):
        return 0
    view = memoryview(raw)
    return view.nbytes - 2 if view[0] == _QUOTE else view.nbytes


_QUOTE = b'"'[0]


def _read_leniently(text: bytes) -> _RawBody:
    try:
        return _read_raw_body(text)
    except (msgspec.ValidationError, UnicodeDecodeError, RecursionError):
        raise NotAnObject from None
    except msgspec.DecodeError:
        pass
    try:
        return _read_raw_body(replace_unreadable(text))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotAnObject from None


_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_NO_NUMBER = re.compile(rb"-?\b(?:NaN|Infinity)\b")


def replace_unreadable(text: bytes) -> bytes:
    """A copy of the same structure, without what parsers refuse. Its strings may differ."""
    return _NO_NUMBER.sub(b"null", _LONE_SURROGATE.sub(rb"\\ufffd", text))


def _string(raw: Raw) -> str | None:
    """The value of a short string; None for anything else."""
    view = memoryview(raw)
    if not 2 <= view.nbytes <= _MAX_STRING or view[0] != _QUOTE:
        return None
    try:
        return str(msgspec.json.decode(raw))
    except msgspec.DecodeError:
        return None
    except UnicodeDecodeError:
        raise NotAnObject from None


_MAX_STRING = 1024


def _items(raw: Raw) -> Iterable[Raw] | None:
    try:
        return _read_items(raw)[:MAX_CHOICES]
    except (msgspec.DecodeError, RecursionError):
        return None


def _choices(raw: Raw, text: bytes) -> list[Choice] | None:
    """The choices of the event with the data `text`."""
    if memoryview(raw).nbytes > AT_ONCE:
        return [_large_choice(text)]
    found = _items(raw)
    return None if found is None else [choice for item in found if (choice := _choice(item)) is not None]


def _choice(raw: Raw) -> Choice | None:
    try:
        fields = _read_raw_choice(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    delta: Delta | None = None
    if not is_empty(fields.delta):
        try:
            delta = _read_delta(fields.delta)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            delta = Delta(content=fields.delta)
    return Choice(_number(fields.index), delta, fields.text, _string(fields.finish_reason))


def _large_choice(text: bytes) -> Choice:
    """The choice of a very long event, from a quick search: it has output, and perhaps a finish reason. Quotes in
    strings are escaped, so these names with bare quotes can only be keys."""
    at = text.rfind(b'"finish_reason"')
    reason = None if at < 0 else _REASON(text, at)
    place = text.find(b'"index"', 0, AT_ONCE)
    number = None if place < 0 else _INDEX(text, place)
    return Choice(int(number[1]) if number else 0, None, Raw(b" "), reason[1].decode("latin-1") if reason else None)


_REASON = re.compile(rb'"finish_reason"\s{0,99}:\s{0,99}"([^"\\]{1,%d})"' % _MAX_REASON).match
_INDEX = re.compile(rb'"index"\s{0,99}:\s{0,99}([0-9]{1,9})').match


def _response_choice(raw: Raw) -> ResponseChoice:
    try:
        fields = _read_raw_choice(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ResponseChoice()
    return ResponseChoice(_string(fields.finish_reason), fields.message, fields.text)


def _number(raw: Raw) -> object:
    try:
        return msgspec.json.decode(raw) if memoryview(raw).nbytes < 32 else 0
    except (msgspec.DecodeError, UnicodeDecodeError):
        return 0
