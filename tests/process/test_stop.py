"""SIGTERM and SIGHUP: no new clients, time for what runs, an honest word to the rest, and all of it recorded."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from collections import Counter
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.process.books import behind, intents, records, sums_agree
from tests.process.command import begin, end, first_lines
from tests.process.load import CHAT, Load, ask, say_figures
from tests.process.served import ADMIN, PATIENCE, Served, served
from tests.scripted import Conn, Gate, Request, ScriptedUpstream
from tests.shapes import STREAM_HEAD, chat_chunks, chunked, sse

pytestmark = pytest.mark.process

EVENTS = [chunked(event, end=False) for event in sse(*chat_chunks())]


async def refused(gateway: Served) -> None:
    """Until nobody can connect any more."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            except ConnectionRefusedError:
                return
            except ConnectionResetError:
                continue  # it stood in the queue when that was closed
            writer.close()
            await asyncio.sleep(0.01)


def error_in(line: str) -> dict[str, object]:
    error: dict[str, object] = json.loads(line.removeprefix("data: "))["error"]
    return error


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_what_can_finish_does_and_the_rest_is_cut_and_told(tmp_path: Path, number: signal.Signals):
    gate = Gate([b"".join(EVENTS[1:]) + b"0\r\n\r\n"])
    begun = asyncio.Semaphore(0)

    async def finishes(conn: Conn, request: Request) -> None:
        await conn.send(STREAM_HEAD + EVENTS[0])
        begun.release()
        await gate(conn, request)

    async def goes_on(conn: Conn, request: Request) -> None:
        await conn.send(STREAM_HEAD + EVENTS[0])
        begun.release()
        await conn.hang()

    async def thinks(conn: Conn, request: Request) -> None:
        begun.release()
        await conn.hang()

    async with ScriptedUpstream() as upstream:
        with served(tmp_path, upstream.url, shutdown_timeout=1) as gateway:
            key = await asyncio.to_thread(gateway.new_user, "alice")
            headers = {"authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(base_url=gateway.url, headers=headers, timeout=PATIENCE) as client:
                running = []
                for script, stream in ((finishes, True), (goes_on, True), (thinks, False)):
                    upstream.answer(script)
                    running.append(asyncio.create_task(client.post(CHAT, json=ask(stream=stream))))
                    await begun.acquire()
                gateway.signal(number)
                await refused(gateway)
                if number == signal.SIGHUP:
                    gateway.signal(number)  # terminals send several: that is no demand to cut at once
                gate.open()
                whole, cut, given_up = await asyncio.gather(*running)
                assert await asyncio.to_thread(gateway.exit_code) == 0, gateway.log.read_text()

    assert whole.text.endswith("data: [DONE]\n\n")
    *_, last = filter(None, cut.text.splitlines())
    assert '"content":"Hello"' in cut.text
    assert (error_in(last)["type"], "[DONE]" in cut.text) == ("server_error", False)
    assert (given_up.status_code, error_in(given_up.text)["type"]) == (503, "server_error")
    found = records(gateway.database)
    assert [found[answer.headers["x-request-id"]]["status"] for answer in (whole, cut, given_up)] == [
        "completed",
        "cancelled",
        "cancelled",
    ]
    assert (len(found), intents(gateway.database)) == (3, 0)


async def test_under_load_nothing_is_lost(tmp_path: Path):
    dice = random.Random(1)
    enough = asyncio.Event()

    def on_receipt(count: int) -> None:
        if count == 50:
            enough.set()

    async with ScriptedUpstream() as upstream:
        say_figures(upstream, dice)
        with served(tmp_path, upstream.url) as gateway:
            key = await asyncio.to_thread(gateway.new_user, "alice")
            load = Load(gateway.url, [key], dice, on_receipt, bears="server_stopping")  # told to those in line
            working = asyncio.create_task(load.run(16))
            await enough.wait()
            gateway.terminate()
            await working
            assert await asyncio.to_thread(gateway.exit_code) == 0, gateway.log.read_text()
        dispatched = len(upstream.calls(f"POST {CHAT}"))
    found = records(gateway.database)
    for receipt in load.receipts:
        row = found[receipt.request_id]
        assert (row["status"], row["prompt_tokens"], row["completion_tokens"]) == ("completed", *receipt[1:])
    assert set(Counter(row["status"] for row in found.values())) <= {"completed", "cancelled"}
    assert (len(found), intents(gateway.database)) == (dispatched, 0)
    sums_agree(gateway.database)
    assert behind(gateway.database) == 0


async def test_who_watches_does_not_hold_up_a_stop(tmp_path: Path):
    headers = {"authorization": f"Bearer {ADMIN}"}
    async with ScriptedUpstream() as upstream:
        with served(tmp_path, upstream.url, shutdown_timeout=10 * PATIENCE) as gateway:
            async with (
                httpx.AsyncClient(base_url=gateway.url, headers=headers, timeout=PATIENCE) as client,
                client.stream("GET", "/admin/live") as answer,
            ):
                lines = answer.aiter_lines()
                named = (line async for line in lines if line.startswith("event"))
                assert [await anext(named) for _ in range(3)] == ["event: snapshot", "event: tick", "event: tick"]
                gateway.terminate()
                assert [line async for line in lines][-1] == ""  # a whole event, and a proper end
            assert await asyncio.to_thread(gateway.exit_code) == 0


async def test_under_nohup_a_terminal_may_go_away(tmp_path: Path):
    ignoring = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = begin(tmp_path)
    finally:
        signal.signal(signal.SIGHUP, ignoring)
    with process:
        _, url = first_lines(process)
        process.send_signal(signal.SIGHUP)
        assert httpx.get(url + "/health").status_code == 200
        end(process)
