"""A load on a scripted server, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.scripted import ScriptedUpstream
from tollkeeper.cli.load.command import body
from tollkeeper.cli.load.generator import LoadGenerator
from tollkeeper.cli.load.plan import LoadPlan
from tollkeeper.cli.load.result import Result

Loaded = Callable[..., Awaitable[Result]]


@pytest.fixture
async def up() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream() as upstream:
        yield upstream


def a_plan(url: str, *, stream: bool = False, **given: Any) -> LoadPlan:
    """By default, ten requests on one connection."""
    asked = body("tiny", "hi", stream=stream, max_tokens=None)
    fields: dict[str, Any] = {
        "keys": [],
        "connections": 1,
        "timeout": 10.0,
        "requests": None if "seconds" in given else 10,
    } | given
    return LoadPlan(url=url, body=asked, stream=stream, **fields)


@pytest.fixture
def loaded(up: ScriptedUpstream) -> Loaded:
    """`await loaded(requests=3, stream=True)`."""

    async def run(url: str | None = None, **given: Any) -> Result:
        generator = LoadGenerator(a_plan(url or up.url, **given))
        await generator.open()
        return await generator.run()

    return run
