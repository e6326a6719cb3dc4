"""An exchange, by what a client receives, and the turns of those on one connection."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import partial

import pytest

from tests.gateway.http.served import DATE, HEAD, LAST, LAST_HEAD, Served, contents, echo, get, until
from tollkeeper.gateway.http import timers
from tollkeeper.gateway.http.connection import Connection
from tollkeeper.gateway.http.event_stream import EventStream
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.gateway.http.turns import ByteTurns


async def streams(exchange: Exchange) -> None:
    stream = EventStream(exchange, [])
    stream.send(b"data: 1\n\n")
    stream.send(b"data: 2\n\n")
    exchange.end()


async def test_a_stream_is_in_chunks_and_its_connection_lives_on():
    async with Served(streams).open() as served:
        told = await served.told(get(), LAST)
    assert told.count(b"transfer-encoding: chunked\r\n") == 2
    assert told.count(b"\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n") == 2


async def test_a_connection_keeps_the_digest_of_its_last_key():
    made: list[str] = []

    def digest(key: str) -> bytes:
        made.append(key)
        return f"<{key}>".encode()

    async def keyed(exchange: Exchange) -> None:
        await exchange.respond(200, [], exchange.digest_of(exchange.headers[b"x-api-key"].decode(), digest))

    served = Served(keyed)
    async with served.open():
        last = get("/", "X-Api-Key: a", "Connection: close")
        told = await served.told(*(get("/", f"X-Api-Key: {key}") for key in "aab"), last)
        assert contents(told) == [b"<a>", b"<a>", b"<b>", b"<a>"]
        assert made == ["a", "b", "a"]
        await served.told(last)
        assert made == ["a", "b", "a", "a"], "another connection shares none"
        made.clear()
        long = "a" * 257
        await served.told(
            *(get("/", f"X-Api-Key: {key}") for key in ("b", long, long)), get("/", "X-Api-Key: b", "Connection: close")
        )
    assert made == ["b", long, long], "a long one is not kept, nor in the place of the last"


async def test_a_key_is_known_where_the_very_header_that_alone_carried_it_comes_again():
    async def keyed(exchange: Exchange) -> None:
        if exchange.path == "/in-path":
            exchange.secret_in_path = "a"
        known = exchange.repeated_key()
        exchange.digest_of("a" if known is None else known.key, lambda key: key.encode())
        await exchange.respond(200, [], b"read" if known is None else known.digest)

    bearer, basic = "Authorization: Bearer a", "Authorization: Basic a"
    asked = {
        "the same": ((bearer,), (bearer,), b"a"),
        "another scheme": ((bearer,), (basic,), b"read"),
        "another one": ((bearer,), ("Authorization: Bearer b",), b"read"),
        "spaces": ((bearer,), ("Authorization: Bearer  a",), b"read"),
        "none": ((bearer,), (), b"read"),
        "a second": ((bearer,), (bearer, "X-Api-Key: b"), b"read"),
        "a third": ((bearer,), (bearer, "Api-Key: b"), b"read"),
        "twice": ((bearer,), (bearer, bearer), b"read"),
        "it was beside another": ((basic, "X-Api-Key: a"), (basic,), b"read"),
        "it was twice": ((basic, bearer), (bearer,), b"read"),
        "it was elsewhere": (("X-Api-Key: a",), ("X-Api-Key: a",), b"read"),
        "it is long": (("Authorization: Bearer" + 256 * " " + "a",),) * 2 + (b"read",),
    }
    async with Served(keyed).open() as served:
        for case, (before, now, body) in asked.items():
            told = await served.told(get("/", *before), get("/", *now, "Connection: close"))
            assert contents(told) == [b"read", body], case
        told = await served.told(get("/in-path", basic), get("/", basic), get("/in-path", basic, "Connection: close"))
        assert contents(told) == [b"read"] * 3, "one with a key in its path"


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
    return connection._parser._body_bytes > before and exchange is not None and exchange.body._waiter is not None


async def test_who_waits_with_the_body_is_told_once_to_go_on():
    asks = get("/a", "Expect: 100-continue", "Content-Length: 4", method="POST")
    async with Served(echo).open() as served, served.client(asks) as (reader, writer):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection = served.connection
        for piece in (b"b", b"o", b"d"):
            before = connection._parser._body_bytes
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
            await until(lambda: served.exchanges[0].body._waiter is not None)
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
        connection = served.connection
        await until(lambda: connection._next is not None)
        assert begun == ["/a"]
        gate.set()
        told = await reader.read()
    assert contents(told) == [b"/a ", b"/b ", b"/c ", b"/d " + b"x" * 200_000, b"/last "]
    assert begun == ["/a", "/b", "/c", "/d", "/last"]


async def test_of_many_large_heads_some_are_parsed_in_a_turn_of_the_loop_and_small_ones_do_not_wait():
    async with Served(echo).open() as served, AsyncExitStack() as clients:
        served.state.parsing = ByteTurns(100_000)
        readers = [(await clients.enter_async_context(served.client()))[0] for _ in range(9)]
        await until(lambda: len(served.state.connections) == 9)
        connections = [connection for connection in served.state.connections if isinstance(connection, Connection)]
        last = connections.pop()
        for number, connection in enumerate(connections):
            connection.data_received(get(f"/{number}", "X: " + "x" * 60_000, "Connection: close"))
        last.data_received(get("/small", "Connection: close"))
        begun = list[int]()
        while sum(begun) < 9:
            before = len(served.exchanges)
            await asyncio.sleep(0)
            begun.append(len(served.exchanges) - before)
        assert begun[0] == 3
        assert max(begun[1:]) == 2
        assert [exchange.path for exchange in served.exchanges] == [
            "/0",
            "/1",
            "/small",
            *(f"/{n}" for n in range(2, 8)),
        ]
        assert all([contents(await reader.read()) for reader in readers])


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
        connection = served.connection
        assert timers.IDLE in connection._timers.armed
        writer.write(get("/slow"))
        await until(lambda: timers.IDLE not in connection._timers.armed)  # its time has come
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
        connection = served.connection
        writer.write(get("/b")[:-2])
        await until(lambda: timers.HEAD in connection._timers.armed)
        await until(lambda: timers.HEAD not in connection._timers.armed)
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
            assert dict(served.state.addresses) == {"127.0.0.1": 2}
            assert b"Too many connections" in await served.told()
            await until(lambda: served.state.addresses["127.0.0.1"] == 2)
            assert len(served.state.connections) == 2
        await until(lambda: not served.state.connections)
        assert contents(await served.told(LAST)) == [b"/last "]


async def test_what_is_pushed_to_a_client_that_left_is_dropped():
    pushed = []

    async def goes_on(exchange: Exchange) -> None:
        stream = EventStream(exchange, [])
        stream.send(b"data: 1\n\n")
        await exchange.wait_disconnected()
        exchange._channel.write = None  # type: ignore[assignment] # whatever is written now is an error
        pushed.append(exchange.push(b"data: 2\n\n"))
        pushed.append(stream.send(b"data: 3\n\n"))
        await exchange.content(b"4")
        exchange.end()

    async with Served(goes_on).open() as served:
        async with served.client(get()) as (reader, _):
            await reader.readuntil(b"data: 1\n\n")
        await until(lambda: served.exchanges[0].complete)
    assert pushed == [True, True]
    assert served.state.responses_sent == 0


# Apps
