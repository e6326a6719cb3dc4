"""Behind each proxy of docs/operating.md, set up as it says there: ten restarts under load fail no request."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.process.books import intents, records
from tests.process.handover import Supervisor
from tests.process.load import CHAT, ask
from tests.process.proxies import PROXIES, proxied
from tests.process.served import PATIENCE
from tests.scripted import Conn, Request, ScriptedUpstream
from tests.shapes import STREAM_HEAD, chat_answer, chat_chunks, chunked, json_response, sse

pytestmark = [pytest.mark.process, pytest.mark.long]

RESTARTS = 10
EVENTS = [chunked(event, end=False) for event in sse(*chat_chunks(["word "] * 20))]
BETWEEN = 50
"""Requests that are answered before each of them."""
PACE = 0.1
"""Seconds between the events of a stream: it runs for over two."""


async def answer(conn: Conn, request: Request) -> None:
    if not request.json.get("stream"):
        await conn.send(json_response(chat_answer("yes")))
        return
    await conn.send(STREAM_HEAD)
    for event in EVENTS:
        await conn.send(event)
        await asyncio.sleep(PACE)
    await conn.end_chunks()


@pytest.mark.parametrize("name", PROXIES)
async def test_ten_restarts_under_load_fail_no_request(tmp_path: Path, name: str):
    took: dict[bool, list[float]] = {False: [], True: []}
    failures: list[str] = []
    over = False
    progress = asyncio.Semaphore(0)

    async def go_on(client: httpx.AsyncClient, stream: bool, pause: float) -> None:
        while not over:
            begun = time.monotonic()
            try:
                given = await client.post(CHAT, json=ask(stream=stream))
            except httpx.HTTPError as error:
                failures.append(repr(error))
                continue
            took[stream].append(time.monotonic() - begun)
            if given.status_code != 200 or (stream and not given.text.endswith("data: [DONE]\n\n")):
                failures.append(f"{given.status_code} {given.text[-200:]}")
            progress.release()
            await asyncio.sleep(pause)

    async with ScriptedUpstream() as upstream:
        upstream.route(f"POST {CHAT}", answer)
        with (
            Supervisor(tmp_path, upstream.url, trusted_proxies="127.0.0.1") as supervisor,
            proxied(name, tmp_path, supervisor.port) as url,
        ):
            await asyncio.to_thread(supervisor.start)
            key = await asyncio.to_thread(supervisor.new_user, "alice")
            await asyncio.to_thread(supervisor.without_slots)
            headers = {"authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE, verify=False) as client:
                # Some without a pause, some that leave connections idle for about as long as the proxy keeps them.
                asking = [go_on(client, False, pause) for pause in (0.0, 0.0, 0.01, 0.05, 0.2, 0.5, 0.9, 1.0)]
                working = asyncio.gather(*asking, *(go_on(client, True, 0.0) for _ in range(4)))
                for _ in range(RESTARTS):
                    for _ in range(BETWEEN):
                        await progress.acquire()
                    await asyncio.to_thread(supervisor.restart)
                over = True
                await working
            assert len(supervisor.processes) == RESTARTS + 1
            done = len(took[False]) + len(took[True])
            figures = f"{name}: {done} requests, {len(took[True])} of them streams, {len(failures)} failed; "
            print(figures + f"longest: {max(took[False]):.1f} s, streams {max(took[True]):.1f} s")
            supervisor.processes[-1].terminate()
            assert supervisor.processes[-1].wait(PATIENCE) == 0
    assert failures == []
    assert (len(records(supervisor.database)), intents(supervisor.database)) == (done, 0)
    assert {row["status"] for row in records(supervisor.database).values()} == {"completed"}


@pytest.mark.parametrize("name", PROXIES)
async def test_a_body_that_is_too_large_is_refused_by_the_gateway_which_says_why(tmp_path: Path, name: str):
    async with ScriptedUpstream() as upstream:
        with (
            Supervisor(tmp_path, upstream.url) as supervisor,
            proxied(name, tmp_path, supervisor.port) as url,
        ):
            await asyncio.to_thread(supervisor.start)
            key = await asyncio.to_thread(supervisor.new_user, "alice")
            headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE, verify=False) as client:
                given = await client.post(CHAT, content=b'{"a": "' + b"x" * 20_000_000 + b'"}')
    assert (given.status_code, given.json()["error"]["code"]) == (413, "request_too_large")
