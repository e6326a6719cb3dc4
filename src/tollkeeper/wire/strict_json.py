"""Strict JSON: texts that all parsers read alike, and edits of single fields that leave all other bytes unchanged.

msgspec takes the last of duplicate keys, passes invalid UTF-8 inside raw values, and accepts deeper nesting than some
servers do. A parser upstream might see another document in the same bytes, so such documents are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from itertools import chain
from typing import Any, TypeVar
from unicodedata import normalize

import msgspec
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.json_slices import (
    LARGE,
    MAX_DEPTH,
    MAX_PARTS,
    MemberSpan,
    check_bounds,
    check_large,
    count_parts,
    deepest,
    joined,
    large_items,
    large_members,
    large_string,
    only_brackets,
    skip_space,
    unescaped,
    without_surrogates,
)

Members = dict[str, Raw]
T = TypeVar("T")

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""A control character, other than a tab or an end of line."""
encode_exact = msgspec.json.Encoder(decimal_format="number").encode
"""Writes JSON in which decimals are numbers, digit for digit."""
_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_BEFORE_MEMBER = re.compile(rb"[\s{,]*(" + _STRING + rb")\s*:\s*", re.DOTALL)
_LONGEST_KEY = 64
"""Characters of the longest key that may be a known one, with any folding."""
_MAX_KEY_BYTES = 1 << 16


def names(text: str) -> frozenset[str]:
    """The names in a text."""
    return frozenset(text.split())


def begins(raw: Raw, with_byte: bytes) -> bool:
    """Whether a value begins with this byte, which tells what kind of value it is."""
    return memoryview(raw)[0] == with_byte[0]


class _Key(str):
    """A key that equals only itself, so that a dict keeps duplicates."""

    __slots__ = ()
    __hash__ = object.__hash__
    __eq__ = object.__eq__


def _as_key(kind: type, value: str) -> Any:
    return kind(value)


plain_object = msgspec.json.Decoder(Members).decode
_plain_objects = msgspec.json.Decoder(list[Members]).decode
_items = msgspec.json.Decoder(list[Raw]).decode
_string = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode
_OBJECT = msgspec.json.Decoder(dict[_Key, Raw], dec_hook=_as_key)
_OBJECTS = msgspec.json.Decoder(list[dict[_Key, Raw]], dec_hook=_as_key)


def check_text(text: bytes) -> int | None:
    """Raise BadRequest for a text that is not UTF-8, is nested deeper than 128, or has over 100,000 objects or members.
    A short text is checked for JSON only when it is read; of one, the most arrays that it may have are returned."""
    if len(text) > LARGE:
        check_large(text)
        return None
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError as error:
            raise BadRequest(f"The body is not UTF-8 (byte {error.start}). Send JSON in UTF-8.") from None
    arrays = text.count(b"[")
    if text.count(b"{") + arrays <= MAX_DEPTH and (
        len(text) <= MAX_PARTS or text.count(b":") <= MAX_PARTS  # a member takes more than a byte
    ):
        return arrays  # the usual case; what follows separates strings from structure
    outside = b"".join(unescaped(text).split(b'"')[0::2])
    check_bounds(deepest(only_brackets(outside)), *count_parts(outside))
    return arrays


def read_text(body: bytes, read: Callable[[bytes], T]) -> T:
    """What `read` makes of a body, or of the body with U+FFFD for lone surrogates where it refuses those. Raises
    BadRequest."""
    if not body:
        raise BadRequest("The body is empty. Send a JSON object.")
    if len(body) > LARGE:
        return read(without_surrogates(body))
    try:
        return read(body)
    except BadRequest:
        whole = without_surrogates(body)
        if whole is body:
            raise
        return read(whole)


def read_object(text: bytes | Raw, known: set[str] | frozenset[str], where: str | None = None) -> Members:
    """The members of a JSON object, values left raw. `where` names the object in errors; None is the body itself.

    Raises BadRequest for duplicate keys, and for keys that differ from a `known` name only by case or Unicode folding.
    """
    if len(text) > LARGE:
        return _large_object(text, known, where)
    try:
        plain = plain_object(text)
    except (msgspec.DecodeError, RecursionError):
        pass  # the cause is found below
    else:
        if known.issuperset(plain) and hides_nothing(plain, text):
            return plain
    try:
        members = _OBJECT.decode(text)
    except msgspec.ValidationError:
        raise BadRequest(f"{_object_name(where)} must be a JSON object.", param=where) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"{_object_name(where)} is not JSON: {error}.", param=where) from None
    return _checked(members, known, where)


def read_objects(
    text: Raw, known: set[str] | frozenset[str], where: str, plain: list[Members] | None = None
) -> list[Members]:
    """As `read_object`, for an array of objects. `plain`: those that msgspec finds in the text, where that is known."""
    if len(text) > LARGE:
        return [read_object(item, known, f"{where}[{place}]") for place, item in enumerate(read_items(text, where))]
    try:
        plain = _plain_objects(text) if plain is None else plain
    except (msgspec.DecodeError, RecursionError):
        pass
    else:
        if known.issuperset(chain.from_iterable(plain)) and hides_nothing(plain, text):
            return plain
    try:
        items = _OBJECTS.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest(f"'{where}' must be an array of objects.", param=where) from None
    return [_checked(members, known, f"{where}[{place}]") for place, members in enumerate(items)]


def read_items(text: bytes | Raw, where: str) -> list[Raw]:
    """The items of a JSON array, left raw: at most 100,000. Raises BadRequest."""
    if len(text) <= LARGE:
        try:
            return _items(text)
        except (msgspec.DecodeError, RecursionError):
            raise BadRequest(f"'{where}' must be an array.", param=where) from None
    view = memoryview(text)
    if bytes(view[:1]) != b"[":
        raise BadRequest(f"'{where}' must be an array.", param=where)
    items: list[Raw] = []
    for start, end in large_items(view):
        if len(items) == MAX_PARTS:
            raise BadRequest(f"'{where}' has over {MAX_PARTS} items. Send fewer.", param=where)
        items.append(_raw(view, start, end))
    return items


def read_string(text: Raw) -> str | None:
    """The text of a JSON string; None for anything else."""
    if bytes(memoryview(text)[:1]) != b'"':
        return None
    return large_string(text) if len(text) > LARGE else _string(text)


def _large_object(text: bytes | Raw, known: Set[str], where: str | None) -> Members:
    view = memoryview(text)
    at = skip_space(view, 0)
    if bytes(view[at : at + 1]) != b"{":
        raise BadRequest(f"{_object_name(where)} must be a JSON object.", param=where)
    return _checked(
        {_read_key(view, span): _raw(view, span.start, span.end) for span in large_members(view)}, known, where
    )


def _raw(view: memoryview, start: int, end: int) -> Raw:
    """A value. Small ones are copied: a view is larger than most of them, and is tracked by the garbage collector."""
    return Raw(view[start:end] if end - start > LARGE else bytes(view[start:end]))


def _read_key(view: memoryview, span: MemberSpan) -> _Key:
    if span.key_end - span.key_start > _MAX_KEY_BYTES:
        raise BadRequest(f"A key has over {_MAX_KEY_BYTES} bytes. Send shorter ones.")
    return _Key(_string(view[span.key_start : span.key_end]))


def hides_nothing(plain: object, text: bytes | Raw) -> bool:
    """Whether a text is what was read from it, in compact form. That is never longer than the text, and shorter where
    the text has duplicate keys, spaces, or keys with escapes. So where the two are of one length nothing is hidden, and
    no key needs a check of its own. `plain` consists of objects, arrays and raw values."""
    return len(_encode(plain)) == len(text)


def _checked(members: dict[_Key, Raw], known: Set[str], where: str | None) -> Members:
    plain: Members = {str(key): value for key, value in members.items()}
    for key in plain:
        # Folding makes no key shorter, and a long key of combining marks takes seconds to fold.
        if key not in known and len(key) <= _LONGEST_KEY and (meant := normalize("NFKC", key).casefold()) in known:
            path = f"{where}.{key}" if where else key
            raise BadRequest(f"'{path}' looks like '{meant}' but is spelled otherwise. Write '{meant}'.", param=path)
    if len(plain) != len(members):
        seen: set[str] = set()
        twice = next(str(key) for key in members if str(key) in seen or seen.add(str(key)))  # type: ignore[func-returns-value]
        path = f"{where}.{twice}" if where else twice
        raise BadRequest(f"'{path}' is given twice. Give it once.", param=path)
    return plain


def _object_name(where: str | None) -> str:
    return f"'{where}'" if where else "The body"


class Edit:
    """Edits of one JSON text, applied together; bytes outside the edited fields stay unchanged.

    The text must have passed `read_object`, so it is JSON without duplicate keys.
    """

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._changes: list[tuple[int, int, bytes | memoryview]] = []

    def __repr__(self) -> str:
        return f"Edit({len(self._changes)} changes of {len(self._text)} bytes)"

    def insert(self, key: str, value: bytes) -> None:
        """Add a new member at the front of the top-level object, which must not be empty."""
        brace = self._text.index(b"{") + 1
        self._changes.append((brace, brace, b'"' + key.encode() + b'":' + value + b","))

    def replace(self, start: int, end: int, text: bytes | memoryview) -> None:
        self._changes.append((start, end, text))

    def result(self) -> bytes:
        if not self._changes:
            return self._text
        view = memoryview(self._text)
        parts: list[bytes | memoryview] = []
        at = 0
        for start, end, text in sorted(self._changes, key=lambda change: change[:2]):
            parts += (view[at:start], text)
            at = end
        parts.append(view[at:])
        return joined(parts) if len(view) > LARGE else b"".join(parts)


def member_spans(text: bytes, members: Mapping[str, Raw], at: int = 0) -> dict[str, MemberSpan]:
    """Positions of the members of the object that begins at `at` (or after white space)."""
    if len(text) > LARGE:
        return dict(zip(members, large_members(text, at), strict=True))
    spans = {}
    for key, raw in members.items():
        before = _BEFORE_MEMBER.match(text, at)
        if before is None:
            raise ValueError("these members are not of this text")
        at = before.end() + _length(raw)
        spans[key] = MemberSpan(before.start(1), before.end(1), before.end(), at)
    return spans


def without_member(text: bytes, members: Mapping[str, Raw], key: str) -> bytes:
    """The object `text` without one of its members."""
    spans = member_spans(text, members)
    keys = list(members)
    place = keys.index(key)
    if place:
        return text[: spans[keys[place - 1]].end] + text[spans[key].end :]
    if len(keys) > 1:
        return text[: spans[key].key_start] + text[spans[keys[1]].key_start :]
    return b"{}"


def _length(raw: Raw) -> int:
    return memoryview(raw).nbytes
