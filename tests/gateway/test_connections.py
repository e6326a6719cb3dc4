"""Connections that are odd, slow, greedy or gone."""

import asyncio
import json
import os
import signal
import socket

import pytest

from tests.gateway.conftest import ADMIN, ask
from tests.scripted import chat_answer, json_response

LARGE = {"padding": "x" * 100_000}


async def test_a_client_that_leaves_is_noticed_though_its_body_was_large(gateway, up):
    asked = asyncio.Event()

    async def script(conn, request):
        asked.set()
        await conn.hang()

    up.answer(script)
    body = json.dumps(ask(**LARGE)).encode()
    async with gateway.raw() as (_, writer):
        writer.write(gateway.head("/v1/chat/completions", f"Content-Length: {len(body)}"))
        await asyncio.sleep(0.05)  # so that the body comes in pieces of its own
        writer.write(body)
        await asked.wait()
    async with asyncio.timeout(5):
        await up.connections[-1].wait_closed()
    assert (await gateway.record()).status == "cancelled"


async def test_small_writes_do_not_wait_for_each_other(gateway):
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.head("/health", method="GET"))
        await reader.readuntil(b'"status":"ok"')
        (connection,) = gateway.server.door.connections
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


@pytest.mark.parametrize("piece", [b"x-trailer: " + b"y" * 10_000 + b"\r\n", b"y" * 10_000])
async def test_trailers_without_end_are_refused(gateway, piece):
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.head("/health", "Transfer-Encoding: chunked", method="GET") + b"0\r\nx-trailer: ")
        await reader.readuntil(b'"status":"ok"')
        connections = gateway.server.door.connections
        for _ in range(100):
            writer.write(piece)
            await asyncio.sleep(0)
        assert b"more framing than content" in await reader.read()
        assert sum(len(connection._headers) for connection in connections) < 20


async def test_small_chunks_and_a_trailer_are_read(gateway):
    body = json.dumps(ask()).encode()
    chunks = (
        b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\nX-Model: other\r\nAuthorization: Bearer x\r\n\r\n"
    )
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.head("/v1/chat/completions", "Transfer-Encoding: chunked") + chunks)
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_a_client_that_does_not_take_a_whole_answer_is_cut_off(start, up):
    up.always(json_response(chat_answer("x" * 20_000_000)))
    async with start(client_stall_timeout=0.2) as gateway, gateway.raw() as (_, writer):
        writer.transport.pause_reading()
        writer.write(gateway.post(json.dumps(ask()).encode()))
        async with asyncio.timeout(20):
            while not gateway.server.door.answered and not gateway.house.runs.active:
                await asyncio.sleep(0.01)
            while gateway.server.door.connections:
                await asyncio.sleep(0.01)
        assert gateway.house.bodies.held == 0


async def test_the_last_bytes_of_an_answer_wait_for_a_slow_client_only_so_long(start, up):
    up.always(json_response(chat_answer("x" * 200_000)))  # small enough to be handed over at once
    async with start(client_stall_timeout=0.2) as gateway, gateway.raw() as (_, writer):
        writer.transport.pause_reading()
        for _ in range(40):  # pipelined, until the kernel's buffers are full
            writer.write(gateway.post(json.dumps(ask()).encode()))
        async with asyncio.timeout(20):
            while not gateway.server.door.answered:
                await asyncio.sleep(0.01)
            while gateway.server.door.connections:
                await asyncio.sleep(0.01)


async def test_an_answer_that_is_being_taken_is_finished_at_shutdown(start, up):
    up.always(json_response(chat_answer("x" * 900_000)))
    async with start(shutdown_timeout=20) as gateway, gateway.raw() as (reader, writer):
        state = gateway.server.door
        writer.write(gateway.head("/health", method="GET"))
        await reader.readuntil(b"}")
        (connection,) = state.connections  # with small buffers in the kernel, what is not read waits in the gateway
        for end, option in ((connection.transport, socket.SO_SNDBUF), (writer, socket.SO_RCVBUF)):
            end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, option, 32_768)
        writer.write(gateway.post(json.dumps(ask()).encode()))
        head = await reader.readuntil(b"\r\n\r\n")
        left = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        os.kill(os.getpid(), signal.SIGTERM)
        while state.running:
            left -= len(await reader.read(4096))
        assert connection.unsent > 0  # all of it was handed over, and some still waits for the client
        writer.transport.pause_reading()
        await asyncio.sleep(0.5)
        writer.transport.resume_reading()
        assert len(await reader.readexactly(left)) == left


async def test_a_key_revoked_while_its_body_comes_opens_nothing(gateway, up):
    body = json.dumps(ask()).encode()
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.head("/v1/chat/completions", f"Content-Length: {len(body)}") + body[:10])
        await asyncio.sleep(0.05)
        key = gateway.house.accounts.keys_of("alice")[0]
        answer = await gateway.client.delete(f"/admin/keys/{key.id}", headers={"authorization": f"Bearer {ADMIN}"})
        assert answer.status_code == 200
        writer.write(body[10:])
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 401 ")
    assert not up.calls("POST /v1/chat/completions")
    assert await gateway.records() == []


@pytest.mark.parametrize("cut", [0, 30, 150, -5])
async def test_an_upgrade_is_declined_and_the_request_answered(gateway, cut):
    """As clients on Java send each first request."""
    body = json.dumps(ask()).encode()
    request = gateway.post(body, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    async with gateway.raw() as (reader, writer):
        writer.write(request[:cut])
        await asyncio.sleep(0.02)
        writer.write(request[cut:] + request + gateway.head("/health", "Upgrade: websocket", method="GET"))
        writer.write(gateway.head("/me", "Connection: close", method="GET"))
        answers = await reader.read()
    assert answers.count(b"HTTP/1.1 200 ") == 4
    assert answers.count(b'"chat.completion"') == 2
    assert b'"user_id":"alice"' in answers


async def test_what_follows_an_upgrade_is_its_body_and_no_request(gateway):
    inner = gateway.head("/me", method="GET")
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.post(inner, "Connection: Upgrade, close", "Upgrade: h2c"))
        writer.write(gateway.head("/health", "Connection: close", method="GET"))
        answers = await reader.read()
    assert answers.startswith(b"HTTP/1.1 400 ")
    assert b"alice" not in answers
    assert answers.count(b"HTTP/1.1 ") == 2


async def test_a_tunnel_is_refused(gateway):
    async with gateway.raw() as (reader, writer):
        writer.write(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("path", ["/me/keys", "/v1/chat/completions"])
async def test_both_planes_wait_for_a_body_only_so_long(start, path):
    async with start(body_timeout=0.1) as gateway, gateway.raw() as (reader, writer):
        writer.write(gateway.head(path, "Content-Length: 100", "Content-Type: application/json") + b'{"name"')
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 408 ")


async def test_the_rest_of_a_body_that_was_answered_is_not_waited_for(gateway, monkeypatch):
    monkeypatch.setattr("tollkeeper.gateway.protocol.LATE_BODY", 0.1)
    async with gateway.raw() as (reader, writer):
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 401 ")
        async with asyncio.timeout(5):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(100_000)


async def test_two_hosts_are_refused(gateway):
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.head("/health", "Host: evil.example", "Connection: close", method="GET"))
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")


async def test_a_record_is_of_the_moment_in_its_id(gateway):
    await asyncio.gather(*(gateway.chat() for _ in range(100)))
    for record in await gateway.records():
        assert int(record.request_id[4:16], 16) == record.created_at


async def test_a_request_whose_head_begins_behind_a_large_body_is_answered(gateway):
    """What came before it on the connection is no part of its head."""
    body = json.dumps(ask(**LARGE)).encode()
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.post(body) + b"GET /health HT")
        await reader.readuntil(b'"chat.completion"')
        writer.write(b"TP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b'"status":"ok"' in await reader.read()


async def test_a_large_head_that_begins_behind_another_request_is_refused(gateway):
    async with gateway.raw() as (reader, writer):
        large = gateway.head("/health", "X-Padding: " + "x" * 70_000, method="GET")
        writer.write(gateway.head("/health", method="GET") + large[:40_000])
        await reader.readuntil(b'"status":"ok"')
        writer.write(large[40_000:])
        assert b"HTTP/1.1 431 " in await reader.read()


async def test_nothing_is_answered_behind_a_head_that_was_refused(gateway, caplog):
    async with gateway.raw() as (reader, writer):
        connection = await _with_small_buffers(gateway, reader, writer)
        large = gateway.head("/health", "X-Padding: " + "x" * 70_000, method="GET")
        connection.data_received(large + gateway.head("/health", method="GET"))  # as one piece
        assert not gateway.server.door.running
        assert (await reader.read()).startswith(b"HTTP/1.1 431 ")
    assert not caplog.records


async def test_any_number_of_upgrades_is_declined(gateway):
    request = gateway.head("/health", "Connection: Upgrade", "Upgrade: h2c", method="GET")
    count = 1500
    async with gateway.raw() as (reader, writer):
        writer.write(request * count + gateway.head("/health", "Connection: close", method="GET"))
        assert (await reader.read()).count(b"HTTP/1.1 200 ") == count + 1


async def _with_small_buffers(gateway, reader, writer):
    """The one connection, as the gateway has it, after a request."""
    writer.write(gateway.head("/health", method="GET"))
    await reader.readuntil(b"}")
    (connection,) = gateway.server.door.connections
    for end, option in ((connection.transport, socket.SO_SNDBUF), (writer, socket.SO_RCVBUF)):
        end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, option, 32_768)
    return connection


async def test_answers_to_a_client_that_sends_and_does_not_read_do_not_gather(gateway, up):
    up.always(json_response(chat_answer("x" * 100_000)))
    count = 60
    async with gateway.raw() as (reader, writer):
        connection = await _with_small_buffers(gateway, reader, writer)
        writer.transport.pause_reading()
        writer.write(gateway.post(json.dumps(ask()).encode()) * count)
        async with asyncio.timeout(20):
            while not connection.write_paused or gateway.server.door.running:
                await asyncio.sleep(0.01)
        assert connection.unsent < 200_000
        assert gateway.server.door.answered < count
        writer.transport.resume_reading()
        for _ in range(count):  # none is lost
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.partition(b"content-length: ")[2]))


async def test_what_waits_behind_answers_that_were_not_taken_is_not_asked_once_the_connection_closes(gateway, up):
    up.always(json_response(chat_answer("x" * 100_000)))
    async with gateway.raw() as (reader, writer):
        connection = await _with_small_buffers(gateway, reader, writer)
        writer.transport.pause_reading()
        writer.write(gateway.post(json.dumps(ask()).encode()) * 60)
        async with asyncio.timeout(20):
            while not connection.write_paused or gateway.server.door.running:
                await asyncio.sleep(0.01)
        asked = len(up.calls("POST /v1/chat/completions"))
        connection.shutdown()
        writer.transport.resume_reading()
        await reader.read()
    assert len(up.calls("POST /v1/chat/completions")) == asked


async def test_a_slow_client_that_reads_one_large_answer_after_the_other_is_not_stalled(start, up):
    """More waits for it than when the first answer ended; but that is of the second."""
    up.answer(json_response(chat_answer("x" * 150_000)))
    up.answer(json_response(chat_answer("x" * 3_000_000)))
    async with start(client_stall_timeout=0.3) as gateway, gateway.raw() as (reader, writer):
        await _with_small_buffers(gateway, reader, writer)
        writer.write(gateway.post(json.dumps(ask()).encode()) * 2)
        for _ in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            left = int(head.partition(b"content-length: ")[2])
            while left:
                piece = await reader.read(min(left, 32_768))
                assert piece
                left -= len(piece)
                await asyncio.sleep(0.01)


async def test_who_waits_for_a_slow_client_after_one_that_was_cut_waits_too(gateway):
    async with gateway.raw() as (reader, writer):
        connection = await _with_small_buffers(gateway, reader, writer)
        connection.pause_writing()
        first = asyncio.create_task(connection.drained())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        second = asyncio.create_task(connection.drained())
        await asyncio.sleep(0)
        assert not second.done()
        connection.resume_writing()
        await second


async def test_a_client_of_http_1_0_is_not_told_to_continue(gateway):
    body = json.dumps(ask()).encode()
    async with gateway.raw() as (reader, writer):
        lines = f"Content-Length: {len(body)}", "Expect: 100-continue"
        writer.write(gateway.head("/v1/chat/completions", *lines).replace(b"HTTP/1.1", b"HTTP/1.0"))
        while not gateway.server.door.running:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        writer.write(body)
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(("promised", "parts"), [(5, [b"abc"]), (3, [b"ab", b"cd", b"ef"])])
async def test_an_app_that_gives_another_length_than_it_promised_spoils_no_other_answer(
    gateway, monkeypatch, promised, parts
):
    async def app(scope, receive, send):
        headers = [(b"content-length", b"%d" % promised)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    monkeypatch.setattr(gateway.server.door.entry, "_control", app)
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.head("/me", method="GET") * 2)
        answers = await reader.read()
    assert answers.partition(b"\r\n\r\n")[2] == b"".join(parts)[:promised]
