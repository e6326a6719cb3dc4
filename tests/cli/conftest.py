"""The program, and the path of its database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import Program, program
from tests.gateway.conftest import gateway, start, up

__all__ = ["gateway", "start", "up"]


@pytest.fixture
def tollkeeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """The program, in a folder without settings."""
    monkeypatch.chdir(tmp_path)
    return program(monkeypatch, capsys)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"
