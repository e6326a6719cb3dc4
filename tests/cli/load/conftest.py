"""A load on a scripted server, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.scripted import ScriptedUpstream
from tollkeeper.cli.load.command import body
from tollkeeper.cli.load.engine import Engine
from tollkeeper.cli.load.job import Job
from tollkeeper.cli.load.result import Result

Loaded = Callable[..., Awaitable[Result]]


@pytest.fixture
async def up() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream() as upstream:
        yield upstream


def a_job(url: str, *, stream: bool = False, **given: Any) -> Job:
    """Ten requests, one after the other, if not told otherwise."""
    asked = body("tiny", "hi", stream=stream, max_tokens=None)
    fields: dict[str, Any] = {
        "keys": [],
        "connections": 1,
        "patience": 10.0,
        "requests": None if "seconds" in given else 10,
    } | given
    return Job(url=url, body=asked, stream=stream, **fields)


@pytest.fixture
def loaded(up: ScriptedUpstream) -> Loaded:
    """`await loaded(requests=3, stream=True)`."""

    async def run(url: str | None = None, **given: Any) -> Result:
        engine = Engine(a_job(url or up.url, **given))
        await engine.open()
        return await engine.run()

    return run
