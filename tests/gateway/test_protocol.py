"""The server's side of HTTP/1.1 by itself, with answers of the test's own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import pytest

from tollkeeper.gateway.asgi import App, serve_asgi
from tollkeeper.gateway.exchange import ClientGone, Exchange
from tollkeeper.gateway.protocol import Connection, Door
from tollkeeper.rules.errors import GatewayError
from tollkeeper.rules.ids import request_id

Answer = Callable[[Exchange], Awaitable[None]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
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
        given |= {"per_address": 0, "now": lambda: self.now, "mint": lambda ms: request_id(ms, bytes(8))}
        self.door = Door(self._enter, **given | settings)
        self._port = 0

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
        server = await asyncio.get_running_loop().create_server(partial(Connection, self.door), "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
            await until(lambda: not (self.door.connections or self.door.running))
            assert not self.door.addresses
        finally:
            server.close()

    @asynccontextmanager
    async def client(self, *sent: bytes) -> AsyncIterator[Streams]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(b"".join(sent))
        try:
            async with asyncio.timeout(10):
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
    while part := await exchange.read():
        body += part
    await exchange.answer(200, [], exchange.path.encode() + b" " + body)


async def streams(exchange: Exchange) -> None:
    exchange.stream(b"data: 1\n\n", [])
    exchange.stream(b"data: 2\n\n", [])
    exchange.end()


def contents(answers: bytes) -> list[bytes]:
    """The contents of answers that tell their length."""
    found = []
    while answers:
        head, _, rest = answers.partition(b"\r\n\r\n")
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        found.append(rest[:length])
        answers = rest[length:]
    return found


async def test_a_stream_is_in_chunks_and_its_connection_lives_on():
    async with Served(streams).open() as served:
        told = await served.told(get(), LAST)
    assert told.count(b"transfer-encoding: chunked\r\n") == 2
    assert told.count(b"\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n") == 2


@pytest.mark.parametrize("lines", [[], ["Connection: keep-alive"]])
async def test_a_stream_for_http_1_0_ends_with_its_connection(lines):
    async with Served(streams).open() as served:
        head, _, content = (await served.told(get("/", *lines, version="1.0"))).partition(b"\r\n\r\n")
    assert content == b"data: 1\n\ndata: 2\n\n"
    assert b"transfer-encoding" not in head
    assert b"\r\nconnection: close" in head


async def test_a_whole_answer_for_http_1_0_has_its_length_and_closes():
    async with Served(echo).open() as served:
        told = await served.told(get(version="1.0"), get("/second", version="1.0"))
    assert contents(told) == [b"/ "]


@pytest.mark.parametrize("answer", [echo, streams])
async def test_the_answer_to_head_has_no_content(answer):
    async with Served(answer).open() as served:
        told = await served.told(HEAD, LAST_HEAD)
    head, _, rest = told.partition(b"\r\n\r\n")
    assert (b"content-length: 2" in head) == (answer is echo)
    assert rest.startswith(b"HTTP/1.1 200 OK\r\n")
    assert rest.endswith(b"\r\n\r\n")
    assert b"data:" not in rest
    assert b"chunked" not in head + rest


def read_on(connection: Connection, before: int) -> bool:
    """Whether more of the body came, and its reader waits for the rest."""
    exchange = connection.current
    return connection._body_bytes > before and exchange is not None and exchange._waiter is not None


async def test_who_waits_with_the_body_is_told_once_to_go_on():
    asks = get("/a", "Expect: 100-continue", "Content-Length: 4", method="POST")
    async with Served(echo).open() as served, served.client(asks) as (reader, writer):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        (connection,) = served.door.connections
        for piece in (b"b", b"o", b"d"):
            before = connection._body_bytes
            writer.write(piece)
            await until(partial(read_on, connection, before))
        writer.write(b"y" + LAST)
        told = await reader.read()
    assert contents(told) == [b"/a body", b"/last "]


@pytest.mark.parametrize(
    ("version", "sent"), [("1.0", b""), ("1.1", b"body")], ids=["HTTP/1.0 knows no such answer", "the body is there"]
)
async def test_nobody_else_is(version, sent):
    asks = get("/a", "Expect: 100-continue", "Content-Length: 4", "Connection: close", method="POST", version=version)
    async with Served(echo).open() as served, served.client(asks, sent) as (reader, writer):
        await until(lambda: served.exchanges)
        if not sent:
            await until(lambda: served.exchanges[0]._waiter is not None)
            writer.write(b"body")
        assert contents(await reader.read()) == [b"/a body"]


async def test_pipelined_requests_are_answered_one_by_one_in_their_order():
    gate, begun = asyncio.Event(), []

    async def gated(exchange: Exchange) -> None:
        begun.append(exchange.path)
        await gate.wait()
        await echo(exchange)

    large = get("/d", "Content-Length: 200000", method="POST") + b"x" * 200_000
    sent = (get("/a"), get("/b"), get("/c"), large, LAST)
    async with Served(gated).open() as served, served.client(*sent) as (reader, _):
        await until(lambda: served.exchanges)
        (connection,) = served.door.connections
        await until(lambda: len(connection._waiting) > 1)
        assert begun == ["/a"]
        gate.set()
        told = await reader.read()
    assert contents(told) == [b"/a ", b"/b ", b"/c ", b"/d " + b"x" * 200_000, b"/last "]
    assert begun == ["/a", "/b", "/c", "/d", "/last"]


async def test_what_follows_a_close_is_not_answered():
    async with Served(echo).open() as served:
        assert contents(await served.told(LAST, get("/more"))) == [b"/last "]
    assert len(served.exchanges) == 1


async def test_an_idle_connection_is_closed_after_its_time():
    async with Served(echo, keep_alive_timeout=0.02).open() as served:
        assert contents(await served.told(get("/a"), get("/b"))) == [b"/a ", b"/b "]


async def test_a_connection_is_not_idle_while_a_request_runs():
    gate = asyncio.Event()

    async def gated(exchange: Exchange) -> None:
        if exchange.path == "/slow":
            await gate.wait()
        await echo(exchange)

    async with Served(gated, keep_alive_timeout=0.05).open() as served, served.client(get("/a")) as (reader, writer):
        await reader.readuntil(b"/a ")
        (connection,) = served.door.connections
        assert connection._idle_timer is not None
        writer.write(get("/slow"))
        await until(lambda: connection._idle_timer is None)  # its time has come
        assert not connection.transport.is_closing()
        gate.set()
        assert contents(await reader.read()) == [b"/slow "]


async def test_the_head_of_a_next_request_has_time_until_its_turn():
    """The deadline of a head that is pipelined must not end the answer before it."""
    gate = asyncio.Event()

    async def gated(exchange: Exchange) -> None:
        await gate.wait()
        await echo(exchange)

    async with Served(gated, head_timeout=0.05).open() as served, served.client(get("/a")) as (reader, writer):
        await until(lambda: served.exchanges)
        (connection,) = served.door.connections
        writer.write(get("/b")[:-2])
        await until(lambda: connection._head_timer is not None)
        await until(lambda: connection._head_timer is None)
        gate.set()
        told = await reader.read()
    assert contents(told)[0] == b"/a "
    assert told.count(b"HTTP/1.1 408 ") == 1


async def test_each_answer_tells_the_second_it_was_made_in():
    async with Served(echo).open() as served, served.client() as (reader, writer):
        for ahead, date in ((0, DATE), (999, DATE), (1000, DATE.replace(b":37", b":38")), (0, DATE)):
            served.now = 784_111_777_000 + ahead
            writer.write(get())
            assert b"\r\ndate: " + date + b"\r\n" in await reader.readuntil(b"\r\n\r\n/ ")


async def test_connections_are_counted_by_address_and_forgotten():
    async with Served(echo, per_address=2).open() as served:
        async with served.client(get()) as (one, _), served.client(get()) as (two, _):
            await one.readuntil(b"/ ")
            await two.readuntil(b"/ ")
            assert dict(served.door.addresses) == {"127.0.0.1": 2}
            assert b"Too many connections" in await served.told()
            await until(lambda: served.door.addresses["127.0.0.1"] == 2)
            assert len(served.door.connections) == 2
        await until(lambda: not served.door.connections)
        assert contents(await served.told(LAST)) == [b"/last "]


async def test_what_is_pushed_to_a_client_that_left_is_dropped():
    pushed = []

    async def goes_on(exchange: Exchange) -> None:
        exchange.stream(b"data: 1\n\n", [])
        await exchange.left()
        exchange._connection.transport = None  # type: ignore[assignment] # whatever is written now is an error
        pushed.append(exchange.push(b"data: 2\n\n"))
        pushed.append(exchange.stream(b"data: 3\n\n", []))
        await exchange.content(b"4")
        exchange.end()

    async with Served(goes_on).open() as served:
        async with served.client(get()) as (reader, _):
            await reader.readuntil(b"data: 1\n\n")
        await until(lambda: served.exchanges[0].complete)
    assert pushed == [True, True]
    assert served.door.answered == 0


# Apps


def app_of(*messages: dict[str, Any]) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


def starts(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": 200, "headers": list(headers)}


def body(content: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": more}


def asgi(app: App) -> Answer:
    return lambda exchange: serve_asgi(app, exchange, exchange.peer)


async def test_an_app_answers_by_its_length_or_in_chunks():
    told = app_of(starts((b"Content-Length", b"4"), (b"x-a", b"b\tc")), body(b"ab", more=True), body(b"cd"))
    async with Served(asgi(told)).open() as served:
        answers = await served.told(get(), LAST)
    assert contents(answers) == [b"abcd", b"abcd"]
    assert b"\r\nx-a: b\tc\r\n" in answers
    async with Served(asgi(app_of(starts(), body(b"ab", more=True), body(b"cd")))).open() as served:
        answers = await served.told(get(), LAST)
    assert answers.count(b"\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n") == 2


@pytest.mark.parametrize("content", [b"", b"abc", b"abcde"])
async def test_an_answer_that_is_not_of_its_length_ends_its_connection(content, caplog):
    caplog.set_level(logging.ERROR)
    app = app_of(starts((b"content-length", b"4")), body(content))
    async with Served(asgi(app)).open() as served:
        told = await served.told(get("/wrong"), get("/second"))
    assert told.count(b"HTTP/1.1 ") == 1
    assert told.endswith(b"\r\n\r\n" + content[:4])
    assert "GET /wrong was not of the length" in caplog.text


async def test_the_answer_of_an_app_to_head_is_of_its_length():
    app = app_of(starts((b"content-length", b"4")), body(b""))
    async with Served(asgi(app)).open() as served:
        told = await served.told(HEAD, LAST_HEAD)
    assert told.count(b"HTTP/1.1 200 OK\r\n") == told.count(b"content-length: 4\r\n") == 2


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb", b"a\0b", b"a\x7fb"])
async def test_no_value_of_a_header_writes_another(value):
    refused = []

    async def answer(exchange: Exchange) -> None:
        try:
            await serve_asgi(app_of(starts((b"x-a", value)), body(b"")), exchange, exchange.peer)
        except ValueError as error:
            refused.append(str(error))
            await exchange.answer(500, [], b"")

    async with Served(answer).open() as served:
        told = await served.told(LAST)
    assert refused == ["a control character in the header b'x-a'"]
    assert told.startswith(b"HTTP/1.1 500 ")
    assert told.count(b"HTTP/1.1 ") == 1


async def test_an_app_reads_the_body_and_hears_that_the_client_left():
    heard = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        heard.extend([await receive(), await receive()])

    async with Served(asgi(app)).open() as served:
        async with served.client(get("/", "Content-Length: 2", method="POST"), b"hi"):
            await until(lambda: heard or (served.exchanges and served.exchanges[0]._waiter is not None))
        await until(lambda: heard)
    assert heard == [{"type": "http.request", "body": b"hi", "more_body": False}, {"type": "http.disconnect"}]
