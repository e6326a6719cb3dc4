"""Connections that are odd, slow, greedy or gone."""

import asyncio
import json
import socket

import pytest

from tests.gateway.conftest import ADMIN, ask
from tests.scripted import Gate, chat_answer, json_response
from tollkeeper.gateway.http.peer import address_of

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
    async with asyncio.timeout(60):
        await up.connections[-1].wait_closed()
    assert (await gateway.record()).status == "cancelled"


async def test_small_writes_do_not_wait_for_each_other(gateway):
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.head("/health", method="GET"))
        await reader.readuntil(b'"status":"ok"')
        (connection,) = gateway.server.state.connections
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


@pytest.mark.parametrize("piece", [b"x-trailer: " + b"y" * 10_000 + b"\r\n", b"y" * 10_000])
async def test_trailers_without_end_are_refused(gateway, piece):
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.head("/health", "Transfer-Encoding: chunked", method="GET") + b"0\r\nx-trailer: ")
        await reader.readuntil(b'"status":"ok"')
        connections = gateway.server.state.connections
        for _ in range(100):
            writer.write(piece)
            await asyncio.sleep(0)
        assert b"HTTP/1.1" not in await reader.read()  # it was answered already
        assert sum(len(connection._parser._headers) for connection in connections) < 20


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
        async with asyncio.timeout(60):
            while not gateway.server.state.responses_sent and not gateway.context.requests.active:
                await asyncio.sleep(0.01)
            while gateway.server.state.connections:
                await asyncio.sleep(0.01)
        assert gateway.context.request_memory.held == 0


async def test_the_last_bytes_of_an_answer_wait_for_a_slow_client_only_so_long(start, up):
    up.always(json_response(chat_answer("x" * 200_000)))  # small enough to be handed over at once
    async with start(client_stall_timeout=0.2) as gateway, gateway.raw() as (_, writer):
        writer.transport.pause_reading()
        for _ in range(40):  # pipelined, until the kernel's buffers are full
            writer.write(gateway.post(json.dumps(ask()).encode()))
        async with asyncio.timeout(60):
            while not gateway.server.state.responses_sent:
                await asyncio.sleep(0.01)
            while gateway.server.state.connections:
                await asyncio.sleep(0.01)


async def test_an_answer_that_is_being_taken_is_finished_at_shutdown(start, up):
    up.always(json_response(chat_answer("x" * 900_000)))
    async with start(shutdown_timeout=20) as gateway, gateway.raw() as (reader, writer):
        state = gateway.server.state
        writer.write(gateway.head("/health", method="GET"))
        await reader.readuntil(b"}")
        (connection,) = state.connections  # with small buffers in the kernel, what is not read waits in the gateway
        for end, option in ((connection.transport, socket.SO_SNDBUF), (writer, socket.SO_RCVBUF)):
            end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, option, 32_768)
        writer.write(gateway.post(json.dumps(ask()).encode()))
        head = await reader.readuntil(b"\r\n\r\n")
        left = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        gateway.server.stop()
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
        key = gateway.context.accounts.keys_of("alice")[0]
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
        writer.write(gateway.post(inner, "Connection: Upgrade", "Upgrade: h2c"))
        writer.write(gateway.head("/health", "Connection: close", method="GET"))
        answers = await reader.read()
    assert answers.startswith(b"HTTP/1.1 400 ")
    assert b"alice" not in answers
    assert answers.count(b"\r\nx-request-id: ") == 2


async def test_a_connection_that_shall_close_closes_whatever_else_it_asks_for(gateway):
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.head("/health", "Connection: Upgrade, close", "Upgrade: h2c", method="GET"))
        assert b"\r\nconnection: close\r\n" in await reader.read()


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
    monkeypatch.setattr("tollkeeper.gateway.http.timers.LATE_BODY_SECONDS", 0.1)
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
        assert not gateway.server.state.running
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
    (connection,) = gateway.server.state.connections
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
        async with asyncio.timeout(60):
            while not connection.flow.write_paused or gateway.server.state.running:
                await asyncio.sleep(0.01)
        assert connection.unsent < 200_000
        assert gateway.server.state.responses_sent < count
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
        async with asyncio.timeout(60):
            while not connection.flow.write_paused or gateway.server.state.running:
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
        first = asyncio.create_task(connection.flow.drained())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        second = asyncio.create_task(connection.flow.drained())
        await asyncio.sleep(0)
        assert not second.done()
        connection.resume_writing()
        await second


async def test_a_client_of_http_1_0_is_not_told_to_continue(gateway):
    body = json.dumps(ask()).encode()
    async with gateway.raw() as (reader, writer):
        lines = f"Content-Length: {len(body)}", "Expect: 100-continue"
        writer.write(gateway.head("/v1/chat/completions", *lines).replace(b"HTTP/1.1", b"HTTP/1.0"))
        while not gateway.server.state.running:
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

    monkeypatch.setattr(gateway.server.handler, "_control", app)
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.head("/me", method="GET") * 2)
        answers = await reader.read()
    assert answers.partition(b"\r\n\r\n")[2] == b"".join(parts)[:promised]


async def test_a_client_that_leaves_is_noticed_though_what_it_sent_is_not_read(gateway, up, monkeypatch):
    monkeypatch.setattr("tollkeeper.gateway.http.timers.PROBE_SECONDS", 0.01)
    asked = asyncio.Event()

    async def script(conn, request):
        asked.set()
        await conn.hang()

    up.answer(script)
    async with gateway.raw() as (_, writer):
        writer.write(gateway.post(json.dumps(ask()).encode()))
        await asked.wait()
        writer.write(gateway.head("/health", method="GET") * 3)
        (connection,) = gateway.server.state.connections
        async with asyncio.timeout(60):
            while not connection.flow.pauses:
                await asyncio.sleep(0.001)
    async with asyncio.timeout(60):
        await up.connections[-1].wait_closed()
    assert (await gateway.record()).status == "cancelled"


@pytest.mark.parametrize(
    ("behind", "status"),
    [
        (b"GET /health HTTP/2.0\r\n\r\n", b"505"),
        (b"POST /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", b"400"),
        (b"GET /health HTTP/1.1\r\nX: " + b"x" * 70_000, b"431"),
    ],
)
async def test_what_cannot_be_read_does_not_spoil_the_answer_before_it(gateway, up, behind, status):
    gate = Gate([json_response(chat_answer())])
    up.answer(gate)
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.post(json.dumps(ask()).encode()) + behind)
        (connection,) = gateway.server.state.connections
        async with asyncio.timeout(60):
            while connection._refusal is None:
                await asyncio.sleep(0.001)
        gate.open()
        answers = await reader.read()
    assert answers.count(b"\r\nx-request-id: ") == 2
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 " + status + b" " in answers


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/me/keys"])
async def test_both_planes_say_that_a_body_cannot_be_read(gateway, path):
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.head(path, "Transfer-Encoding: chunked", "Content-Type: application/json"))
        writer.write(b"2\r\n{}\r\nnonsense\r\n" + b"x" * 100_000)
        answer = await reader.read()
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"The chunks of the body cannot be read" in answer
    assert b"\r\nconnection: close" in answer
    assert not gateway.server.state.running


async def test_who_is_answered_before_the_end_of_a_body_has_time_to_read_the_answer(gateway):
    """To close with bytes unread would reset the connection."""
    async with gateway.raw() as (reader, writer):
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n")
        writer.write(b"Content-Length: 3000000\r\n\r\n")
        await reader.readuntil(b"HTTP/1.1 401 ")
        writer.write(b"x" * 1_000_000)
        await writer.drain()
        assert b'"invalid_api_key"' in await reader.read()


def test_an_ipv4_address_is_one_on_a_socket_of_both_families_too():
    assert address_of(lambda: ("::ffff:192.0.2.1", 5, 0, 0)) == ("192.0.2.1", 5)
    assert address_of(lambda: ("2001:db8::1", 5, 0, 0)) == ("2001:db8::1", 5)


@pytest.mark.parametrize("before", [b"", b"\r\n", b"\r\n" * 1000])
async def test_who_sends_only_empty_lines_is_silent(start, before):
    async with start(head_timeout=0.1) as gateway, gateway.raw() as (reader, writer):
        writer.write(before)
        assert await reader.read() == b""


async def test_who_sends_only_empty_lines_behind_an_answer_is_idle(start):
    async with start(keep_alive_timeout=0.1) as gateway, gateway.raw() as (reader, writer):
        writer.write(gateway.head("/v1/models", method="GET") + b"\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("rest", [b"zz\r\n", b"3\r\nabcd\r\n"])
async def test_a_body_that_breaks_behind_its_answer_gets_no_second_one(gateway, rest):
    async with gateway.raw() as (reader, writer):
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head + b"3\r\nabc\r\n")
        refused = await reader.readuntil(b"\r\n\r\n")
        assert refused.startswith(b"HTTP/1.1 401")
        (length,) = [line[16:] for line in refused.split(b"\r\n") if line.startswith(b"content-length: ")]
        await reader.readexactly(int(length))
        writer.write(rest)
        assert await asyncio.wait_for(reader.read(), 60) == b""
