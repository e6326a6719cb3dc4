"""Each test here runs on asyncio's own loop and on uvloop, which the gateway runs on: their transports differ."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from tests.scripted import ScriptedUpstream
from tests.services.upstreams.http.helpers import open_client
from tollkeeper.services.upstreams.http import HttpClient


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def up() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
async def client(up: ScriptedUpstream) -> AsyncIterator[HttpClient]:
    async with open_client(up.url) as client:
        yield client
