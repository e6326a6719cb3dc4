"""The whole gateway, in this process and on a real port, in front of a scripted upstream."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2 as httpx
import pytest
from argon2 import PasswordHasher

from tests.scripted import ScriptedUpstream
from tollkeeper.app.alerts import AlertServices
from tollkeeper.app.build import ModelServices, now_ms, open_gateway
from tollkeeper.config import load_settings
from tollkeeper.gateway.context import GatewayContext
from tollkeeper.gateway.http.server import Server
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.upstreams import Upstreams
from tollkeeper.services.watching.live import Live
from tollkeeper.services.watching.metrics import Metrics
from tollkeeper.services.watching.refusals import RefusalCounts
from tollkeeper.services.watching.user_live import UserLive
from tollkeeper.store.ports.records import Record
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.ports.store import Store
from tollkeeper.store.sqlite.connections import connect_writer
from tollkeeper.store.sqlite.revision import bring_to_head
from tollkeeper.wire.dialect import AnyDialect
from tollkeeper.wire.dialects import DIALECTS

ADMIN = "test-bootstrap-key"
TEST = Actor("test")


@dataclass
class Gateway:
    """`client` sends alice's key; `raw()` is a bare connection."""

    url: str
    context: GatewayContext
    server: Server
    store: Store
    metrics: Metrics
    live: Live
    user_live: UserLive
    upstreams: Upstreams
    client: httpx.AsyncClient
    models: ModelServices
    alerts: AlertServices
    counts: RefusalCounts
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def records(self) -> list[Record]:
        """All of them, newest first, once nothing is under way."""
        while self.context.requests.active:
            await asyncio.sleep(0.005)
        await self.store.ledger.flush()
        return await self.store.reports.records(Filter(), limit=1000, after=None)

    async def record(self) -> Record:
        (record,) = await self.records()
        return record

    async def chat(self, **fields: Any) -> httpx.Response:
        return await self.client.post("/v1/chat/completions", json=ask(**fields))

    @asynccontextmanager
    async def raw(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def head(self, path: str = "/v1/chat/completions", *lines: str, method: str = "POST") -> bytes:
        first = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {self.secrets['alice']}"]
        return ("\r\n".join([*first, *lines]) + "\r\n\r\n").encode()

    @property
    def as_admin(self) -> dict[str, str]:
        """The header of the bootstrap key."""
        return {"authorization": f"Bearer {self.secrets['admin']}"}

    def post(self, body: bytes, *lines: str) -> bytes:
        return self.head("/v1/chat/completions", f"Content-Length: {len(body)}", *lines) + body


def ask(**fields: Any) -> dict[str, Any]:
    return {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]} | fields


@cache
def empty_database() -> bytes:
    """A new database of this version: to make one takes longer than most tests. (tests/store is about making it.)"""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.db"
        path.touch()
        with closing(connect_writer(path, "process")) as connection:
            bring_to_head(path, connection)
            connection.execute("PRAGMA journal_mode = DELETE")
        return path.read_bytes()


@asynccontextmanager
async def running(
    folder: Path,
    upstream_url: str,
    *,
    upstreams: Sequence[UpstreamConfig] | None = None,
    users: Sequence[str] = ("alice", "bob"),
    now: Callable[[], int] = now_ms,
    dialects: Sequence[AnyDialect] = DIALECTS,
    **settings: Any,
) -> AsyncIterator[Gateway]:
    given = {"admin_api_key": ADMIN, "shutdown_timeout": 1, "database_path": folder / "t.db"} | settings
    configured = load_settings(ollama_base_url=upstream_url, **given)
    if not configured.database_path.exists():
        configured.database_path.write_bytes(empty_database())
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with open_gateway(configured, upstreams, now, dialects=dialects) as built:
        context, server = built.context, built.server
        secrets = {"admin": ADMIN}
        for name in users:
            _, made = await context.accounts.create_user(name, TEST)
            secrets[name] = made.secret
        ready = asyncio.Event()
        server.on_open = ready.set
        serving = asyncio.create_task(server.serve([listening]))
        await ready.wait()
        # They are meant for the tests: a gateway that took them would end under a test that goes on.
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        headers = {"authorization": f"Bearer {secrets.get('alice', ADMIN)}"}
        # `verify`: nothing here is https, and to read the certificates takes longer than most tests.
        client = httpx.AsyncClient(base_url=url, headers=headers, timeout=30, limits=limits, verify=False)
        async with client:
            yield Gateway(
                url,
                context,
                server,
                built.store,
                built.metrics,
                built.live,
                built.user_live,
                built.upstreams,
                client,
                built.models,
                built.alerts,
                built.refusals,
                secrets,
            )
        server.stop()
        await serving


@pytest.fixture
async def up() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream({"tiny:latest": ("completion",), "eye:latest": ("completion", "vision")}) as upstream:
        yield upstream


@pytest.fixture
def start(tmp_path: Path, up: ScriptedUpstream) -> Callable[..., contextlib.AbstractAsyncContextManager[Gateway]]:
    """`async with start(event_timeout=0.1) as gateway`."""

    def begin(url: str | None = None, **settings: Any) -> contextlib.AbstractAsyncContextManager[Gateway]:
        return running(tmp_path, url or up.url, **settings)

    return begin


@pytest.fixture
async def gateway(start: Callable[..., contextlib.AbstractAsyncContextManager[Gateway]]) -> AsyncIterator[Gateway]:
    async with start() as running_gateway:
        yield running_gateway


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a hash costs is tested where passwords are; here it would be most of the time."""
    cheapest = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("tollkeeper.services.accounts.passwords.PasswordHasher", cheapest)
