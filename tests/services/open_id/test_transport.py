"""Requests to providers that misbehave: bounded in time and size, whatever is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tollkeeper.services.open_id.ports import ProviderUnavailable
from tollkeeper.services.open_id.transport import MOST_BYTES, Transport
from tollkeeper.wire.http.proxies import Proxies

OK = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b"


@asynccontextmanager
async def server(answer: bytes, *, then_wait: bool = False) -> AsyncIterator[tuple[str, list[bytes]]]:
    seen: list[bytes] = []

    served: set[asyncio.Task[object]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.add(task)
        with suppress(OSError, asyncio.IncompleteReadError):
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
            if then_wait:
                await reader.read()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", seen
    finally:
        listening.close()
        await asyncio.gather(*served)


def ok(body: bytes) -> bytes:
    return OK % (len(body), body)


async def test_a_json_object_is_read():
    async with server(ok(b'{"issuer": "x"}')) as (url, seen):
        assert await Transport(Proxies({})).get(f"{url}/a?b=c", [("authorization", "Bearer x")]) == {"issuer": "x"}
    assert seen[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert b"authorization: Bearer x\r\n" in seen[0]


async def test_a_form_is_sent():
    async with server(b"HTTP/1.1 400 Bad\r\ncontent-length: 2\r\n\r\n{}") as (url, seen):
        assert await Transport(Proxies({})).post(f"{url}/token", "a=b") == (400, {})
    assert b"content-type: application/x-www-form-urlencoded\r\n" in seen[0]


@pytest.mark.parametrize(
    "answer",
    [
        ok(b""),
        ok(b"<html>"),
        ok(b"[1]"),
        ok(b"[" * 100_000),
        ok(b'"' + b"x" * (MOST_BYTES + 1) + b'"'),
        b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (MOST_BYTES + 1),
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}",
        b"nonsense\r\n\r\n",
        b"",
    ],
    ids=["empty", "HTML", "list", "deep", "large", "endless", "404", "redirect", "cut", "nonsense", "silence"],
)
async def test_what_is_no_answer_of_a_provider(answer):
    async with server(answer) as (url, _):
        with pytest.raises(ProviderUnavailable) as caught:
            await Transport(Proxies({})).get(f"{url}/keys?secret=x")
        assert "secret" not in str(caught.value)


async def test_one_that_never_answers():
    async with server(b"HTTP/1.1 200 OK\r\n", then_wait=True) as (url, _):
        with pytest.raises(ProviderUnavailable, match=r"within 0\.05 s"):
            await Transport(Proxies({}), timeout=0.05).get(url)


async def test_one_that_is_not_there():
    async with server(b"") as (url, _):
        pass
    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        await Transport(Proxies({})).get(url)


async def test_a_proxy_that_cannot_be_used():
    with pytest.raises(ProviderUnavailable, match="HTTPS_PROXY"):
        await Transport(Proxies({"https_proxy": "socks5://x"})).get("https://op.example/")
