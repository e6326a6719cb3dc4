"""The generators on a real gateway: `tollkeeper load` and the locust file."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from tests.cli.load.conftest import a_job
from tests.docs.tables import ROOT
from tests.gateway.conftest import TEST, Gateway, start
from tests.scripted import ScriptedUpstream
from tollkeeper.cli.load.engine import Engine
from tollkeeper.cli.load.result import Result

__all__ = ["start"]

Start = Callable[..., AbstractAsyncContextManager[Gateway]]


async def loaded(gateway: Gateway, **given: Any) -> Result:
    keys = [gateway.secrets["alice"], gateway.secrets["bob"]]
    asked: dict[str, Any] = {"keys": keys, "requests": 40, "connections": 8}
    engine = Engine(a_job(gateway.url, **(asked | given)))
    await engine.open()
    return await engine.run()


@pytest.mark.parametrize("stream", [False, True])
async def test_each_answer_has_its_record(start: Start, stream: bool) -> None:
    async with start() as gateway:
        result = await loaded(gateway, stream=stream)
        records = await gateway.records()
        assert (result.answered, result.failed) == (40, 0)
        assert [record.status for record in records] == ["completed"] * 40
        assert {record.user_id for record in records} == {"alice", "bob"}
        assert result.completion_tokens == sum(record.usage.completion_tokens for record in records)
        assert result.first.count == (40 if stream else 0)


async def test_what_a_limit_refuses_is_told(start: Start) -> None:
    async with start() as gateway:
        await gateway.house.accounts.set_limits("alice", TEST, {"requests_per_day": 5})
        result = await loaded(gateway, keys=[gateway.secrets["alice"]])
        assert result.statuses == {200: 5, 429: 35}
        assert result.errors == {"429 insufficient_quota": 35}
        assert result.latency.count == 5


async def test_a_wrong_key_is_told(start: Start) -> None:
    async with start() as gateway:
        result = await loaded(gateway, keys=["sk-wrong"], requests=3)
        assert result.errors == {"401 invalid_api_key": 3}


@pytest.mark.process
async def test_the_locust_file(start: Start, up: ScriptedUpstream) -> None:
    """A few seconds of it, as its first lines say: it asks whole and streamed, nothing fails, all is recorded."""
    async with start() as gateway:
        keys = f"{gateway.secrets['alice']},{gateway.secrets['bob']}"
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "locust", "-f", str(ROOT / "bench/locustfile.py"), "--host", gateway.url],
            *["--headless", "--users", "4", "--spawn-rate", "4", "--run-time", "3s", "--json", "--only-summary"],
            env=os.environ | {"TOLLKEEPER_API_KEY": keys, "TOLLKEEPER_MODEL": "tiny"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        told = {row["name"]: row for row in json.loads(out)}
        assert set(told) == {"whole", "stream", "stream, first token"}
        assert [row["num_failures"] for row in told.values()] == [0, 0, 0]
        assert told["stream"]["num_requests"] == told["stream, first token"]["num_requests"]
        records = await gateway.records()
        assert {record.user_id for record in records} == {"alice", "bob"}
        for name, streamed in (("whole", False), ("stream", True)):
            completed = [r for r in records if r.stream is streamed and r.status == "completed"]
            # What was under way when the time was up may have been recorded without having been counted.
            assert 0 < told[name]["num_requests"] <= len(completed) <= told[name]["num_requests"] + 4
