"""`tollkeeper users …`, as an operator runs it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.cli.commands import Program
from tests.store.values import ANN, AUDIT, FACTOR, NOON
from tollkeeper.store.sqlite import open_store


async def furnished(path: Path) -> None:
    store = await open_store(path, now=lambda: NOON)
    await store.accounts.save(users=[ANN], audit=AUDIT)
    await store.second_factors.save(FACTOR, AUDIT)
    await store.close()


@pytest.mark.parametrize("name", ["ann", "ANN"])
async def test_a_second_factor_that_was_lost_is_deleted(tollkeeper: Program, path: Path, name: str) -> None:
    await furnished(path)
    ended = await asyncio.to_thread(tollkeeper, "users", "reset-second-factor", name, "--database", path)
    assert (ended.code, ended.lines) == (
        0, ["ann has no second factor any more: the password alone signs them in."]
    )  # fmt: skip
    store = await open_store(path, now=lambda: NOON)
    assert await store.second_factors.load() == []
    entry = (await store.audit.entries(limit=1, after=None))[0]
    assert (entry.actor, entry.action, entry.target) == ("@cli", "user.second_factor_reset", "ann")
    await store.close()


async def test_what_cannot_be_reset_is_said(tollkeeper: Program, path: Path) -> None:
    await furnished(path)
    for name, why in (("bob", "there is no user bob"), ("ann", None), ("ann", "ann has no second factor")):
        ended = await asyncio.to_thread(tollkeeper, "users", "reset-second-factor", name, "--database", path)
        assert ended.code == (0 if why is None else 1)
        if why is not None:
            assert why in ended.err


async def test_a_database_that_is_served_is_left_alone(tollkeeper: Program, path: Path) -> None:
    await furnished(path)
    store = await open_store(path, now=lambda: NOON)
    ended = await asyncio.to_thread(tollkeeper, "users", "reset-second-factor", "ann", "--database", path)
    assert ended.code == 1
    assert await store.second_factors.load() == [FACTOR]
    await store.close()


def test_a_database_that_is_not_there_is_not_made(tollkeeper: Program, path: Path) -> None:
    assert tollkeeper("users", "reset-second-factor", "ann", "--database", path).code == 2
    assert not path.exists()
