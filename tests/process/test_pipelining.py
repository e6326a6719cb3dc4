"""Requests that are sent without waiting for answers: what a client can make the gateway keep, by its memory."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Sequence
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.process.served import Served, served
from tests.scripted import Conn, Request, ScriptedUpstream

pytestmark = pytest.mark.process

CONNECTIONS = 4
POURED = 19_000_000
"""Bytes that each of them would send."""
MOST = 8_000_000
"""Bytes that the gateway's memory may grow by, for all of them."""


def memory(gateway: Served) -> int:
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


class Pour:
    """A request whose answer never ends, and as many bytes behind it as are taken."""

    def __init__(self, port: int, first: bytes, more: bytes) -> None:
        self._port = port
        self._first = first
        self._more = more
        self.sent = 0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        with socket.create_connection(("127.0.0.1", self._port)) as client:
            client.setblocking(False)
            await loop.sock_sendall(client, self._first)
            while self.sent < POURED:
                await loop.sock_sendall(client, self._more)
                self.sent += len(self._more)
            await asyncio.Event().wait()


def posts(key: str, *lines: str, body: bytes) -> bytes:
    head = ["POST /v1/chat/completions HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {key}", *lines]
    return ("\r\n".join(head) + "\r\n\r\n").encode() + body


def piece(key: str, kind: str) -> bytes:
    """Some hundred kilobytes of pipelined requests."""
    body = json.dumps({"model": "tiny", "messages": [{"role": "user", "content": "x" * 100_000}]}).encode()
    match kind:
        case "tiny":
            return b"GET / HTTP/1.1\r\nHost:x\r\n\r\n" * 10_000
        case "bodies":
            return posts(key, f"Content-Length: {len(body)}", body=body) * 2
        case "one body":
            return posts(key, "Content-Length: 18000000", body=b"x" * 1_000_000)
        case "heads":
            return posts(key, *(f"X-{number}: {'x' * 500}" for number in range(100)), body=b"")
        case "chunks":
            return posts(key, "Transfer-Encoding: chunked", body=b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n")
        case "upgrades":
            return posts(key, "Connection: Upgrade", "Upgrade: h2c", "Content-Length: 2", body=b"{}") * 2000
        case _:
            return b"\r\n" * 100_000


async def settled(client: httpx.AsyncClient, pours: Sequence[Pour]) -> None:
    """Until nothing more is taken while many others are answered."""
    sent = -1
    while sent != (sent := sum(pour.sent for pour in pours)):
        for _ in range(100):
            assert (await client.get("/health")).is_success


@pytest.mark.parametrize("kind", ["tiny", "bodies", "one body", "heads", "chunks", "upgrades", "empty lines"])
async def test_what_waits_behind_an_answer_takes_little_memory(tmp_path: Path, kind: str) -> None:
    async def silent(conn: Conn, request: Request) -> None:
        await conn.hang()

    async with ScriptedUpstream({"tiny:latest": ("completion",)}) as up:
        up.always(silent)
        with served(tmp_path, up.url, shutdown_timeout=0.1) as gateway:
            key = await asyncio.to_thread(gateway.new_user, "alice")
            body = json.dumps({"model": "tiny", "messages": [{"role": "user", "content": "x"}]}).encode()
            asks = posts(key, f"Content-Length: {len(body)}", body=body)
            pours = [Pour(gateway.port, asks, piece(key, kind)) for _ in range(CONNECTIONS)]
            async with httpx.AsyncClient(base_url=gateway.url, verify=False) as client:
                await client.get("/health")
                before = memory(gateway)
                tasks = [asyncio.create_task(pour.run()) for pour in pours]
                try:
                    await settled(client, pours)
                    assert memory(gateway) - before < MOST
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)


async def taken(port: int, sent: bytes, answers: int) -> None:
    """Send over and over, and read until so many answers came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def pour() -> None:
        for _ in range(POURED // len(sent)):
            writer.write(sent)
            await writer.drain()

    pouring = asyncio.create_task(pour())
    try:
        for _ in range(answers):
            await reader.readuntil(b"HTTP/1.1 403 ")
    finally:
        pouring.cancel()
        await asyncio.gather(pouring, return_exceptions=True)


async def test_each_answer_lets_no_more_in_than_it_lets_out(tmp_path: Path) -> None:
    with served(tmp_path, "http://127.0.0.1:9", shutdown_timeout=0.1) as gateway:
        sent = piece("", "tiny")
        await taken(gateway.port, sent, 100)
        before = memory(gateway)
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(taken(gateway.port, sent, 300))
        assert memory(gateway) - before < MOST
