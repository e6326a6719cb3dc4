"""Waiting for a commit that many share."""

from __future__ import annotations

import asyncio

import pytest

from tollkeeper.rules.errors import LedgerUnavailable
from tollkeeper.services.ledger import commits as module
from tollkeeper.services.ledger.commits import Commits


@pytest.fixture
async def commit() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


async def waiting(commits: Commits, commit: asyncio.Future[None], count: int) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(commits.wait(commit)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_all_who_share_a_commit_go_on_when_it_is_made(commit: asyncio.Future[None]) -> None:
    commits = Commits()
    tasks = await waiting(commits, commit, 3)
    assert repr(commits) == "Commits(3 waiting for 1)"
    commit.set_result(None)
    await asyncio.gather(*tasks)
    assert repr(commits) == "Commits(0 waiting for 0)"


async def test_one_who_leaves_ends_nothing_for_the_others(commit: asyncio.Future[None]) -> None:
    commits = Commits()
    leaves, stays = await waiting(commits, commit, 2)
    leaves.cancel()
    await asyncio.gather(leaves, return_exceptions=True)
    assert not commit.cancelled()
    commit.set_result(None)
    await stays


async def test_a_commit_that_fails_is_not_confirmed(commit: asyncio.Future[None]) -> None:
    [task] = await waiting(Commits(), commit, 1)
    commit.set_exception(OSError("disk full"))
    with pytest.raises(LedgerUnavailable):
        await task


async def test_a_commit_that_was_made_before_is_not_waited_for(commit: asyncio.Future[None]) -> None:
    commit.set_result(None)
    await Commits().wait(commit)


async def test_nobody_waits_longer_than_is_said(commit: asyncio.Future[None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who came later are given up on later, by the same timer; a commit that comes afterwards harms nothing."""
    monkeypatch.setattr(module, "COMMIT_PATIENCE", 0.05)
    commits = Commits()
    for _ in range(2):
        tasks = await waiting(commits, commit, 2)
        assert {type(result) for result in await asyncio.gather(*tasks, return_exceptions=True)} == {LedgerUnavailable}
    commit.set_result(None)
    await commits.wait(commit)
