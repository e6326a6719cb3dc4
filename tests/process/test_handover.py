"""A process takes over the listening socket from the one before it, and no client is left without an answer."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.process.books import intents, records
from tests.process.handover import COMMAND, Supervisor
from tests.process.load import CHAT, ask
from tests.process.served import ADMIN, PATIENCE
from tests.scripted import Conn, Gate, Request, ScriptedUpstream
from tests.shapes import STREAM_HEAD, chat_chunks, chunked, sse

pytestmark = pytest.mark.process

EVENTS = [chunked(event, end=False) for event in sse(*chat_chunks())]
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def answer_to(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The head, and the body of the length it says."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head, await reader.readexactly(length)


async def test_what_runs_finishes_and_what_comes_meanwhile_waits_for_the_next(tmp_path: Path):
    gate = Gate([b"".join(EVENTS[1:]) + b"0\r\n\r\n"])
    begun = asyncio.Event()

    async def finishes(conn: Conn, request: Request) -> None:
        await conn.send(STREAM_HEAD + EVENTS[0])
        begun.set()
        await gate(conn, request)

    async with ScriptedUpstream() as upstream:
        with Supervisor(tmp_path, upstream.url, shutdown_timeout=PATIENCE) as supervisor:
            await asyncio.to_thread(supervisor.start)
            key = await asyncio.to_thread(supervisor.new_user, "alice")
            headers = {"authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(base_url=supervisor.url, headers=headers, timeout=PATIENCE) as client:
                upstream.answer(finishes)
                running = asyncio.create_task(client.post(CHAT, json=ask(stream=True)))
                await begun.wait()
                (old,) = supervisor.processes
                old.send_signal(signal.SIGTERM)
                await asyncio.to_thread(supervisor.until, "STOPPING=1")
                supervisor.begin()
                await asyncio.to_thread(supervisor.until, "STATUS=Waiting for the database")
                waiting = [asyncio.create_task(client.post(CHAT, json=ask(stream=False))) for _ in range(20)]
                # They can connect, and the one that stops is no longer there to answer them.
                _, writer = await asyncio.open_connection("127.0.0.1", supervisor.port)
                writer.close()
                assert old.poll() is None
                assert not any(task.done() for task in waiting)
                gate.open()
                whole, *others = await asyncio.gather(running, *waiting)
                assert await asyncio.to_thread(old.wait, PATIENCE) == 0
    assert whole.text.endswith("data: [DONE]\n\n")
    assert [answer.status_code for answer in others] == [200] * 20
    assert len(records(supervisor.database)) == 21
    assert intents(supervisor.database) == 0


async def test_connections_that_are_open_get_one_more_answer_which_says_that_it_is_the_last(tmp_path: Path):
    async with ScriptedUpstream() as upstream:
        with Supervisor(tmp_path, upstream.url) as supervisor:
            await asyncio.to_thread(supervisor.start)
            used, fresh, silent = [await asyncio.open_connection("127.0.0.1", supervisor.port) for _ in range(3)]
            used[1].write(HEALTH)
            head, _ = await answer_to(used[0])
            assert b"connection: close" not in head
            supervisor.processes[0].send_signal(signal.SIGTERM)
            await asyncio.to_thread(supervisor.until, "STOPPING=1")
            for reader, writer in (used, fresh):
                writer.write(HEALTH)
                head, body = await answer_to(reader)
                assert (b"200 ok" in head, b"connection: close" in head, b'"ok"' in body) == (True, True, True)
                assert await reader.read() == b""
            assert await silent[0].read() == b""  # its time is up
            assert await asyncio.to_thread(supervisor.processes[0].wait, PATIENCE) == 0
            for _, writer in (used, fresh, silent):
                writer.close()


async def test_an_answer_that_could_not_say_so_leaves_its_connection_open_for_one_more(tmp_path: Path):
    gate = Gate([b"".join(EVENTS[1:]) + b"0\r\n\r\n"])
    begun = asyncio.Event()

    async def finishes(conn: Conn, request: Request) -> None:
        await conn.send(STREAM_HEAD + EVENTS[0])
        begun.set()
        await gate(conn, request)

    async with ScriptedUpstream() as upstream:
        with Supervisor(tmp_path, upstream.url) as supervisor:
            await asyncio.to_thread(supervisor.start)
            key = await asyncio.to_thread(supervisor.new_user, "alice")
            upstream.answer(finishes)
            limits = httpx.Limits(max_connections=1)
            headers = {"authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(
                base_url=supervisor.url, headers=headers, timeout=PATIENCE, limits=limits
            ) as client:
                running = asyncio.create_task(client.post(CHAT, json=ask(stream=True)))
                await begun.wait()
                supervisor.processes[0].send_signal(signal.SIGTERM)
                await asyncio.to_thread(supervisor.until, "STOPPING=1")
                gate.open()
                first = await running
                second = await client.post(CHAT, json=ask(stream=False))
            assert ("connection" in first.headers, second.headers["connection"]) == (False, "close")
            assert (first.status_code, second.status_code) == (200, 200)
            assert await asyncio.to_thread(supervisor.processes[0].wait, PATIENCE) == 0


@pytest.mark.long
async def test_ten_restarts_under_load_fail_nobody_who_connects_anew(tmp_path: Path):
    statuses: list[int] = []
    over = False

    async def ask_again_and_again(key: str) -> None:
        headers = {"authorization": f"Bearer {key}", "connection": "close"}
        while not over:
            async with httpx.AsyncClient(base_url=supervisor.url, headers=headers, timeout=PATIENCE) as client:
                statuses.append((await client.post(CHAT, json=ask(stream=False))).status_code)

    async with ScriptedUpstream() as upstream:
        with Supervisor(tmp_path, upstream.url) as supervisor:
            await asyncio.to_thread(supervisor.start)
            key = await asyncio.to_thread(supervisor.new_user, "alice")
            asking = [asyncio.create_task(ask_again_and_again(key)) for _ in range(4)]
            for _ in range(10):
                await asyncio.to_thread(supervisor.restart)
            over = True
            await asyncio.gather(*asking)
    assert set(statuses) == {200}
    assert len(records(supervisor.database)) == len(statuses)


def test_a_well_known_key_may_not_guard_an_inherited_port_either(tmp_path: Path):
    with Supervisor(tmp_path, "http://127.0.0.1:9", host="0.0.0.0", admin_api_key="admin-secret-key") as supervisor:
        assert supervisor.begin().wait(PATIENCE) == 2
    assert "a well-known secret may not guard 0.0.0.0" in supervisor.log.read_text()


@pytest.mark.parametrize("kind", ["connection", "datagrams"])
def test_a_socket_that_does_not_listen_is_named(tmp_path: Path, kind: str):
    with Supervisor(tmp_path, "http://127.0.0.1:9") as supervisor:
        supervisor.socket.close()
        kinds = {"connection": socket.SOCK_STREAM, "datagrams": socket.SOCK_DGRAM}
        supervisor.socket = socket.socket(socket.AF_INET, kinds[kind])
        assert supervisor.begin().wait(PATIENCE) == 1
    (line,) = supervisor.log.read_text().splitlines()
    assert line.startswith("tollkeeper: the inherited socket 3 does not listen for TCP")


def test_one_that_begins_with_a_wrong_setting_keeps_nobody_from_the_next(tmp_path: Path):
    with Supervisor(tmp_path, "http://127.0.0.1:9", host="127.0.0.1") as supervisor:
        supervisor._environment["TOLLKEEPER_HEAD_TIMEOUT"] = "soon"
        assert supervisor.begin().wait(PATIENCE) == 2
        with socket.create_connection(("127.0.0.1", supervisor.port)) as waiting:
            waiting.sendall(HEALTH)
            supervisor._environment["TOLLKEEPER_HEAD_TIMEOUT"] = "5"
            supervisor.start()
            assert waiting.recv(65_536).startswith(b"HTTP/1.1 200 OK")
    assert ADMIN not in supervisor.log.read_text()


def test_systemd_itself_hands_its_socket_over(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    environment = {"PATH": os.defpath, "OLLAMA_BASE_URL": "http://127.0.0.1:9", "ADMIN_API_KEY": ADMIN}
    passed = [f"--setenv={name}" for name in environment]
    command = ["systemd-socket-activate", f"--listen={address}", *passed, str(COMMAND), "serve"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:  # fmt: skip
        assert process.stderr is not None
        assert process.stdout is not None
        assert "Listening on" in process.stderr.readline()
        with socket.create_connection(("127.0.0.1", int(address.partition(":")[2]))) as client:
            client.sendall(HEALTH)
            assert process.stdout.readline() == f"Tollkeeper listens on http://{address}\n"
            assert client.recv(65_536).startswith(b"HTTP/1.1 200 OK")
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
