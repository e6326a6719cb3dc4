"""What dead receivers of webhooks cost a request: nothing, it should be.

    python -m bench.webhooks [--requests 2000] [--webhooks 20]

The whole gateway runs in this process, on a port of its own, before an upstream that answers at once. Chats are asked
one after the other, in rounds by turns: without webhooks, and with webhooks to a receiver that takes messages and never
answers, while an event is made with every tenth request. The median and the 99th percentile of a request, in
milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import socket
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median, quantiles

import httpx2 as httpx
import uvloop

from tollkeeper.app.build import Gateway, open_gateway
from tollkeeper.config import load_settings
from tollkeeper.rules.kinds import OPENAI_COMPATIBLE
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.events.webhooks import WebhookChange
from tollkeeper.services.upstreams.config import UpstreamConfig

BENCH = Actor("bench")
ROUNDS = 6
EVENT_EVERY = 10
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 8}
_MODELS = b'{"object":"list","data":[{"id":"tiny","object":"model"}]}'
_ANSWER = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"tiny","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":8,"completion_tokens":1,'
    b'"total_tokens":9}}'
)


@asynccontextmanager
async def listening(handle: object) -> AsyncIterator[str]:
    """A server on loopback; yields its `host:port`. Connections that are open at the end are cut."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handle(reader, writer)  # type: ignore[operator]
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"{host}:{port}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        size = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        await reader.readexactly(size)
        body = _MODELS if head.startswith(b"GET ") else _ANSWER
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ")
        writer.write(b"%d\r\n\r\n%s" % (len(body), body))


async def never_answer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    while await reader.read(65_536):
        pass


@asynccontextmanager
async def running(folder: Path, upstream: str, receiver: str) -> AsyncIterator[tuple[Gateway, httpx.AsyncClient]]:
    """The gateway with its background work, and a client with the key of a user."""
    settings = load_settings(database_path=folder / "bench.db", webhook_allow=(receiver,))
    config = UpstreamConfig("bench", OPENAI_COMPATIBLE, f"http://{upstream}/v1", paid=False, probe_every=0)
    opened = socket.create_server(("127.0.0.1", 0))
    async with open_gateway(settings, [config]) as gateway:
        ready = asyncio.Event()
        gateway.server.on_open = ready.set
        parts = gateway.alerts
        work = [gateway.server.serve([opened]), parts.deliveries.run(), parts.budgets.run(), parts.conditions.run()]
        serving, *background = [asyncio.create_task(each) for each in work]
        await ready.wait()
        await gateway.context.catalog.refresh()
        _, made = await gateway.context.accounts.create_user("bench", BENCH)
        headers = {"authorization": f"Bearer {made.secret}"}
        url = f"http://127.0.0.1:{opened.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
            yield gateway, client
        for task in background:
            task.cancel()
        gateway.server.stop()
        await asyncio.gather(serving, *background, return_exceptions=True)


async def measure(requests: int, count: int, folder: Path) -> None:
    async with (
        listening(answer) as upstream,
        listening(never_answer) as receiver,
        running(folder, upstream, receiver) as (gateway, client),
    ):
        webhooks = [
            await gateway.alerts.webhooks.add(f"http://{receiver}/", BENCH, status="paused") for _ in range(count)
        ]
        seconds: dict[bool, list[float]] = {False: [], True: []}
        for turn in range(ROUNDS):
            dead = turn % 2 == 1
            for webhook in webhooks:
                change = WebhookChange(status="active" if dead else "paused")
                await gateway.alerts.webhooks.change(webhook.id, change, BENCH)
            for number in range(requests // ROUNDS):
                if number % EVENT_EVERY == 0:
                    await gateway.alerts.outbox.add([gateway.alerts.outbox.event("upstream.up", {"upstream": "bench"})])
                seconds[dead].append(await timed(client))
        for dead, found in seconds.items():
            say(f"{count} receivers that never answer" if dead else "receivers paused", found)


async def timed(client: httpx.AsyncClient) -> float:
    began = time.perf_counter()
    response = await client.post("/v1/chat/completions", json=CHAT)
    assert response.status_code == 200, response.text
    return time.perf_counter() - began


def say(name: str, seconds: list[float]) -> None:
    print(f"{name:34}{median(seconds) * 1000:9.2f}{quantiles(seconds, n=100)[98] * 1000:9.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser("bench.webhooks", description="What dead receivers of webhooks cost a request.")
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--webhooks", type=int, default=20)
    asked = parser.parse_args()
    print(f"{asked.requests:,} requests; load {os.getloadavg()[0]:.1f}; Python {platform.python_version()}")
    print(f"{'milliseconds':34}{'median':>9}{'99 %':>9}")
    with tempfile.TemporaryDirectory(prefix="tollkeeper-bench-") as name:
        uvloop.run(measure(asked.requests, asked.webhooks, Path(name)))


if __name__ == "__main__":
    main()
