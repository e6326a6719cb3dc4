"""Load on a real gateway, by `tollkeeper load` and by the locust file."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from tests.cli.load.conftest import a_plan
from tests.docs.tables import ROOT
from tests.gateway.conftest import TEST, Gateway, start
from tests.scripted import ScriptedUpstream
from tollkeeper.cli.load.generator import LoadGenerator
from tollkeeper.cli.load.result import Result
from tollkeeper.store.ports.reports import Filter

__all__ = ["start"]

USERS = 4
"""Of Locust."""

Start = Callable[..., AbstractAsyncContextManager[Gateway]]


async def loaded(gateway: Gateway, **given: Any) -> Result:
    keys = [gateway.secrets["alice"], gateway.secrets["bob"]]
    asked: dict[str, Any] = {"keys": keys, "requests": 40, "connections": 8}
    generator = LoadGenerator(a_plan(gateway.url, **(asked | given)))
    await generator.open()
    return await generator.run()


@pytest.mark.parametrize("stream", [False, True])
async def test_each_response_has_its_record(start: Start, stream: bool) -> None:
    async with start() as gateway:
        result = await loaded(gateway, stream=stream)
        records = await gateway.records()
        assert (result.answered, result.failed) == (40, 0)
        assert [record.status for record in records] == ["completed"] * 40
        assert {record.user_id for record in records} == {"alice", "bob"}
        assert result.completion_tokens == sum(record.usage.completion_tokens for record in records)
        assert result.first.count == (40 if stream else 0)


async def test_requests_refused_by_a_limit_are_reported(start: Start) -> None:
    async with start() as gateway:
        await gateway.context.accounts.set_limits("alice", TEST, {"requests_per_day": 5})
        result = await loaded(gateway, keys=[gateway.secrets["alice"]])
        assert result.statuses == {200: 5, 429: 35}
        assert result.errors == {"429 insufficient_quota": 35}
        assert result.latency.count == 5


async def test_requests_with_a_wrong_key_are_reported(start: Start) -> None:
    async with start() as gateway:
        result = await loaded(gateway, keys=["sk-wrong"], requests=3)
        assert result.errors == {"401 invalid_api_key": 3}


async def asked_by_all(gateway: Gateway) -> bool:
    """Whether so many answers of either kind are on record that Locust has counted one of them: of each of its users it
    misses one at most."""
    await gateway.store.ledger.flush()
    records = await gateway.store.reports.records(Filter(), limit=1000, after=None)
    completed = Counter(record.stream for record in records if record.status == "completed")
    return min(completed[True], completed[False]) > USERS and {"alice", "bob"} == {one.user_id for one in records}


@pytest.mark.process
async def test_the_locust_file(start: Start, up: ScriptedUpstream) -> None:
    """Run as its docstring says: both kinds of request succeed, and all are recorded."""
    async with start() as gateway:
        keys = f"{gateway.secrets['alice']},{gateway.secrets['bob']}"
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "locust", "-f", str(ROOT / "bench/locustfile.py"), "--host", gateway.url],
            *["--headless", "--users", str(USERS), "--spawn-rate", str(USERS), "--json", "--only-summary"],
            env=os.environ | {"TOLLKEEPER_API_KEY": keys, "TOLLKEEPER_MODEL": "tiny"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        telling = asyncio.create_task(process.communicate())
        while not telling.done() and not await asked_by_all(gateway):
            await asyncio.sleep(0.05)
        if not telling.done():
            process.terminate()
        out, errors = await telling
        assert process.returncode == 0, errors.decode()
        told = {row["name"]: row for row in json.loads(out)}
        assert set(told) == {"whole", "stream", "stream, first token"}
        assert [row["num_failures"] for row in told.values()] == [0, 0, 0]
        assert told["stream"]["num_requests"] == told["stream, first token"]["num_requests"]
        records = await gateway.records()
        assert {record.user_id for record in records} == {"alice", "bob"}
        for name, streamed in (("whole", False), ("stream", True)):
            completed = [r for r in records if r.stream is streamed and r.status == "completed"]
            # What was under way at the end may have been recorded without having been counted.
            assert 0 < told[name]["num_requests"] <= len(completed) <= told[name]["num_requests"] + USERS
