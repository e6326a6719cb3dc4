"""The server's side of HTTP/1.1 by itself, with answers of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from tollkeeper.gateway.http.connection import Connection
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.gateway.http.request_body import ClientGone
from tollkeeper.gateway.http.server_state import ServerState
from tollkeeper.rules.errors import GatewayError
from tollkeeper.rules.ids import request_id
from tollkeeper.wire.openai.dialect import OPENAI

Answer = Callable[[Exchange], Awaitable[None]]


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)


class Served:
    """A server whose requests `answer` answers; `now` is its clock, `exchanges` what came in."""

    def __init__(self, answer: Answer, **settings: Any) -> None:
        self.now = 784_111_777_000
        self.exchanges: list[Exchange] = []
        self._answer = answer
        given: dict[str, Any] = dict.fromkeys(
            ("head_timeout", "body_timeout", "keep_alive_timeout", "stall_timeout"), 30
        )
        given |= {
            "dialect": OPENAI,
            "per_address": 0,
            "now": lambda: self.now,
            "new_request_id": lambda ms: request_id(ms, bytes(8)),
        }
        self.state = ServerState(**given | settings)
        self._port = 0

    @property
    def connection(self) -> Connection:
        """The only one."""
        (connection,) = self.state.connections
        assert isinstance(connection, Connection)
        return connection

    async def _enter(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        try:
            await self._answer(exchange)
        except GatewayError as error:
            await exchange.fail(error)
        except (ClientGone, ConnectionAbortedError):
            pass
        finally:
            exchange.close()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Served]:
        """Once all clients have left nothing may be counted any more."""
        server = await asyncio.get_running_loop().create_server(
            partial(Connection, self.state, self._enter), "127.0.0.1", 0
        )
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
            await until(lambda: not (self.state.connections or self.state.running))
            assert not self.state.addresses
        finally:
            server.close()

    @asynccontextmanager
    async def client(self, *sent: bytes) -> AsyncIterator[Streams]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(b"".join(sent))
        try:
            async with asyncio.timeout(60):
                yield reader, writer
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def told(self, *sent: bytes) -> bytes:
        """All that comes back up to the end of the connection."""
        async with self.client(*sent) as (reader, _):
            return await reader.read()


def get(path: str = "/", *lines: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: x", *lines, "", ""]).encode()


LAST = get("/last", "Connection: close")
HEAD, LAST_HEAD = get(method="HEAD"), get("/last", "Connection: close", method="HEAD")


async def echo(exchange: Exchange) -> None:
    """Its path and its body."""
    body = b""
    while part := await exchange.body.read():
        body += part
    await exchange.respond(200, [], exchange.path.encode() + b" " + body)


def contents(answers: bytes) -> list[bytes]:
    """The contents of answers that tell their length."""
    found = []
    while answers:
        head, _, rest = answers.partition(b"\r\n\r\n")
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        found.append(rest[:length])
        answers = rest[length:]
    return found
