"""The client against a real socket: reuse, the one retry, refusals, the bound of the pool, the end."""

from __future__ import annotations

import asyncio
import gc
import socket

import pytest

from tests.scripted import Conn, Gate, Request, ScriptedUpstream, head, json_response
from tests.services.upstreams.http.helpers import hanging, open_client, post, sending, until
from tollkeeper.rules.errors import UpstreamFailure, UpstreamTimeout, UpstreamUnavailable
from tollkeeper.services.upstreams.http import HttpClient, Lease, Response, Timeouts

OK = json_response({"ok": True})
CONTENT = b'{"ok":true}'


async def fetch(client: HttpClient, body: bytes = b"{}") -> bytes:
    return bytes(await (await post(client, body)).read_all(10**6))


async def test_a_request_arrives_as_it_was_given(up: ScriptedUpstream, client: HttpClient) -> None:
    up.answer(OK)
    answer = await (await client.acquire()).send(b"POST", b"/v1/x?y", ((b"X-Case", b"Kept"),), b'{"a":  1}')
    assert (answer.status, answer.headers[b"content-type"]) == (200, b"application/json")
    assert await answer.read_all(100) == CONTENT
    (request,) = up.requests
    assert (request.method, request.target, request.body) == ("POST", "/v1/x?y", b'{"a":  1}')
    assert request.headers == [
        (b"host", f"127.0.0.1:{up.port}".encode()),
        (b"accept-encoding", b"identity"),
        (b"X-Case", b"Kept"),
        (b"content-length", b"9"),
    ]


async def test_a_connection_is_used_again_from_the_moment_its_answer_is_whole(
    up: ScriptedUpstream, client: HttpClient
) -> None:
    up.always(OK)
    first = await post(client)
    await until(lambda: first.complete)
    assert client.statistics().idle == 1, "its content is not read yet, but the connection is free"
    await fetch(client)
    assert await first.read() == CONTENT
    assert len(up.connections) == 1
    statistics = client.statistics()
    assert (statistics.made, statistics.reused, statistics.retried) == (1, 1, 0)


async def test_no_delay(client: HttpClient) -> None:
    lease = await client.acquire()
    assert lease._connection is not None
    assert lease._connection._transport is not None
    sock = lease._connection._transport.get_extra_info("socket")
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    lease.release()


async def test_200_at_once(up: ScriptedUpstream) -> None:
    async def echo(conn: Conn, request: Request) -> None:
        await conn.send(json_response(request.json))

    up.always(echo)
    async with open_client(up.url, max_connections=50) as client:
        for _ in range(2):
            answers = await asyncio.gather(*(fetch(client, b"%d" % n) for n in range(200)))
            assert answers == [b"%d" % n for n in range(200)]
        assert len(up.connections) == 50
        assert client.statistics().idle == 50


# ── the one retry ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("end", [Conn.close, Conn.reset])
async def test_a_kept_alive_connection_closed_at_the_moment_of_reuse(up: ScriptedUpstream, end: object) -> None:
    up.answer(OK, sending(then=end), OK)  # type: ignore[arg-type]
    async with open_client(up.url) as client:
        await fetch(client)
        assert await fetch(client, b"again") == CONTENT
        assert [request.body for request in up.requests] == [b"{}", b"again", b"again"]
        assert len(up.connections) == 2
        assert client.statistics().retried == 1


async def test_a_large_request_is_sent_again_in_full(up: ScriptedUpstream, client: HttpClient) -> None:
    up.answer(OK, sending(then=Conn.close), OK)
    await fetch(client)
    body = bytes(range(256)) * 8192
    assert await fetch(client, body) == CONTENT
    assert up.requests[1].body == body
    assert up.requests[2].body == body


async def test_it_is_sent_again_once_only(up: ScriptedUpstream, client: HttpClient) -> None:
    up.answer(OK)
    await fetch(client)
    up.always(sending(then=Conn.close))
    with pytest.raises(UpstreamUnavailable) as caught:
        await post(client)
    assert caught.value.status == 502
    assert len(up.requests) == 3


async def test_it_goes_to_a_fresh_connection_though_others_are_idle(up: ScriptedUpstream, client: HttpClient) -> None:
    up.always(OK)
    leases = [await client.acquire() for _ in range(3)]
    for lease in leases:
        await (await lease.send(b"GET", b"/", ())).read_all(100)
    assert client.statistics().idle == 3
    up.answer(sending(then=Conn.reset), OK)
    await fetch(client)
    assert len(up.connections) == 4
    assert client.statistics().idle == 3


@pytest.mark.parametrize("end", [Conn.close, Conn.reset])
async def test_never_on_a_fresh_connection(up: ScriptedUpstream, client: HttpClient, end: object) -> None:
    up.always(sending(then=end))  # type: ignore[arg-type]
    with pytest.raises(UpstreamUnavailable) as caught:
        await post(client)
    assert (caught.value.status, caught.value.code) == (502, "upstream_unavailable")
    assert len(up.requests) == 1


@pytest.mark.parametrize("end", [Conn.close, Conn.reset])
async def test_never_after_a_byte(up: ScriptedUpstream, client: HttpClient, end: object) -> None:
    up.answer(OK, sending(b"H", then=end))  # type: ignore[arg-type]
    await fetch(client)
    with pytest.raises(UpstreamUnavailable) as caught:
        await post(client)
    assert caught.value.status == 502
    assert len(up.requests) == 2


async def test_never_after_a_silence(up: ScriptedUpstream) -> None:
    up.answer(OK, hanging)
    async with open_client(up.url, timeouts=Timeouts(first_byte=0.05)) as client:
        await fetch(client)
        with pytest.raises(UpstreamTimeout):
            await post(client)
        assert len(up.requests) == 2


async def test_when_the_fresh_connection_is_refused(up: ScriptedUpstream, client: HttpClient) -> None:
    up.answer(OK)
    await fetch(client)
    await up.stop_listening()
    up.always(sending(then=Conn.close))
    with pytest.raises(UpstreamUnavailable) as caught:
        await post(client)
    assert caught.value.status == 503


# ── idle connections ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_idle_connection_that_the_upstream_closes_is_dropped_at_once(
    up: ScriptedUpstream, client: HttpClient
) -> None:
    up.always(OK)
    await fetch(client)
    up.connections[0].close()
    await until(lambda: client.statistics().idle == 0)
    await fetch(client)
    assert client.statistics().retried == 0
    assert len(up.connections) == 2


@pytest.mark.parametrize("unasked", [json_response({"not": "yours"}), b"\r\n", head(408, "Connection: close")])
async def test_bytes_nobody_asked_for_end_an_idle_connection(
    up: ScriptedUpstream, client: HttpClient, unasked: bytes
) -> None:
    up.always(OK)
    await fetch(client)
    await up.connections[0].send(unasked)
    await up.connections[0].wait_closed()
    assert client.statistics().idle == 0
    assert await fetch(client) == CONTENT


async def test_bytes_nobody_asked_for_before_the_request_is_sent(up: ScriptedUpstream, client: HttpClient) -> None:
    up.always(OK)
    await fetch(client)
    lease = await client.acquire()
    await up.connections[0].send(json_response({"not": "yours"}))
    await up.connections[0].wait_closed()
    answer = await lease.send(b"POST", b"/", (), b"mine")
    assert await answer.read_all(100) == CONTENT
    assert [request.body for request in up.requests] == [b"{}", b"mine"]


async def test_a_second_answer_behind_the_first_is_never_given_to_another(
    up: ScriptedUpstream, client: HttpClient
) -> None:
    up.answer(OK + json_response({"not": "yours"}), OK)
    assert await fetch(client) == CONTENT
    await up.connections[0].wait_closed()
    assert await fetch(client) == CONTENT
    assert len(up.connections) == 2


async def test_connections_idle_for_long_are_closed(up: ScriptedUpstream) -> None:
    up.always(OK)
    async with open_client(up.url, idle_seconds=0.02) as client:
        await asyncio.gather(fetch(client), fetch(client))
        for conn in up.connections:
            await conn.wait_closed()
        await until(lambda: client.statistics().open == 0)
        assert client.statistics().idle == 0
        await fetch(client)
        await up.connections[-1].wait_closed()


async def test_answers_that_close_are_not_kept(up: ScriptedUpstream, client: HttpClient) -> None:
    up.answer(json_response({"ok": True}, 200, "Connection: close"))
    assert await fetch(client) == CONTENT
    await up.connections[0].wait_closed()
    assert client.statistics().idle == 0


# ── leases and the bound ────────────────────────────────────────────────────────────────────────────────────────────


async def test_requests_wait_in_line_for_a_place(up: ScriptedUpstream) -> None:
    async def echo(conn: Conn, request: Request) -> None:
        await conn.send(json_response(request.json))

    gate = Gate([OK])
    up.answer(gate)
    up.always(echo)
    async with open_client(up.url, max_connections=1) as client:
        first = asyncio.ensure_future(fetch(client))
        await until(lambda: len(up.requests) == 1)
        others = []
        for n in range(5):
            others.append(asyncio.ensure_future(fetch(client, b"%d" % n)))
            await until(lambda n=n: client.statistics().waiting == n + 1)  # type: ignore[misc]
        gate.open()
        assert await first == CONTENT
        assert await asyncio.gather(*others) == [b"0", b"1", b"2", b"3", b"4"]
        assert [request.body for request in up.requests[1:]] == [b"0", b"1", b"2", b"3", b"4"]
        assert len(up.connections) == 1


async def test_a_failure_makes_room_for_the_next_in_line(up: ScriptedUpstream) -> None:
    gate = Gate([b"garbage\r\n\r\n"])
    up.answer(gate)
    up.always(OK)
    async with open_client(up.url, max_connections=1) as client:
        first = asyncio.ensure_future(fetch(client))
        await until(lambda: len(up.requests) == 1)
        second = asyncio.ensure_future(fetch(client))
        await until(lambda: client.statistics().waiting == 1)
        gate.open()
        with pytest.raises(UpstreamUnavailable, match="not proper HTTP"):
            await first
        assert await second == CONTENT


async def test_a_connection_that_ends_while_it_is_handed_over(up: ScriptedUpstream) -> None:
    up.always(OK)
    async with open_client(up.url, max_connections=1) as client:
        lease = await client.acquire()
        waiting = asyncio.ensure_future(client.acquire())
        await until(lambda: client.statistics().waiting == 1)
        connection = lease._connection
        assert connection is not None
        lease.release()
        connection.abort()
        await (await (await waiting).send(b"GET", b"/", ())).read_all(100)
        assert client.statistics().made == 2


async def test_a_lease_given_up(up: ScriptedUpstream, client: HttpClient) -> None:
    up.always(OK)
    lease = await client.acquire()
    lease.release()
    lease.release()
    assert (client.statistics().in_use, client.statistics().idle) == (0, 1)
    with pytest.raises(RuntimeError, match="one request"):
        await lease.send(b"GET", b"/", ())
    assert up.requests == []
    sent = await client.acquire()
    answer = await sent.send(b"GET", b"/", ())
    sent.release()
    assert await answer.read_all(100) == CONTENT


async def test_a_bad_header_gives_the_connection_back(up: ScriptedUpstream, client: HttpClient) -> None:
    lease = await client.acquire()
    with pytest.raises(ValueError, match="line break"):
        await lease.send(b"GET", b"/", ((b"a", b"b\r\nc: d"),))
    assert client.statistics().idle == 1


# ── no connection ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_refused(up: ScriptedUpstream) -> None:
    await up.stop_listening()
    async with open_client(up.url.replace("//", "//user:secret@")) as client:
        with pytest.raises(UpstreamUnavailable) as caught:
            await client.acquire()
        assert (caught.value.status, caught.value.code) == (503, "upstream_unavailable")
        assert "secret" not in caught.value.message + repr(client)


async def test_no_connection_in_time(up: ScriptedUpstream) -> None:
    # The port answers, but never a word of TLS.
    async with open_client(f"https://127.0.0.1:{up.port}", timeouts=Timeouts(connect=0.05)) as client:
        with pytest.raises(UpstreamTimeout) as caught:
            await client.acquire()
        assert caught.value.status == 504
    await up.connections[0].wait_closed()


# ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_close_ends_everything(up: ScriptedUpstream) -> None:
    up.answer(OK, sending(head(200, "Content-Length: 9")))
    client = HttpClient(up.url, max_connections=2)
    lease = await client.acquire()
    await fetch(client)
    running = await (await client.acquire()).send(b"GET", b"/", ())
    waiting = asyncio.ensure_future(client.acquire())
    await until(lambda: client.statistics().waiting == 1)
    await client.close()
    with pytest.raises(UpstreamUnavailable, match="stopping") as caught:
        await waiting
    assert caught.value.status == 503
    with pytest.raises(UpstreamFailure):
        await running.read()
    lease.release()
    assert client.statistics().open == client.statistics().in_use == 0
    for conn in up.connections:
        await conn.wait_closed()
    with pytest.raises(UpstreamUnavailable, match="stopping"):
        await client.acquire()
    await client.close()


async def test_close_sends_away_those_in_line_though_no_place_comes_free(up: ScriptedUpstream) -> None:
    client = HttpClient(up.url, max_connections=1)
    lease = await client.acquire()
    waiting = asyncio.ensure_future(client.acquire())
    await until(lambda: client.statistics().waiting == 1)
    await client.close()
    with pytest.raises(UpstreamUnavailable, match="stopping"):
        await waiting
    lease.release()


async def test_answers_leave_no_cycles_behind(up: ScriptedUpstream, client: HttpClient) -> None:
    up.always(OK)
    await fetch(client)
    gc.collect()
    gc.disable()
    try:
        for _ in range(50):
            await fetch(client)
        await (await post(client)).read()
        left = [thing for thing in gc.get_objects() if isinstance(thing, Response | Lease)]
    finally:
        gc.enable()
    assert len(left) <= 1, "the memory of a request is free when it ends, without the collector"
