"""Many users share upstreams, connections to them and connections to the gateway: no answer reaches another user."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import SystemRandom
from sqlite3 import Row
from typing import Any

import pytest

from tests.gateway.conftest import TEST
from tests.gateway.marked import FATES, WORDS, Answer, Ask, Clients, Echo, plan
from tests.gateway.pools import Pool, pool
from tests.process.books import records
from tests.services.upstreams.http.helpers import until
from tollkeeper.rules.kinds import OPENAI_COMPATIBLE

USERS = [f"user-{number}" for number in range(50)]
CONNECTIONS = 40
FREE = {"slots": 5, "listed": ["tiny:latest"]}
PAID = {"slots": 4, "listed": ["paid"], "kind": OPENAI_COMPATIBLE, "open": True}
SILENCE = 1.5
"""Seconds after which an upstream that says nothing is given up."""
LIMITS = {"tokens_per_day": 10**10, "max_concurrent_requests": 1000}
"""Wide ones, so that something is held for every request."""


async def close_in_turn(six: Pool, clients: Clients, every: int) -> None:
    """One upstream after the other is gone for so many answers: its connections end, and new ones are refused."""
    while True:
        for machine in six.machines.values():
            seen = len(clients.answers)
            await until(lambda seen=seen: len(clients.answers) >= seen + every)  # type: ignore[misc]
            await machine.stop_listening()
            for conn in machine.connections:
                conn.abort()
            seen = len(clients.answers)
            try:
                await until(lambda seen=seen: len(clients.answers) >= seen + every)  # type: ignore[misc]
            finally:
                await machine.listen()


def check(asks: Sequence[Ask], echo: Echo, answers: Sequence[Answer], found: Mapping[str, Row]) -> None:
    """Every request that was sent has one record, of the right user, and every answer in full is its own, with the
    usage of its record. (That no other mark is in an answer is seen where it is read.)"""
    of_mark = {json.loads(row["metadata"])["mark"]: row for row in found.values()}
    assert len(of_mark) == len(found), "a request has two records"
    assert echo.asked.keys() <= of_mark.keys(), "a request that was sent has no record"
    for ask in asks:
        if (row := of_mark.get(ask.mark)) is not None:
            assert (row["user_id"], row["requested_model"], row["stream"]) == (ask.user, ask.model, ask.stream)
    assert len({answer.request_id for answer in answers}) == len(answers), "two answers have one id"
    for answer in answers:
        mark, row = answer.ask.mark, found.get(answer.request_id)
        assert row is of_mark.get(mark)
        if answer.text:
            assert row is not None
            said = f"{mark} {row['upstream']} {row['prompt_tokens']}/{row['completion_tokens']}"
            assert said in echo.said[mark]
            assert answer.text == said + (f" {mark}" * (WORDS - 1) if answer.ask.stream else "")
            assert (row["status"], row["estimated"]) == ("completed", 0)
        elif answer.ask.leave is None:
            assert row is None or row["status"] == "failed"


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.long)])
async def test_no_answer_reaches_another_user(start, tmp_path: Path, count: int):
    seed = int(os.environ.get("ISOLATION_SEED") or SystemRandom().randrange(2**32))
    print(f"ISOLATION_SEED={seed} asks for the same again")
    asks = plan(seed, count, USERS, ["tiny", "paid"])
    echo = Echo(seed, asks)
    upstreams = [FREE] * 4 + [PAID] * 2
    async with pool(start, *upstreams, users=USERS, first_byte_timeout=SILENCE, event_timeout=SILENCE) as six:
        for name, machine in six.machines.items():
            machine.always(echo.script(name))
        for user in USERS:
            await six.gateway.context.accounts.set_limits(user, TEST, LIMITS)
        clients = Clients(six.gateway.port, asks, six.gateway.secrets)
        async with asyncio.TaskGroup() as tasks:
            closing = tasks.create_task(close_in_turn(six, clients, count // 20))
            await clients.run(seed, CONNECTIONS)
            closing.cancel()
        await six.nothing_is_left()
        connections: list[Any] = [each.client.statistics() for each in six.gateway.context.registry]  # type: ignore[attr-defined]
        assert sum(each.in_use for each in connections) == 0
        await six.gateway.store.ledger.flush()
    found = records(tmp_path / "t.db")
    check(asks, echo, clients.answers, found)
    # All of that says something only if it was a load.
    got = Counter((answer.ask.model, answer.ask.stream) for answer in clients.answers if answer.text)
    cancelled = sum(row["status"] == "cancelled" for row in found.values())
    moved = sum(row["attempts"] > 1 for row in found.values())
    waited = sum(row["queued_ms"] > 0 for row in found.values())
    reused = sum(each.reused for each in connections)
    print(f"{got}; {cancelled=} {moved=} {waited=} {reused=}; {echo.befell}")
    assert got.total() > count / 2
    assert min(*got.values(), cancelled, moved, waited) > count / 200
    assert reused > count / 2
    assert FATES.keys() <= echo.befell.keys()
