"""Every defence that SECURITY.md tells of names tests, and these tests are there."""

from __future__ import annotations

import ast
from functools import cache

import pytest

from tests.docs.tables import ROOT, code, rows, text

DEFENCES = rows(text("SECURITY.md"), first="against")
TESTS = sorted({test for *_, tests in DEFENCES for test in code(tests)})


@pytest.mark.parametrize("defence", [defence for defence, *_ in DEFENCES])
def test_each_defence_names_a_test(defence: str) -> None:
    (tests,) = [tests for found, _, tests in DEFENCES if found == defence]
    assert code(tests)
    assert all(test.startswith("tests/") for test in code(tests))


@pytest.mark.parametrize("test", TESTS)
def test_each_test_that_is_named_exists(test: str) -> None:
    path, name = test.split("::")
    assert name in functions(path)


@cache
def functions(path: str) -> frozenset[str]:
    """The functions at the top of a file."""
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
