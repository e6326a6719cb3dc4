from __future__ import annotations

from pathlib import Path

import pytest

from tollkeeper.cli.failure import Failure
from tollkeeper.cli.files import new_file


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "a.zip"
    with new_file(target) as out:
        out.write(b"content")
        assert not target.exists()
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"content", 0o600)


def test_or_not_at_all(tmp_path: Path) -> None:
    def write() -> None:
        with new_file(tmp_path / "a.zip") as out:
            out.write(b"half")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_one_that_exists_stays(tmp_path: Path) -> None:
    target = tmp_path / "a.zip"
    target.write_bytes(b"before")
    with pytest.raises(Failure, match="exists already"), new_file(target):
        pass
    assert target.read_bytes() == b"before"


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot be written"), new_file(tmp_path / "none/a.zip"):
        pass
