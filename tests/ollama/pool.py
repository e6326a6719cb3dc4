"""Several real Ollamas as one pool: machines, a gateway in this process, and the stock SDK as its clients."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from tests.gateway.conftest import Gateway, running
from tests.ollama.machine import Machine
from tests.sdk.person import Sdk
from tests.services.upstreams.http.helpers import until
from tollkeeper.app.build import PROBE_PATIENCE
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.probes import Probes


@asynccontextmanager
async def machines(
    folder: Path, models: Path, names: str, *loaded: str, **settings: str
) -> AsyncIterator[Sequence[Machine]]:
    """A machine for each letter of `names`, with these models in memory."""
    async with AsyncExitStack() as stack:
        made = [await stack.enter_async_context(Machine(name, folder, models, **settings)) for name in names]
        for machine in made:
            await machine.start(*loaded)
        yield made


def upstream(machine: Machine, **fields: Any) -> UpstreamConfig:
    return UpstreamConfig(machine.name, OLLAMA, machine.window.url, **({"probe_every": 0.2} | fields))


@asynccontextmanager
async def gateway_of(
    folder: Path, upstreams: Sequence[UpstreamConfig], users: Sequence[str] = ("alice", "bob"), **settings: Any
) -> AsyncIterator[Gateway]:
    """One that knows the models of its upstreams, and probes them as `serve` does."""
    async with running(folder, upstreams[0].base_url, upstreams=upstreams, users=users, **settings) as gateway:
        await gateway.context.catalog.refresh()
        probing = asyncio.create_task(Probes(gateway.context.registry, time.monotonic, patience=PROBE_PATIENCE).run())
        showing = [each for each in gateway.context.registry if each.config.kind.shows_loaded_by]
        try:
            await until(lambda: all(each.load.loaded is not None for each in showing))
            yield gateway
        finally:
            probing.cancel()


def client_of(gateway: Gateway, user: str = "alice") -> AbstractAsyncContextManager[Sdk]:
    """The stock SDK as this user."""
    return client_at(gateway.url, gateway.secrets[user])


@asynccontextmanager
async def client_at(url: str, key: str) -> AsyncIterator[Sdk]:
    """The stock SDK, which tries nothing twice."""
    plain = DefaultAsyncHttpxClient(verify=False)  # to read certificates takes longer than a test
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, http_client=plain) as client:
        yield client
