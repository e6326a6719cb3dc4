"""The proxy in front of the engine, before an upstream that does as the test says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec import json

from tests.scripted import Conn, Request, ScriptedUpstream, json_response
from tests.shapes import STREAM_HEAD, chunked
from tollkeeper.cli.demo.engine.front import front_of

BODY = json.encode(
    {
        "messages": [],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": "required",
    }
)


def request(path: str, body: bytes = BODY) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\ncontent-length:{len(body)}\r\nX-Y: z\r\n\r\n".encode() + body


@asynccontextmanager
async def connected(server: ScriptedUpstream) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with front_of(server.port) as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions?x=1"])
async def test_forced_calls_are_rewritten_one_after_another(path: str):
    async with ScriptedUpstream() as server, connected(server) as (reader, writer):
        server.always(json_response({"a": 1}))
        for _ in range(2):
            writer.write(request(path))
            assert (await reader.readuntil(b'{"a":1}')).startswith(b"HTTP/1.1 200")
        for seen in server.requests:
            assert seen.json["messages"][-1]["role"] == "assistant"
            assert seen.header("x-y") == b"z"
            assert seen.header("content-length") == str(len(seen.body)).encode()
        assert len(server.connections) == 1


@pytest.mark.parametrize(("path", "body"), [("/v1/completions", BODY), ("/v1/chat/completions", b'{"a": 1}')])
async def test_all_else_passes_as_it_came(path: str, body: bytes):
    async with ScriptedUpstream() as server, connected(server) as (reader, writer):
        server.answer(json_response({"a": 1}))
        writer.write(request(path, body))
        await reader.readuntil(b'{"a":1}')
        assert server.requests[0].body == body


async def test_requests_without_content():
    async with ScriptedUpstream() as server, connected(server) as (reader, writer):
        server.always(json_response({"a": 1}))
        writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
        for _ in range(2):
            await reader.readuntil(b'{"a":1}')
        assert [seen.target for seen in server.requests] == ["/health", "/health"]


async def test_a_stream_passes_piece_by_piece():
    async def script(conn: Conn, seen: Request) -> None:
        await conn.send(STREAM_HEAD)
        await conn.send_chunk(b"data: 1\n\n")
        await go_on.wait()
        await conn.send_chunk(b"data: 2\n\n")
        await conn.end_chunks()

    go_on = asyncio.Event()
    async with ScriptedUpstream() as server, connected(server) as (reader, writer):
        server.answer(script)
        writer.write(request("/v1/chat/completions"))
        await reader.readuntil(chunked(b"data: 1\n\n", end=False))
        go_on.set()
        assert await reader.readuntil(b"0\r\n\r\n") == chunked(b"data: 2\n\n")


async def test_the_server_sees_that_the_client_has_gone():
    async with ScriptedUpstream() as server, connected(server) as (reader, writer):
        server.answer(STREAM_HEAD)
        writer.write(request("/v1/chat/completions"))
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await server.connections[0].wait_closed()


async def test_the_client_sees_that_the_server_has_gone():
    async with ScriptedUpstream() as server, connected(server) as (reader, writer):
        server.answer(lambda conn, _: _close(conn))
        writer.write(request("/v1/chat/completions"))
        assert await reader.read() == b""


async def _close(conn: Conn) -> None:
    conn.close()


async def test_content_without_a_length_is_refused():
    async with ScriptedUpstream() as server, connected(server) as (reader, writer):
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 411 ")
        assert server.requests == []
