"""Every file and folder that docs/architecture.md names is there, and it names every room; so do the maps at the top
of packages with the files of theirs."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.docs.tables import ROOT, code, rows, text

DOCUMENT = text("docs/architecture.md")
SOURCE = ROOT / "src/tollkeeper"
NAMED = sorted({name for name in code(DOCUMENT) if re.fullmatch(r"\w+\.py|(\w+/)+(\w+\.py)?", name)})

MAPS = {
    path.parent: top
    for path in sorted(SOURCE.rglob("__init__.py"))
    if re.search(r"^ *\w+\.py  ", top := ast.get_docstring(ast.parse(path.read_text())) or "", re.MULTILINE)
}


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_exists(name: str) -> None:
    beside = (ROOT / name).exists() and name.startswith(
        ("tests/", "src/", "web/", "scripts/", "bench/", "requirements/")
    )
    assert (SOURCE / name).exists() or (ROOT / "web/src" / name).exists() or beside


def test_every_room_is_named() -> None:
    listed = {code(room)[0].rstrip("/") for _, room, _ in rows(DOCUMENT, first="floor")}
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert listed == rooms | {"app.py"}


def test_packages_have_maps() -> None:
    assert {SOURCE / "gateway", SOURCE / "control", SOURCE / "services/upstream"} <= MAPS.keys()


@pytest.mark.parametrize("package", MAPS, ids=lambda path: path.name)
def test_the_map_of_a_package_names_every_file_and_no_other(package: Path) -> None:
    files = {path.name for path in package.glob("*.py")} - {"__init__.py"}
    assert set(re.findall(r"\w+\.py\b", MAPS[package])) == files
