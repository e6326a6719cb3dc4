"""What clients connect to, in front of llama.cpp's server: a proxy that rewrites requests which force a call.

It is for the gateway, which sends one request after another on a connection, each with its length. Responses pass as
they are.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from tollkeeper.cli.demo.engine.forced_calls import force_calls

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import AsyncIterator, Coroutine

HEAD_BYTES = 1 << 20
PIECE = 1 << 16
CHAT = re.compile(rb"POST (/v1)?/chat/completions[ ?]")
LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d+)[ \t]*\r$")
NO_LENGTH = b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def front_of(port: int) -> AsyncIterator[str]:
    """Listen in front of the server on this port of 127.0.0.1. Yields the address: `http://127.0.0.1:port`."""

    connections: set[asyncio.Task[None]] = set()

    def connected(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.create_task(_join(reader, writer, port))
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=HEAD_BYTES)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _join(reader: StreamReader, writer: StreamWriter, port: int) -> None:
    """Both directions, until one side closes; then the other is closed too."""
    writers = [writer]
    try:
        with suppress(ConnectionError):
            from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
            writers.append(to_server)
            await _until_one_ends(_requests(reader, to_server, writer), _responses(from_server, writer))
    finally:
        for each in writers:
            each.close()
        for each in writers:
            with suppress(ConnectionError):
                await each.wait_closed()


async def _until_one_ends(*directions: Coroutine[Any, Any, None]) -> None:
    tasks = [asyncio.create_task(direction) for direction in directions]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _requests(reader: StreamReader, to_server: StreamWriter, to_client: StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"\ntransfer-encoding:" in head.lower():
                to_client.write(NO_LENGTH)
                await to_client.drain()
                return
            length = LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else b""
            if length and CHAT.match(head):
                body = force_calls(body)
                head = head[: length.start(1)] + str(len(body)).encode() + head[length.end(1) :]
            to_server.write(head + body)
            await to_server.drain()


async def _responses(from_server: StreamReader, writer: StreamWriter) -> None:
    while data := await from_server.read(PIECE):
        writer.write(data)
        await writer.drain()
