"""Whether the file is sound and of this version."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.values import NOON
from tollkeeper.store.errors import StoreError
from tollkeeper.store.sql.migrations.head import HEAD
from tollkeeper.store.sqlite import open_store
from tollkeeper.store.sqlite.health import health, upgrade


async def test_a_sound_one_of_this_version_needs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    await (await open_store(path, now=lambda: NOON)).close()
    found = health(path)
    assert (found.revision, found.head, found.faults) == (HEAD, HEAD, ())
    assert upgrade(path) is None


def test_what_is_none_is_told_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with pytest.raises(StoreError):
        health(path)
    with pytest.raises(StoreError, match="there is no database"):
        upgrade(path)
    path.write_bytes(b"x" * 1000)
    for ask in (health, upgrade):
        with pytest.raises(StoreError, match="not a database"):
            ask(path)
