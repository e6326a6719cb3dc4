"""JSON as text: checked before it is trusted, and edited by field so that nothing else moves.

msgspec (the reader) takes the last of duplicate keys, passes invalid UTF-8 inside values that it leaves raw, and nests
deeper than some servers do. Another reader behind us may see another document in the same bytes, so such documents are
refused rather than understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from itertools import accumulate
from typing import Any
from unicodedata import normalize

import msgspec
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest

MAX_DEPTH = 128
MAX_PARTS = 100_000
"""Objects, and members of objects, in one text: each costs a hundred times its bytes once it is read."""
Members = dict[str, Raw]

_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
# To the text's end where the closing quote lacks: a search that failed there would begin anew at each quote within.
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_BEFORE_MEMBER = re.compile(rb"[\s{,]*(" + _STRING + rb")\s*:\s*", re.DOTALL)
_BEFORE_ITEM = re.compile(rb"[\s\[,]*")
_BRACKETS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # as signed bytes: +1, +1, -1, -1
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))
_SLICE = 1 << 18


class _Key(str):
    """A key equal to itself alone, so that a dict keeps duplicates apart."""

    __slots__ = ()
    __hash__ = object.__hash__
    __eq__ = object.__eq__


def _as_key(kind: type, value: str) -> Any:
    return kind(value)


_plain_object = msgspec.json.Decoder(Members).decode
_plain_objects = msgspec.json.Decoder(list[Members]).decode
_OBJECT = msgspec.json.Decoder(dict[_Key, Raw], dec_hook=_as_key)
_OBJECTS = msgspec.json.Decoder(list[dict[_Key, Raw]], dec_hook=_as_key)


def check_text(text: bytes) -> None:
    """Refuse what is not UTF-8, is nested deeper than 128, or has over 100,000 objects or members. Whether it is JSON
    the reader will say."""
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not UTF-8 (byte {error.start}). Send JSON in UTF-8.") from None
    objects, arrays, members = text.count(b"{"), text.count(b"["), text.count(b":")
    if objects + arrays <= MAX_DEPTH and members <= MAX_PARTS:
        return  # the usual case; what follows tells strings from structure
    bare = _STRINGS.sub(b"", text)
    if _depth(bare) > MAX_DEPTH:
        raise BadRequest(f"The body is nested deeper than {MAX_DEPTH} levels. Send a flatter one.")
    if max(bare.count(b"{"), bare.count(b":")) > MAX_PARTS:
        raise BadRequest(f"The body has over {MAX_PARTS} objects or members. Send fewer.")


def _depth(bare: bytes) -> int:
    """The depth of a text without its strings."""
    steps = bare.translate(_BRACKETS, _NO_BRACKETS)
    depth = deepest = 0
    for start in range(0, len(steps), _SLICE):  # in slices: other threads may run between them
        levels = list(accumulate(memoryview(steps[start : start + _SLICE]).cast("b"), initial=depth))
        depth, deepest = levels[-1], max(deepest, *levels)
    return deepest


def read_object(text: bytes | Raw, known: Set[str], where: str | None = None) -> Members:
    """The members of a JSON object, values left raw. `where` names the object in errors; None is the body itself.

    Refuses duplicate keys, and keys that equal a `known` name but for case or Unicode folding.
    """
    try:
        plain = _plain_object(text)
    except (msgspec.DecodeError, RecursionError):
        pass  # what is wrong is found below
    else:
        if known >= plain.keys() and _written(plain) == len(text):
            return plain
    try:
        members = _OBJECT.decode(text)
    except msgspec.ValidationError:
        raise BadRequest(f"{_named(where)} must be a JSON object.", param=where) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"{_named(where)} is not JSON: {error}.", param=where) from None
    return _checked(members, known, where)


def read_objects(text: Raw, known: Set[str], where: str) -> list[Members]:
    """As `read_object`, for an array of objects."""
    try:
        plain = _plain_objects(text)
    except (msgspec.DecodeError, RecursionError):
        pass
    else:
        if all(known >= members.keys() for members in plain) and sum(map(_written, plain)) + len(plain) + 1 == len(
            text
        ):
            return plain
    try:
        items = _OBJECTS.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest(f"'{where}' must be an array of objects.", param=where) from None
    return [_checked(members, known, f"{where}[{place}]") for place, members in enumerate(items)]


def _written(members: Members) -> int:
    """Bytes of an object with these members when it is written without a space: never more than it really took, and
    fewer where a key came twice, a space stood somewhere, or a key was written with an escape or beyond ASCII. So where
    the two agree nothing is hidden, and no key need be looked at by itself."""
    return sum(map(len, members)) + sum(map(len, members.values())) + 4 * len(members) + 1


def _checked(members: dict[_Key, Raw], known: Set[str], where: str | None) -> Members:
    plain: Members = {str(key): value for key, value in members.items()}
    for key in plain:
        if key not in known and (meant := normalize("NFKC", key).casefold()) in known:
            path = f"{where}.{key}" if where else key
            raise BadRequest(f"'{path}' looks like '{meant}' but is spelled otherwise. Write '{meant}'.", param=path)
    if len(plain) != len(members):
        seen: set[str] = set()
        twice = next(str(key) for key in members if str(key) in seen or seen.add(str(key)))  # type: ignore[func-returns-value]
        path = f"{where}.{twice}" if where else twice
        raise BadRequest(f"'{path}' is given twice. Give it once.", param=path)
    return plain


def _named(where: str | None) -> str:
    return f"'{where}'" if where else "The body"


class Edit:
    """Edits of one JSON text, applied at once; bytes outside of the edited fields stay as they are.

    The text must have been read (by `read_object`) before: it is known to be JSON without duplicate keys.
    """

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._changes: list[tuple[int, int, bytes]] = []

    def __repr__(self) -> str:
        return f"Edit({len(self._changes)} changes of {len(self._text)} bytes)"

    def insert(self, key: str, value: bytes) -> None:
        """Add a member that the (not empty) top-level object lacks, in front."""
        brace = self._text.index(b"{") + 1
        self._changes.append((brace, brace, b'"' + key.encode() + b'":' + value + b","))

    def replace(self, start: int, end: int, text: bytes) -> None:
        self._changes.append((start, end, text))

    def result(self) -> bytes:
        if not self._changes:
            return self._text
        parts: list[bytes] = []
        at = 0
        for start, end, text in sorted(self._changes, key=lambda change: change[:2]):
            parts += (self._text[at:start], text)
            at = end
        parts.append(self._text[at:])
        return b"".join(parts)


class Span:
    """Where one member stands in a text: its key (quotes included) and its value, as byte offsets."""

    __slots__ = ("end", "key_end", "key_start", "start")

    def __init__(self, key_start: int, key_end: int, start: int, end: int) -> None:
        self.key_start = key_start
        self.key_end = key_end
        self.start = start
        self.end = end

    def __repr__(self) -> str:
        return f"Span(key {self.key_start}:{self.key_end}, value {self.start}:{self.end})"


def member_spans(text: bytes, members: Mapping[str, Raw], at: int = 0) -> dict[str, Span]:
    """Where the members of the object that begins at `at` (or after white space) stand."""
    spans = {}
    for key, raw in members.items():
        before = _BEFORE_MEMBER.match(text, at)
        if before is None:
            raise ValueError("these members are not of this text")
        at = before.end() + _length(raw)
        spans[key] = Span(before.start(1), before.end(1), before.end(), at)
    return spans


def item_spans(text: bytes, items: list[Raw], at: int) -> list[tuple[int, int]]:
    """Where the items of the array that begins at `at` (or after white space) stand."""
    spans = []
    for raw in items:
        before = _BEFORE_ITEM.match(text, at)
        assert before is not None  # the pattern matches the empty string
        at = before.end() + _length(raw)
        spans.append((before.end(), at))
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
