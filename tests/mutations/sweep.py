"""Changes every rule of a module, one at a time, in a copy of the tree, and lists the changes that no test notices.

    python -m tests.mutations.sweep wire/translate/chat [wire/translate/messages/read_request.py …]

The rules are the strings, comparisons, conditions and small numbers of a module: for translations, what is carried over
as what. A module's tests are those of its room. It takes a second or two for each rule.
"""

from __future__ import annotations

import argparse
import ast
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.mutations.run import PATIENCE, ROOT, copy, tested

SOURCES = Path("src/tollkeeper")
_SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
}  # fmt: skip


class Change(NamedTuple):
    """A change of one rule: what it was, where, and the module's text with it."""

    line: int
    was: str
    text: str


def changes(text: str) -> Iterator[Change]:
    """Every change of one rule of a module."""
    count = sum(1 for _ in _rules(ast.parse(text)))
    for number in range(count):
        tree = ast.parse(text)
        node = list(_rules(tree))[number]
        was = ast.unparse(node)
        _change(node)
        yield Change(node.lineno, was, ast.unparse(tree))


def _rules(tree: ast.Module) -> Iterator[ast.expr]:
    skipped = {id(inner) for outer in ast.walk(tree) for told in _not_rules(outer) for inner in ast.walk(told)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str | bytes | bool | int) and node.value != "":
                yield node
        elif isinstance(node, ast.BoolOp) or (isinstance(node, ast.Compare) and len(node.ops) == 1):
            yield node


def _not_rules(node: ast.AST) -> Iterator[ast.AST]:
    """Parts that decide nothing: docstrings, annotations, what a type is called, messages of errors."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node
    if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
        yield node.annotation
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        if node.returns is not None:
            yield node.returns
        if node.name == "__repr__":
            yield node
    if isinstance(node, ast.ClassDef):
        yield from (keyword.value for keyword in node.keywords)
    if isinstance(node, ast.Raise) or (isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal"):
        yield node
    if isinstance(node, ast.Assign) and any(ast.unparse(target) == "__slots__" for target in node.targets):
        yield node
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "TypeVar":
        yield node


def _change(node: ast.expr) -> None:
    if isinstance(node, ast.Compare):
        node.ops = [_SWAPPED[type(node.ops[0])]()]
    elif isinstance(node, ast.BoolOp):
        node.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
    elif isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bool):
            node.value = not value
        elif isinstance(value, str):
            node.value = value + "~"
        elif isinstance(value, bytes):
            node.value = value + b"~"
        elif isinstance(value, int):
            node.value = value + 1


def survivors(module: Path, tests: str, trees: list[Path]) -> list[Change]:
    """The changes of a module that its tests do not notice."""
    text = (ROOT / module).read_text()

    def noticed(change: Change) -> bool:
        tree = trees.pop()
        try:
            (tree / module).write_text(change.text)
            return tested(tree, [tests], PATIENCE).code != 0
        finally:
            (tree / module).write_text(text)
            trees.append(tree)

    every = list(changes(text))
    with ThreadPoolExecutor(len(trees)) as threads:
        found = list(threads.map(noticed, every))
    left = [change for change, seen in zip(every, found, strict=True) if not seen]
    print(f"{module}: {len(every) - len(left)} of {len(every)} are noticed", flush=True)
    return left


def main() -> int:
    parser = argparse.ArgumentParser("tests.mutations.sweep", description=__doc__)
    parser.add_argument("module", nargs="+", help="modules or rooms below src/tollkeeper")
    parser.add_argument("--at-once", type=int, default=2)
    asked = parser.parse_args()
    count = 0
    with tempfile.TemporaryDirectory(prefix="tollkeeper-sweep-") as name:
        trees = [Path(name) / str(number) for number in range(asked.at_once)]
        for tree in trees:
            tree.mkdir()
            copy(tree)
        for given in asked.module:
            path = ROOT / SOURCES / given
            for module in [path] if path.suffix else sorted(path.rglob("*.py")):
                relative = module.relative_to(ROOT)
                room = module.parent.relative_to(ROOT / SOURCES)
                if module.name == "__init__.py":
                    continue
                for change in survivors(relative, str(room), trees):
                    count += 1
                    print(f"  {relative}:{change.line}: {change.was}", flush=True)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
