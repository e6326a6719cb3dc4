"""The table of kinds, and that nothing beside it asks which kind an upstream is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest

import tollkeeper
from tollkeeper.rules import kinds
from tollkeeper.rules.kinds import KINDS, OLLAMA, OPENAI_COMPATIBLE, DescribesBy, Kind, ListsBy
from tollkeeper.services.upstreams.descriptions import DESCRIPTIONS
from tollkeeper.services.upstreams.listings import LISTINGS

SOURCE = Path(tollkeeper.__file__).parent
NAMES = {name for name, value in vars(kinds).items() if isinstance(value, Kind)}
"""What code calls the records of the table."""


def test_each_kind_is_found_by_its_name() -> None:
    assert list(KINDS) == ["ollama", "openai", "openrouter", "anthropic", "openai-compatible"]
    assert all(kind.name == name for name, kind in KINDS.items())
    assert len(NAMES) == len(KINDS)


def test_a_kind_prints_as_its_name() -> None:
    assert repr(OLLAMA) == "Kind('ollama')"


def test_what_may_be_charged_for_is_remembered_and_what_must_be_has_a_price() -> None:
    assert [kind.name for kind in KINDS.values() if not kind.paid] == ["ollama"]
    assert [kind.name for kind in KINDS.values() if not kind.needs_price] == ["ollama", "openai-compatible"]


def test_each_way_to_list_and_to_describe_models_is_there() -> None:
    assert set(LISTINGS) == set(get_args(ListsBy))
    assert set(DESCRIPTIONS) == set(get_args(DescribesBy))


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_code_asks_which_kind_an_upstream_is(path: Path) -> None:
    if path == Path(kinds.__file__):
        return
    tree = ast.parse(path.read_text())
    assert not list(_kind_names(tree)), "the name of a kind stands in the table only"
    assert not list(_comparisons(tree)), "a kind is asked for its traits, not compared"


def _kind_names(tree: ast.AST) -> Iterator[int]:
    """Where the name of a kind stands; a dialect's own name, which may be the same, is none."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    dialects = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Dialect"]
    own = [keyword.value for call in dialects for keyword in call.keywords if keyword.arg == "name"]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in KINDS and node not in own:
            yield node.lineno


def _comparisons(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare | ast.MatchValue):
            named = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            if named & (NAMES | {"KINDS"}):
                yield node.lineno


@pytest.mark.parametrize(
    "code", ['kind == "ollama"', "kind.name in {'openai', 'x'}", "kind is OLLAMA", "kind in (OPENAI, other)"]
)
def test_such_code_would_be_found(code: str) -> None:
    tree = ast.parse(code)
    assert [*_kind_names(tree), *_comparisons(tree)]


def test_kinds_are_values() -> None:
    assert msgspec.structs.replace(OPENAI_COMPATIBLE) == OPENAI_COMPATIBLE
    assert len({*KINDS.values()}) == len(KINDS)
