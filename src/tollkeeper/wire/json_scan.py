"""Positions of members in a large JSON text, found in steps of 16 kB, between which the event loop can run other tasks.

The scan reads strings and brackets only, so it checks less than a parser, and accepts what parsers refuse: NaN, a lone
surrogate, a number out of range.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
Buffer = bytes | bytearray
TextSpan = tuple[int, int]
Steps = Generator[None, None, T]
"""A generator that works in steps and returns a result."""

STEP = 16_384
_MAX_KEY = 1024

_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_parts = re.compile(rb'[^"\[\]{}]+|' + _STRING + rb'|([\[{])|([\]}])|(")', re.DOTALL).finditer
"""Plain text and whole strings; an opening (1) or closing (2) bracket; the beginning of a string that does not end
within the step (3)."""
_OPENS, _CLOSES = 1, 2
_in_string = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL).match
_space = re.compile(rb"[ \t\r\n]*").match
_scalar = re.compile(rb'[^\s\[\]{},:"]{1,400}').match
_key = re.compile(rb'"((?:[^"\\]|\\.){0,%d})"[ \t\r\n]*:' % _MAX_KEY, re.DOTALL).match


class NotJson(ValueError):
    """The text is not JSON."""


def members(text: Buffer, at: int = 0, *, alone: bool = False) -> Steps[dict[bytes, TextSpan]]:
    """Positions of the values of the object that begins at `at` (or after white space), by their names as written; of
    duplicate names, the last. Raises NotJson, with `alone` also where anything follows the object."""
    found: dict[bytes, TextSpan] = {}
    place = _past_space(text, _expect(text, at, b"{"))
    if not _is(text, place, b"}"):
        while True:
            key = _key(text, place, place + _MAX_KEY + STEP)
            if key is None:
                raise NotJson
            start = _past_space(text, key.end())
            end = yield from _end_of(text, start)
            found[key[1]] = (start, end)
            place = _past_space(text, end)
            if _is(text, place, b"}"):
                break
            place = _past_space(text, _expect(text, place, b","))
    if alone and text[place + 1 :].strip():
        raise NotJson
    return found


def items(text: Buffer, at: int, most: int) -> Steps[list[TextSpan]]:
    """Positions of the first `most` items of the array that begins at `at`. Raises NotJson."""
    found: list[TextSpan] = []
    place = _expect(text, at, b"[")
    while len(found) < most and not _is(text, place := _past_space(text, place), b"]"):
        end = yield from _end_of(text, place)
        found.append((place, end))
        place = _past_space(text, end)
        if not _is(text, place, b"]"):
            place = _expect(text, place, b",")
    return found


def _end_of(text: Buffer, at: int) -> Steps[int]:
    """The end of the value that begins at `at`."""
    if _is(text, at, b'"'):
        return (yield from _end_of_string(text, at))
    if not (_is(text, at, b"{") or _is(text, at, b"[")):
        found = _scalar(text, at)
        if found is None:
            raise NotJson
        return found.end()
    depth = 0
    while at < len(text):
        stop = min(len(text), at + STEP)
        for part in _parts(text, at, stop):
            which = part.lastindex
            if which == _OPENS:
                depth += 1
            elif which == _CLOSES:
                depth -= 1
                if not depth:
                    return part.end()
            elif which is not None:
                stop = yield from _end_of_string(text, part.start())
                break
        at = stop
        yield
    raise NotJson


def _end_of_string(text: Buffer, at: int) -> Steps[int]:
    at += 1
    while at < len(text):
        found = _in_string(text, at, min(len(text), at + STEP))
        assert found is not None  # it may be empty
        if _is(text, found.end(), b'"'):
            return found.end() + 1
        if found.end() == at:
            raise NotJson  # it ends with half an escape
        at = found.end()
        yield
    raise NotJson


def _past_space(text: Buffer, at: int) -> int:
    found = _space(text, at, at + STEP)
    assert found is not None  # it may be empty
    return found.end()


def _is(text: Buffer, at: int, byte: bytes) -> bool:
    return text[at : at + 1] == byte


def _expect(text: Buffer, at: int, byte: bytes) -> int:
    at = _past_space(text, at)
    if not _is(text, at, byte):
        raise NotJson
    return at + 1
