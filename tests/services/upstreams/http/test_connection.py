"""One connection on a real socket: how answers end, back-pressure both ways, silence, cancellation."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.scripted import (
    STREAM_HEAD,
    Conn,
    Gate,
    Request,
    ScriptedUpstream,
    chat_chunks,
    chunked,
    head,
    json_response,
    response,
    sse,
    streamed,
)
from tests.services.upstreams.http.helpers import hanging, open_client, post, sending, until
from tollkeeper.rules.errors import UpstreamFailure, UpstreamTimeout, UpstreamUnavailable
from tollkeeper.services.upstreams.http import ClientBounds, HttpClient, Response, Timeouts
from tollkeeper.services.upstreams.http.connection import UpstreamConnection
from tollkeeper.services.upstreams.http.deadlines import Deadlines

MB = 1 << 20
ONE_READ = 262144


def connection_of(client: HttpClient) -> UpstreamConnection:
    (connection,) = client._connections
    return connection


async def test_events_are_read_as_they_come(up: ScriptedUpstream, client: HttpClient) -> None:
    events = sse(*chat_chunks(["a", "b"]))
    gate = Gate([STREAM_HEAD, *(chunked(event, end=False) for event in events), b"0\r\n\r\n"])
    up.answer(gate)
    gate.open()
    answer = await post(client)
    for event in events:
        gate.open()
        assert await answer.read() == event
    gate.open()
    assert await answer.read() == b""
    assert answer.complete


async def test_a_stream_in_single_bytes(up: ScriptedUpstream, client: HttpClient) -> None:
    events = sse(*chat_chunks())
    data = streamed(*events)
    up.answer(sending(*(data[at : at + 1] for at in range(len(data)))))
    answer = await post(client)
    assert await answer.read_all(MB) == b"".join(events)
    assert client.statistics().idle == 1


async def test_a_body_that_ends_with_the_connection(up: ScriptedUpstream, client: HttpClient) -> None:
    up.answer(sending(head(200), b"to the end", then=Conn.close))
    assert await (await post(client)).read_all(MB) == b"to the end"
    assert client.statistics().idle == 0


@pytest.mark.parametrize("start", [head(200), head(200, "Content-Length: 99"), STREAM_HEAD])
async def test_a_reset_in_the_body_is_a_failure(up: ScriptedUpstream, client: HttpClient, start: bytes) -> None:
    gate = asyncio.Event()

    async def script(conn: Conn, request: Request) -> None:
        await conn.send(start)
        await gate.wait()
        conn.reset()

    up.answer(script)
    answer = await post(client)
    gate.set()
    with pytest.raises(UpstreamUnavailable, match="broke off") as caught:
        await answer.read()
    assert caught.value.status == 502
    assert not answer.complete


async def test_truncation_is_a_failure_after_what_came(up: ScriptedUpstream, client: HttpClient) -> None:
    up.answer(sending(streamed(b"data: 1\n\n", end=False), then=Conn.close))
    answer = await post(client)
    assert await answer.read() == b"data: 1\n\n"
    with pytest.raises(UpstreamUnavailable, match="broke off"):
        await answer.read()
    with pytest.raises(UpstreamUnavailable, match="broke off"):
        await answer.read()


@pytest.mark.parametrize("ends", ["by the upstream", "by a failure to write"])
async def test_what_came_before_the_end_is_read_though_it_waited_for_its_turn(
    up: ScriptedUpstream, client: HttpClient, ends: str
) -> None:
    up.answer(hanging)
    content = bytes(range(256)) * 2000
    asking = asyncio.create_task(post(client))
    await until(lambda: len(up.calls("POST /v1/x")) == 1)
    connection = connection_of(client)
    connection.data_received(head(200, f"Content-Length: {len(content)}") + content)
    if ends == "by the upstream":
        connection.eof_received()
    else:
        assert connection._transport is not None
        connection._transport.abort()  # as a loop does, which calls no `eof_received` then
    assert await (await asking).read_all(MB) == content
    assert client.statistics().idle == 0


async def test_html_is_an_answer_and_garbage_is_not(up: ScriptedUpstream, client: HttpClient) -> None:
    up.answer(response(b"<html>", 502, content_type="text/html"), b"<html>\r\n\r\n")
    assert (await post(client)).status == 502
    with pytest.raises(UpstreamUnavailable) as caught:
        await post(client)
    assert caught.value.status == 502
    await up.connections[0].wait_closed()


async def test_head_requests(up: ScriptedUpstream, client: HttpClient) -> None:
    up.answer(head(200, "Content-Length: 9"))
    answer = await (await client.acquire()).send(b"HEAD", b"/", ())
    assert (answer.status, await answer.read()) == (200, b"")
    assert client.statistics().idle == 0


# ── back-pressure ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_100_mb_unread_stay_at_the_upstream(up: ScriptedUpstream) -> None:
    size = 100 * MB
    up.answer(sending(head(200, f"Content-Length: {size}"), *[bytes(MB)] * 100))
    limits = ClientBounds(buffered=65536)
    async with open_client(up.url, limits=limits) as client:
        answer = await post(client)
        (conn,) = up.connections
        await conn.blocked.wait()
        await until(lambda: not connection_of(client)._reading)
        for _ in range(100):
            await asyncio.sleep(0)
        assert 65536 < answer.buffered <= 65536 + ONE_READ
        read = 0
        while part := await answer.read():
            read += len(part)
            assert len(part) <= 65536 + 2 * ONE_READ
            assert answer.buffered <= 65536 + ONE_READ
        assert read == size
        assert client.statistics().idle == 1, "reading goes on, so the connection is as good as new"


async def test_an_unread_answer_is_aborted_like_any_other(up: ScriptedUpstream, client: HttpClient) -> None:
    up.answer(sending(head(200, f"Content-Length: {20 * MB}"), bytes(20 * MB)))
    answer = await post(client)
    await until(lambda: not connection_of(client)._reading)
    answer.abort()
    await up.connections[0].wait_closed()


async def test_more_than_the_limit_is_aborted(up: ScriptedUpstream, client: HttpClient) -> None:
    up.answer(sending(head(200, f"Content-Length: {20 * MB}"), bytes(20 * MB)))
    answer = await post(client)
    with pytest.raises(UpstreamFailure) as caught:
        await answer.read_all(MB)
    assert (caught.value.status, caught.value.code) == (502, "upstream_error")
    await up.connections[0].wait_closed()


async def test_a_large_request_is_written_as_the_upstream_reads() -> None:
    body = bytes(range(256)) * (20 * MB // 256)
    digest = hashlib.sha256(body).hexdigest()

    async def script(conn: Conn, request: Request) -> None:
        await until(lambda: not connection_of(client)._writable)
        sent = connection_of(client)._transport
        assert sent is not None
        assert sent.get_write_buffer_size() < 2 * ONE_READ, "the rest waits where it is"
        conn.start_reading()
        content = await conn.rest_of_body()
        conn.stop_reading()
        await conn.send(json_response(hashlib.sha256(content).hexdigest()))
        conn.start_reading()

    async with ScriptedUpstream(early=True) as up, open_client(up.url) as client:
        up.always(script)
        for _ in range(2):
            assert await (await post(client, body)).read_all(100) == f'"{digest}"'.encode()
        assert len(up.connections) == 1, "a request that left in full does not spoil its connection"


@pytest.mark.parametrize("then", [None, Conn.close])
async def test_an_early_refusal_is_heard_though_the_request_is_not_read(then: object) -> None:
    refusal = json_response({"error": "too large"}, 413)
    async with ScriptedUpstream(early=True) as up, open_client(up.url) as client:
        up.answer(sending(refusal, then=then))  # type: ignore[arg-type]
        answer = await post(client, bytes(20 * MB))
        assert answer.status == 413
        assert await answer.read_all(100) == b'{"error":"too large"}'
        assert client.statistics().idle == 0, "half a request is under way there"


async def test_the_end_of_the_answer_counts_though_the_request_is_not_read() -> None:
    async with ScriptedUpstream(early=True) as up, open_client(up.url) as client:
        up.answer(sending(head(413), b"too large", then=Conn.end_sending))
        assert await (await post(client, bytes(20 * MB))).read_all(100) == b"too large"


# ── silence ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_no_answer_in_time(up: ScriptedUpstream) -> None:
    up.answer(sending(head(100), head(103), b"HTTP/1.1 2"))
    async with open_client(up.url, timeouts=Timeouts(first_byte=0.05)) as client:
        with pytest.raises(UpstreamTimeout, match=r"within 0\.05 s") as caught:
            await post(client)
        assert (caught.value.status, caught.value.code) == (504, "upstream_timeout")
        await up.connections[0].wait_closed()


async def test_silence_in_the_answer(up: ScriptedUpstream) -> None:
    up.answer(sending(STREAM_HEAD, chunked(b"one", end=False)))
    # The timer set for the head is moved forward for the shorter wait.
    async with open_client(up.url, timeouts=Timeouts(first_byte=300, event=0.05)) as client:
        answer = await post(client)
        assert await answer.read() == b"one"
        with pytest.raises(UpstreamTimeout, match="fell silent"):
            await answer.read()
        await up.connections[0].wait_closed()


async def test_a_request_that_is_never_read_times_out() -> None:
    async with ScriptedUpstream(early=True) as up:
        up.answer(hanging)
        async with open_client(up.url, timeouts=Timeouts(first_byte=0.05)) as client:
            with pytest.raises(UpstreamTimeout):
                await post(client, bytes(20 * MB))
        up.connections[0].start_reading()


async def test_a_slow_reader_is_no_silence(up: ScriptedUpstream) -> None:
    gate = Gate([head(200, f"Content-Length: {4 * MB}"), bytes(4 * MB)])
    up.answer(gate)
    async with open_client(up.url, timeouts=Timeouts(event=0.5)) as client:
        gate.open()
        answer = await post(client)
        first = asyncio.ensure_future(answer.read())
        await asyncio.sleep(0)
        gate.open()
        size = len(await first)
        # Nobody reads while the deadline of the first read passes.
        await asyncio.sleep(0.7)
        assert client._deadlines._timer is None
        assert size + len(await answer.read_all(4 * MB)) == 4 * MB


async def test_a_deadline_set_for_a_shorter_wait_does_not_cut_a_longer_one(up: ScriptedUpstream) -> None:
    gate = Gate([head(200, "Content-Length: 2"), b"hi"])
    up.answer(gate)
    async with open_client(up.url, timeouts=Timeouts(first_byte=0.05, event=300)) as client:
        gate.open()
        answer = await post(client)
        reading = asyncio.ensure_future(answer.read())
        await until(lambda: client._deadlines._next > asyncio.get_running_loop().time() + 200)
        gate.open()
        assert await reading == b"hi"


async def test_a_long_stream_arms_the_timer_once(
    up: ScriptedUpstream, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    armed: list[asyncio.TimerHandle | None] = []
    add = Deadlines.add

    def counting(deadlines: Deadlines, at: float) -> None:
        before = deadlines._timer
        add(deadlines, at)
        if deadlines._timer is not before:
            armed.append(deadlines._timer)

    monkeypatch.setattr(Deadlines, "add", counting)
    events = [b"data: %d\n\n" % n for n in range(300)]
    for _ in range(3):
        gate = Gate([STREAM_HEAD, *(chunked(event, end=False) for event in events), b"0\r\n\r\n"])
        up.answer(gate)
        gate.open()
        answer = await post(client)
        for event in events:
            gate.open()
            assert await answer.read() == event
        gate.open()
        assert await answer.read() == b""
    assert len(armed) == 2, "for the first head, then sooner for the first silence"


# ── cancellation ────────────────────────────────────────────────────────────────────────────────────────────────────


async def cancelled(task: asyncio.Task[object]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelled_while_waiting_for_the_head(up: ScriptedUpstream, client: HttpClient) -> None:
    up.always(hanging)
    task: asyncio.Task[object] = asyncio.ensure_future(post(client))
    await until(lambda: len(up.requests) == 1)
    await cancelled(task)
    await up.connections[0].wait_closed()


async def test_cancelled_on_a_reused_connection_is_not_sent_again(up: ScriptedUpstream, client: HttpClient) -> None:
    up.answer(json_response({}))
    up.always(hanging)
    await (await post(client)).read_all(100)
    task: asyncio.Task[object] = asyncio.ensure_future(post(client))
    await until(lambda: len(up.requests) == 2)
    await cancelled(task)
    await up.connections[0].wait_closed()
    assert client.statistics().retried == 0


async def test_cancelled_while_reading(up: ScriptedUpstream, client: HttpClient) -> None:
    up.always(sending(STREAM_HEAD))
    answer = await post(client)
    task: asyncio.Task[object] = asyncio.ensure_future(answer.read())
    await asyncio.sleep(0)
    await cancelled(task)
    await up.connections[0].wait_closed()
    with pytest.raises(UpstreamFailure, match="given up"):
        await answer.read()


async def test_cancelled_at_the_moment_the_head_arrives(up: ScriptedUpstream, client: HttpClient) -> None:
    up.always(hanging)
    task: asyncio.Task[Response] = asyncio.ensure_future(post(client))
    await until(lambda: len(up.requests) == 1)
    connection_of(client).data_received(head(200, "Content-Length: 9"))
    await cancelled(task)
    await up.connections[0].wait_closed()


async def test_abort_in_the_middle(up: ScriptedUpstream, client: HttpClient) -> None:
    up.always(sending(STREAM_HEAD, chunked(b"one", end=False)))
    answer = await post(client)
    assert await answer.read() == b"one"
    answer.abort()
    answer.abort()
    await up.connections[0].wait_closed()


# ── TLS ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A key and a certificate for 127.0.0.1, made for this run."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    return key, cert


@pytest.fixture
def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1], certificate[0])
    return context


async def test_tls(certificate: tuple[Path, Path], server_tls: ssl.SSLContext) -> None:
    async with ScriptedUpstream(tls=server_tls) as up, open_client(up.url, ca_file=str(certificate[1])) as client:
        up.always(json_response({"ok": True}))
        for _ in range(3):
            assert await (await post(client, bytes(2 * MB))).read_all(100) == b'{"ok":true}'
        assert len(up.connections) == 1
        up.answer(sending(STREAM_HEAD))
        answer = await post(client)
        answer.abort()
        await up.connections[0].wait_closed()
