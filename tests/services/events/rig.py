"""A receiver of webhooks on loopback, which verifies by the library of Standard Webhooks, and a way to send to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook as Verifier

from tests.services.in_memory import ROOT
from tollkeeper.services.events.deliveries import Deliveries, Mail
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.services.events.post import Poster
from tollkeeper.services.events.stored import Webhook
from tollkeeper.services.events.webhooks import Webhooks
from tollkeeper.services.keyring.master_key import MasterKey
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.store import Store


class Clock:
    """Milliseconds since the epoch, as a test sets them. Signatures are checked by the real time: it begins there."""

    def __init__(self, ms: int) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms


@dataclass
class Message:
    """A message that arrived, as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    def verified(self, secret: str) -> dict[str, Any]:
        """The content, if this secret has signed it; the library raises where it has not."""
        found: dict[str, Any] = Verifier(secret).verify(self.body, self.headers)
        return found


@dataclass
class Receiver:
    """`answers` are the statuses of the next answers, then 200; 0 never answers. `extra` are headers of all answers."""

    answers: list[int] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    extra: str = ""
    port: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:-2])
            given = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
            body = await reader.readexactly(int(headers["content-length"]))
            self.messages.append(Message({name.lower(): value for name, value in given.items()}, body))
            self.arrived.set()
            status = self.answers.pop(0) if self.answers else 200
            if status == 0:
                await asyncio.Event().wait()
            writer.write(f"HTTP/1.1 {status} As told\r\n{self.extra}content-length: 0\r\n\r\n".encode())
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await receiver.serve(reader, writer)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    receiver.port = listener.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


KEY = MasterKey(b"k" * 32)


@dataclass
class Sending:
    """Everything from the outbox to the network, over a store."""

    store: Store
    clock: Clock
    outbox: Outbox
    webhooks: Webhooks
    deliveries: Deliveries

    async def add(self, url: str, **fields: Any) -> Webhook:
        return await self.webhooks.add(url, ROOT, **fields)

    async def happen(self, event_type: Any = "upstream.down", **data: Any) -> str:
        """An event; returns its id."""
        event = self.outbox.event(event_type, data)
        await self.outbox.add([event])
        return event.id

    async def deliver(self) -> None:
        """Try everything that is due now, and wait for the outcomes."""
        await self.deliveries.step()
        await self.deliveries.idle()


async def sending(
    clock: Clock,
    *allow: str,
    store: Store | None = None,
    timeout: float = 5.0,
    mail: Mail | None = None,
    **network: Any,
) -> Sending:
    store = store or MemoryStore()
    webhooks = Webhooks(store.webhooks, KEY, Poster(allow, timeout=timeout, **network), clock)
    await webhooks.load()
    deliveries = Deliveries(store.events, webhooks, mail, clock, lambda: 0.5)
    return Sending(store, clock, Outbox(store.events, clock), webhooks, deliveries)
