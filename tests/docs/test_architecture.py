"""Every file and folder that docs/architecture.md names is there, and it names every room."""

from __future__ import annotations

import re

import pytest

from tests.docs.tables import ROOT, code, rows, text

DOCUMENT = text("docs/architecture.md")
SOURCE = ROOT / "src/tollkeeper"
NAMED = sorted({name for name in code(DOCUMENT) if re.fullmatch(r"\w+\.py|(\w+/)+(\w+\.py)?", name)})


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_exists(name: str) -> None:
    beside = (ROOT / name).exists() and name.startswith(("tests/", "src/", "scripts/", "bench/", "requirements/"))
    assert (SOURCE / name).exists() or beside


def test_every_room_is_named() -> None:
    listed = {code(room)[0].rstrip("/") for _, room, _ in rows(DOCUMENT, first="floor")}
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert listed == rooms | {"app.py"}
