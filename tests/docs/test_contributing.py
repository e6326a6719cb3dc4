"""CONTRIBUTING.md names every script."""

from __future__ import annotations

from tests.docs.tables import ROOT, code, rows, text


def test_every_script_is_named_and_no_other() -> None:
    named = {code(command)[0].split()[0] for command, _ in rows(text("CONTRIBUTING.md"), first="command")}
    assert named == {f"scripts/{path.name}" for path in ROOT.glob("scripts/*") if path.suffix != ".sh"}
