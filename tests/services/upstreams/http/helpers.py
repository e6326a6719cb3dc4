"""What the tests of the upstream client share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from tests.scripted import Conn, Request, Script
from tollkeeper.services.upstreams.http import HttpClient, Response


@contextlib.asynccontextmanager
async def open_client(url: str, **options: Any) -> AsyncIterator[HttpClient]:
    """Closed at the end; every place must have been given back by then."""
    client = HttpClient(url, **options)
    try:
        yield client
        statistics = client.statistics()
        assert (statistics.in_use, statistics.waiting) == (0, 0), statistics
    finally:
        await client.close()
    assert client.statistics().open == 0


async def post(client: HttpClient, body: bytes = b"{}", target: bytes = b"/v1/x") -> Response:
    return await (await client.acquire()).send(b"POST", target, ((b"content-type", b"application/json"),), body)


def sending(*parts: bytes, then: Callable[[Conn], None] | None = None) -> Script:
    """A script that sends `parts`, then does something to the connection."""

    async def script(conn: Conn, request: Request) -> None:
        for part in parts:
            await conn.send(part)
        if then is not None:
            then(conn)

    return script


async def hanging(conn: Conn, request: Request) -> None:
    await conn.hang()


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Let the loop turn until `condition` holds; a test that never gets there hangs, and is stopped after a minute."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.001)
