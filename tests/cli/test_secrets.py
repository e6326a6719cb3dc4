"""`tollkeeper secrets …`, as an operator runs it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.cli.commands import Program
from tests.store.values import AUDIT, NOON
from tollkeeper.rules.kinds import OPENAI
from tollkeeper.services.keyring.master_key import open_master_key
from tollkeeper.services.keyring.secrets_file import SecretsFile, secrets_path
from tollkeeper.services.upstreams.config import Secret, UpstreamConfig
from tollkeeper.services.upstreams.stored import from_stored, to_stored
from tollkeeper.store.sqlite import open_store

OLD, NEW = "ab" * 32, "cd" * 32
AZURE = UpstreamConfig("azure", OPENAI, "https://azure.example", secret=Secret("sk-provider"))


async def sealed(path: Path, configured: str | None = None) -> None:
    store = await open_store(path, now=lambda: NOON)
    key = await open_master_key(SecretsFile(secrets_path(path)), store.installation, configured)
    await store.upstreams.save(to_stored(AZURE, key), AUDIT)
    await store.close()


async def opened(path: Path, configured: str | None = None) -> tuple[str, list[UpstreamConfig]]:
    store = await open_store(path, now=lambda: NOON)
    key = await open_master_key(SecretsFile(secrets_path(path)), store.installation, configured)
    found = [from_stored(row, key) for row in await store.upstreams.load()]
    await store.close()
    return key.id, found


async def test_the_key_in_the_file_is_rotated(tollkeeper: Program, path: Path) -> None:
    await sealed(path)
    before, _ = await opened(path)
    ended = await asyncio.to_thread(tollkeeper, "secrets", "rotate", "--database", path)
    assert ended.code == 0, ended.err
    assert ended.lines[0] == "There is a new master key. Sealed anew: the secrets of 1 upstream."
    assert str(secrets_path(path)) in ended.lines[1]
    after, found = await opened(path)
    assert after != before
    assert found == [AZURE]


async def test_the_key_of_a_setting_is_rotated_to_the_one_that_is_given(
    tollkeeper: Program, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sealed(path, OLD)
    monkeypatch.setenv("TOLLKEEPER_MASTER_KEY", OLD)
    ended = await asyncio.to_thread(tollkeeper, "secrets", "rotate", "--database", path)
    assert ended.code == 1
    assert "set TOLLKEEPER_NEW_MASTER_KEY" in ended.err
    monkeypatch.setenv("TOLLKEEPER_NEW_MASTER_KEY", NEW + "\n")
    ended = await asyncio.to_thread(tollkeeper, "secrets", "rotate", "--database", path)
    assert ended.code == 0, ended.err
    assert NEW not in ended.out + ended.err
    _, found = await opened(path, NEW)
    assert found == [AZURE]


async def test_a_served_database_is_left_alone(tollkeeper: Program, path: Path) -> None:
    await sealed(path)
    store = await open_store(path, now=lambda: NOON)
    ended = await asyncio.to_thread(tollkeeper, "secrets", "rotate", "--database", path)
    assert ended.code == 1
    assert "open in another process" in ended.err
    await store.close()


async def test_no_database_is_made(tollkeeper: Program, path: Path) -> None:
    ended = await asyncio.to_thread(tollkeeper, "secrets", "rotate", "--database", path)
    assert ended.code == 2
    assert "there is no database" in ended.err
    assert not path.exists()
