"""No pattern can be read in ever more ways: on a text that does not fit after all, it would try each of them."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

import pytest

import tollkeeper

parser: Any = import_module("re._parser")
compiler: Any = import_module("re._compiler")
MANY = 16
"""Repetitions from which on a repeat counts as one without end."""
_NOT_RUN = ("__main__", ".migrations.")


def patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """The patterns of all modules, with their names."""
    for module in pkgutil.walk_packages(tollkeeper.__path__, "tollkeeper."):
        if any(part in module.name for part in _NOT_RUN):
            continue
        for name, value in vars(import_module(module.name)).items():
            found = getattr(value, "__self__", value)  # `_find = re.compile(…).finditer`
            if isinstance(found, re.Pattern):
                yield f"{module.name}.{name}", found


PATTERNS = dict(patterns())


def repeats(items: Any) -> Iterator[tuple[int, Any]]:
    """Every repeat in a parsed pattern: how often at most, and what."""
    for operator, argument in items:
        if operator in (parser.MAX_REPEAT, parser.MIN_REPEAT):
            yield argument[1], argument[2]
        for part in _parts(operator, argument):
            yield from repeats(part)


def _parts(operator: Any, argument: Any) -> list[Any]:
    if operator in (parser.MAX_REPEAT, parser.MIN_REPEAT, parser.POSSESSIVE_REPEAT):
        return [argument[2]]
    if operator is parser.SUBPATTERN:
        return [argument[-1]]
    if operator is parser.BRANCH:
        return list(argument[1])
    return [argument] if operator is parser.ATOMIC_GROUP else []


def may_be_empty(items: Any) -> bool:
    lowest, _ = items.getwidth()
    return bool(lowest == 0)


def starts(items: Any) -> set[str]:
    """The characters, of the first 256, that a text of this pattern may begin with."""
    found: set[str] = set()
    for operator, argument in items:
        parts = _parts(operator, argument)
        found |= set().union(*map(starts, parts)) if parts else _fitting(items, operator, argument)
        if not _is_empty(items, operator, argument):
            break
    return found


def tails(items: Any) -> Iterator[Any]:
    """What repeats without end where a text of this pattern may end."""
    for operator, argument in reversed(list(items)):
        if operator in (parser.MAX_REPEAT, parser.MIN_REPEAT) and argument[1] >= MANY:
            yield argument[2]
        for part in _parts(operator, argument):
            yield from tails(part)
        if not _is_empty(items, operator, argument):
            break


def _is_empty(items: Any, operator: Any, argument: Any) -> bool:
    return may_be_empty(parser.SubPattern(items.state, [(operator, argument)]))


def _fitting(items: Any, operator: Any, argument: Any) -> set[str]:
    if operator in (parser.AT, parser.ASSERT, parser.ASSERT_NOT, parser.GROUPREF):
        return set()
    one = compiler.compile(parser.SubPattern(items.state, [(operator, argument)]), items.state.flags & re.ASCII)
    return {chr(code) for code in range(256) if one.match(chr(code))}


@cache
def ambiguous(pattern: str | bytes, flags: int) -> bool:
    """Whether a part that is repeated may end in a repeat that also takes what the part begins with: then each
    character is the next of the one, or the first of another, and so for all that follow."""
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    items = parser.parse(text, flags & ~re.UNICODE)
    return any(starts(tail) & starts(body) for most, body in repeats(items) if most >= MANY for tail in tails(body))


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_has_one_way_to_read_a_text(name: str) -> None:
    assert not ambiguous(PATTERNS[name].pattern, PATTERNS[name].flags & (re.ASCII | re.VERBOSE | re.DOTALL))


@pytest.mark.parametrize(
    ("pattern", "is_ambiguous"),
    [
        (r"/(?:[\w~-][\w.~%-]*/?)*(?:\?[\w.~%&=:+,-]*)?", True), (r"(a+)+", True), (r"(?:a*,?)*", True),
        (r"(?:a|b+)*", True), (r"(?:\w+\s?){1,40}", True), (rb"(?:x+x?)+y", True), (r"(?:[ab]c*)*", False),
        (r"(?:\.[a-z]+)*", False), (r'"(?:[^"\\]|\\.)*"', False), (r"(?:a+){1,3}", False), (r"(?:a{1,4})*b", False),
    ],
)  # fmt: skip
def test_which_patterns_have_more(pattern: str | bytes, is_ambiguous: bool) -> None:
    assert ambiguous(pattern, 0) is is_ambiguous
