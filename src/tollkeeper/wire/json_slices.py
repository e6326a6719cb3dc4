"""Large JSON texts, read in slices: the work is linear, and no single step is long.

A parser that reads 20 MB in one call blocks the interpreter that long, and with it every other request, in whatever
thread it runs. So a large text is cut into windows of 64 kB, at commas or within strings. Each window is made a small
document by a prefix that opens its brackets and a suffix that closes them, and the usual parser checks it. If all
windows are JSON, so is the whole: the prefix of a window is what the windows before it left open.

Positions are byte offsets. Functions that find members or items expect a text that `check_large` has passed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import accumulate
from typing import NamedTuple

import msgspec
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest

LARGE = 1 << 17
"""Bytes above which a text is read in slices; a shorter one is read at once."""
MAX_DEPTH = 128
MAX_PARTS = 100_000
"""Objects, and members of objects, in one text: each costs a hundred times its bytes once it is read."""
MAX_NUMBER = 1 << 20
"""Bytes between two commas that are neither a string nor white space."""
_SLICE = 1 << 16
_FIRST_SLICE = 1 << 10
"""Members and items are searched in growing slices: most objects in a large text are small."""

_SPACE = b" \t\n\r"
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # as signed bytes: +1, +1, -1, -1
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))
_CLOSING = bytes.maketrans(b"[{", b"]}")
_STRUCTURE = re.compile(rb"[\[\]{},:]")
_LONE_SURROGATE = re.compile(
    rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD])[c-fC-F][0-9a-fA-F]{2})"
)
_MARK = b"\xff"
"""Stands for an escaped backslash: no text in UTF-8 has it."""
_LONGEST_ESCAPE = 6
_COLLAPSES = 8
_check = msgspec.json.Decoder(Raw).decode
_string = msgspec.json.Decoder(str).decode


class MemberSpan(NamedTuple):
    """The position of a member in a text: its key (quotes included) and its value, as byte offsets."""

    key_start: int
    key_end: int
    start: int
    end: int


def check_utf8(text: bytes | memoryview) -> None:
    """Raise BadRequest where a text is not UTF-8."""
    view = memoryview(text)
    at = 0
    while at < len(view):
        stop = _character_start(view, min(at + _SLICE, len(view)), at)
        try:
            str(view[at:stop], "utf-8")
        except UnicodeDecodeError as error:
            raise BadRequest(f"The body is not UTF-8 (byte {at + error.start}). Send JSON in UTF-8.") from None
        at = stop


def count_parts(outside: bytes) -> tuple[int, int]:
    """The numbers of objects and of members in a text without its strings."""
    return outside.count(b"{"), outside.count(b":")


def deepest(brackets: bytes, depth: int = 0) -> int:
    """The greatest depth that brackets reach, starting from `depth`."""
    return max(accumulate(memoryview(brackets.translate(_STEPS)).cast("b"), initial=depth))


def only_brackets(outside: bytes) -> bytes:
    """The brackets of a text without its strings."""
    return outside.translate(None, _NO_BRACKETS)


def unescaped(raw: bytes) -> bytes:
    """The text with escapes of quotes and backslashes replaced, in equal length, so that every remaining quote begins
    or ends a string. The text must not begin after an escaping backslash."""
    return raw.replace(b"\\\\", b"..").replace(b'\\"', b"..") if b"\\" in raw else raw


def check_bounds(depth: int, objects: int, members: int) -> None:
    """Raise BadRequest for a text that is nested too deep or has too many parts."""
    if depth > MAX_DEPTH:
        raise BadRequest(f"The body is nested deeper than {MAX_DEPTH} levels. Send a flatter one.")
    if max(objects, members) > MAX_PARTS:
        raise BadRequest(f"The body has over {MAX_PARTS} objects or members. Send fewer.")


class _Checker:
    """Checks one text window by window. `within`: the next window begins within a string. `_open` are the brackets that
    are open there; `_slot` is what comes next: a member's key, its value, or an item."""

    def __init__(self) -> None:
        self.within = False
        self._open = b""
        self._prefix = b""
        self._slot = "item"
        self._objects = self._members = 0

    def window(self, raw: bytes, *, last: bool) -> int:
        """Check the beginning of `raw`. Returns how many bytes were checked; 0: it has no place to cut."""
        bare = unescaped(raw)
        pieces = bare.split(b'"')  # outside of strings, inside of one, outside, …
        within = not len(pieces) % 2
        if last:
            cut = len(raw)
        elif within:
            cut = len(raw) - _cut_off(raw, pieces[-1])
        else:
            cut, pieces = _behind_comma(pieces)
        if not cut:
            return 0
        outside = b"".join(pieces[0::2])
        brackets = only_brackets(outside)
        objects, members = count_parts(outside)
        self._objects += objects
        self._members += members
        check_bounds(deepest(brackets, len(self._open)), self._objects, self._members)
        before, prefix = self._open, self._prefix
        self._open = _left_open(before, brackets)
        suffix = b""
        self.within = within and not last
        if not last:
            suffix = self._leave_string(pieces) if within else self._leave_comma()
        try:
            # Halves of surrogate pairs are no structural fault, and a cut may separate a pair.
            _check(b"".join((prefix, _whole_escapes(raw[:cut]), suffix)))
        except (msgspec.DecodeError, RecursionError) as error:
            raise _not_json(str(error).partition(" (byte")[0]) from None
        return cut

    def _leave_comma(self) -> bytes:
        in_object = self._open[-1:] == b"{"
        dummy = b'"":0' if in_object else b"0"
        self._slot = "key" if in_object else "item"
        self._prefix = _opening(self._open, b"") + dummy + b","
        return dummy + _closing(self._open)

    def _leave_string(self, pieces: list[bytes]) -> bytes:
        mark = pieces[-2].rstrip()[-1:]
        if self._open[-1:] == b"[":
            self._slot = "item"
        elif mark:
            self._slot = "value" if mark == b":" else "key"
        self._prefix = _opening(self._open, b'"":' if self._slot == "value" else b"")
        return (b'":0' if self._slot == "key" else b'"') + _closing(self._open)


def check_large(text: bytes) -> None:
    """Raise BadRequest for a text that is not JSON in UTF-8, is nested too deep, or has too many parts."""
    check_utf8(text)
    view = memoryview(text)
    end = len(view)
    checker, left, at = _Checker(), b"", 0
    while True:
        stop = _slice_end(view, at, at + _SLICE)
        raw = left + bytes(view[at:stop])
        cut = checker.window(raw, last=stop == end)
        if stop == end:
            return
        if cut:
            at = stop - (len(raw) - cut)
            left = b'"' if checker.within else b""
            continue
        left, at = raw, stop
        if raw[-1:].isspace():
            left, at = raw.rstrip(_SPACE) + b" ", skip_space(view, stop)
        if len(left) > MAX_NUMBER:
            raise _not_json(f"{MAX_NUMBER} bytes without a comma are no number")


def large_members(text: bytes | Raw | memoryview, at: int = 0) -> list[MemberSpan]:
    """Positions of the members of the object that begins at `at` (or after white space)."""
    view = memoryview(text)
    spans: list[MemberSpan] = []
    start = key_end = -1
    for mark, place in _level(view, skip_space(view, at)):
        if mark == b":":
            key_end = place
        elif mark == b"{":
            start = place + 1
            continue
        else:  # , or }
            if key_end >= 0:
                spans.append(MemberSpan(*_trimmed(view, start, key_end), *_trimmed(view, key_end + 1, place)))
            start, key_end = place + 1, -1
    return spans


def large_member(text: bytes, at: int, name: str) -> MemberSpan | None:
    """The position of one member of the object at `at`."""
    key = b'"%b"' % name.encode()
    for span in large_members(text, at):
        written = text[span.key_start : span.key_end]
        if written == key or (b"\\" in written and msgspec.json.decode(written) == name):
            return span
    return None


def large_items(text: bytes | Raw | memoryview, at: int = 0) -> Iterator[tuple[int, int]]:
    """Positions of the items of the array that begins at `at` (or after white space)."""
    view = memoryview(text)
    start = -1
    for mark, place in _level(view, skip_space(view, at)):
        if start >= 0:
            first, end = _trimmed(view, start, place)
            if first < end or mark == b",":
                yield first, end
        start = place + 1


def large_string(raw: bytes | Raw | memoryview) -> str:
    """The text of a JSON string. Raises msgspec.DecodeError."""
    view = memoryview(raw)[1:-1]
    parts: list[str] = []
    at = 0
    while at < len(view):
        stop = _slice_end(view, at, at + _SLICE)
        piece = bytes(view[at:stop])
        if stop < len(view):
            piece = piece[: len(piece) - _cut_off(piece, unescaped(piece), pairs=True)]
        parts.append(_string(b'"%b"' % piece))
        at += len(piece)
    return "".join(parts)


def string_parts(text: str) -> list[bytes]:
    """The JSON string of a text, in parts that are quick to make."""
    if len(text) <= _SLICE:
        return [msgspec.json.encode(text)]
    slices = (text[start : start + _SLICE] for start in range(0, len(text), _SLICE))
    return [b'"', *(msgspec.json.encode(piece)[1:-1] for piece in slices), b'"']


def without_surrogates(text: bytes) -> bytes:
    """The text, in equal length, with U+FFFD for each lone surrogate, as occurs where a text was cut in the middle of a
    character. A lone surrogate is JSON (RFC 8259, 8.2), but not Unicode, and many parsers refuse it."""
    view = memoryview(text)
    parts: list[bytes | memoryview] = []
    at, changed = 0, False
    while at < len(view):
        stop = _slice_end(view, at, at + _SLICE)
        piece = bytes(view[at:stop])
        if b"\\ud" in piece or b"\\uD" in piece:
            if _MARK in piece:
                return text  # no UTF-8, so it is refused anyway
            if stop < len(view):
                piece = piece[: len(piece) - _cut_off(piece, unescaped(piece), pairs=True)]
            escapes = piece.replace(b"\\\\", 2 * _MARK)
            whole = _LONE_SURROGATE.sub(rb"\\ufffd", escapes).replace(2 * _MARK, b"\\\\")
            changed = changed or whole != piece
            parts.append(whole)
        else:
            # An escape that begins here may end in the next slice.
            piece = piece[: len(piece) - _cut_off(piece, unescaped(piece))] if stop < len(view) else piece
            parts.append(view[at : at + len(piece)])
        at += len(piece)
    return joined(parts) if changed else text


def joined(parts: Iterable[bytes | memoryview]) -> bytes:
    """The parts as one text. A long one is copied in slices: a single copy of 20 MB blocks the interpreter for up to
    40 ms where the machine has yet to find the memory."""
    whole = BytesIO()
    for part in parts:
        for start in range(0, len(part), _SLICE):
            whole.write(part[start : start + _SLICE])
    return whole.getvalue()


def holds_objects(raw: bytes | Raw | memoryview) -> bool:
    """Whether a JSON text contains an object."""
    view = memoryview(raw)
    at, within = 0, False
    while at < len(view):
        at, pieces = _pieces(view, at, _SLICE)
        if any(b"{" in piece for piece in (pieces[1::2] if within else pieces[0::2])):
            return True
        within ^= not len(pieces) % 2
    return False


def _level(view: memoryview, at: int) -> Iterator[tuple[bytes, int]]:
    """The brackets, commas and colons of the object or array that begins at `at`, without those of nested ones."""
    depth, within, size = 0, False, _FIRST_SLICE
    while at < len(view):
        stop, pieces = _pieces(view, at, size)
        outside = pieces[1::2] if within else pieces[0::2]
        brackets = only_brackets(b"".join(outside))
        levels = accumulate(memoryview(brackets.translate(_STEPS)).cast("b"), initial=depth)
        if depth > 1 and min(levels) > 1:  # all of it is nested
            depth += brackets.count(b"[") + brackets.count(b"{") - brackets.count(b"]") - brackets.count(b"}")
            within ^= not len(pieces) % 2
        else:
            place = at
            for piece in pieces:
                if not within:
                    for found in _STRUCTURE.finditer(piece):
                        mark = found[0]
                        opens, closes = mark in b"[{", mark in b"]}"
                        if (depth == 1 and not opens) or not depth:
                            yield mark, place + found.start()
                        depth += opens - closes
                        if closes and not depth:
                            return
                place += len(piece) + 1
                within = not within
            within = not within
        at, size = stop, min(2 * size, _SLICE)


def _pieces(view: memoryview, at: int, size: int) -> tuple[int, list[bytes]]:
    """The end of a slice from `at` on, and its pieces between quotes: alternately outside and inside of strings."""
    stop = _slice_end(view, at, at + size)
    return stop, unescaped(bytes(view[at:stop])).split(b'"')


def _slice_end(view: memoryview, at: int, stop: int) -> int:
    """The end of a slice from `at` to about `stop`, so that it does not separate a backslash from what it escapes."""
    if stop >= len(view):
        return len(view)
    if view[stop - 1] != 0x5C:
        return stop
    raw = bytes(view[at:stop])
    return stop + (len(raw) - len(raw.rstrip(b"\\"))) % 2


def _cut_off(raw: bytes, bare: bytes, *, pairs: bool = False) -> int:
    """The number of bytes at the end of a piece of a string to leave for the next piece, so that no character, no
    escape and, with `pairs`, no surrogate pair is cut."""
    tail = bare[-_LONGEST_ESCAPE:]
    escape = tail.rfind(b"\\")
    if escape >= 0:
        off = len(tail) - escape
        before = bare[-off - _LONGEST_ESCAPE : -off]
        if pairs and before[:3].lower() == b"\\ud" and before[3:4] in b"89abAB":
            off += _LONGEST_ESCAPE
        return off
    off = 0
    while off < min(4, len(bare)) and raw[-1 - off] >= 0x80:
        off += 1
        if raw[-off] >= 0xC0:
            break
    return off


def _behind_comma(pieces: list[bytes]) -> tuple[int, list[bytes]]:
    """The position after the last comma outside of strings, and the pieces up to it; 0: there is none."""
    for number in range(len(pieces) - 1, -1, -2):
        comma = pieces[number].rfind(b",")
        if comma >= 0:
            kept = [*pieces[:number], pieces[number][: comma + 1]]
            return sum(map(len, kept)) + number, kept
    return 0, pieces


def _left_open(before: bytes, brackets: bytes) -> bytes:
    """The brackets that are open after `brackets`."""
    for _ in range(_COLLAPSES):
        fewer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(fewer) == len(brackets):
            break
        brackets = fewer
    stack = bytearray(before)
    for bracket in brackets:
        if bracket in b"[{":
            stack.append(bracket)
        elif not stack or stack.pop() != bracket - 2:  # ] and } come two after [ and { in ASCII
            raise _not_json("its brackets do not match")
    return bytes(stack)


def _opening(stack: bytes, value: bytes) -> bytes:
    """A text that opens these brackets, with `value` after the last one."""
    return stack.replace(b"{", b'{"":').removesuffix(b'"":') + value


def _closing(stack: bytes) -> bytes:
    return stack[::-1].translate(_CLOSING)


def _whole_escapes(raw: bytes) -> bytes:
    """The text without halves of surrogate pairs, in equal length."""
    return raw.replace(b"\\ud", b"\\u0").replace(b"\\uD", b"\\u0") if b"\\u" in raw else raw


def _character_start(view: memoryview, stop: int, at: int) -> int:
    """The end of a slice at about `stop`, so that it cuts no character."""
    for place in range(stop, max(at, stop - 4), -1):
        if place == len(view) or view[place] & 0xC0 != 0x80:
            return place
    return stop


def skip_space(view: memoryview, at: int) -> int:
    while at < len(view):
        piece = bytes(view[at : at + _SLICE])
        rest = piece.lstrip(_SPACE)
        if rest:
            return at + len(piece) - len(rest)
        at += len(piece)
    return at


def _trimmed(view: memoryview, start: int, end: int) -> tuple[int, int]:
    """The span without surrounding white space."""
    if start < end and view[start] in _SPACE:
        start = min(skip_space(view, start), end)
    while start < end and view[end - 1] in _SPACE:
        piece = bytes(view[max(start, end - _SLICE) : end])
        end -= len(piece) - len(piece.rstrip(_SPACE))
    return start, end


def _not_json(why: str) -> BadRequest:
    return BadRequest(f"The body is not JSON: {why}.")
