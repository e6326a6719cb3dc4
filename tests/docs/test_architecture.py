"""docs/architecture.md names every room and nothing that is not there; the map at the top of each package does the same
for its files."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.docs.tables import ROOT, code, rows, text

DOCUMENT = text("docs/architecture.md")
SOURCE = ROOT / "src/tollkeeper"
NAMED = sorted({name for name in code(DOCUMENT) if re.fullmatch(r"\w+\.py|(\w+/)+(\w+\.py)?", name)})

PACKAGES = sorted(path.parent for path in SOURCE.rglob("__init__.py"))
REVISIONS = SOURCE / "store/sql/migrations/versions"
"""A package without a map: a file for each revision, added and never edited."""


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_exists(name: str) -> None:
    beside = (ROOT / name).exists() and name.startswith(
        ("tests/", "src/", "web/", "scripts/", "bench/", "requirements/")
    )
    assert (SOURCE / name).exists() or (ROOT / "web/src" / name).exists() or beside


def test_every_room_is_named() -> None:
    listed = {code(room)[0].rstrip("/") for _, room, _ in rows(DOCUMENT, first="floor")}
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert listed == rooms


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.relative_to(SOURCE.parent)))
def test_the_map_of_a_package_names_every_file_and_no_other(package: Path) -> None:
    """The map is the docstring of `__init__.py`: each file as `name.py`, each package inside as `name/` at the start of
    a line. Names with a folder before them (`store/sql/schema.py`) are references to other packages."""
    init = package / "__init__.py"
    described = ast.get_docstring(ast.parse(init.read_text())) or ""
    named = {*re.findall(r"(?<![\w/])\w+\.py\b", described), *re.findall(r"^ *(\w+/)(?!\w)", described, re.MULTILINE)}
    files = {path.name for path in package.glob("*.py")} - {"__init__.py"}
    expected = (
        set() if package == REVISIONS else files | {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    )
    missing, absent = sorted(expected - named), sorted(named - expected)
    assert not missing, f"the docstring of {init.relative_to(ROOT)} needs a line for each of {missing}"
    assert not absent, f"the docstring of {init.relative_to(ROOT)} names what is not there: {absent}"
