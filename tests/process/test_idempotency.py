"""Idempotency keys of a real process: of 200 requests at once one reaches the upstream, and kill -9 frees no key."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.process.books import reading, records
from tests.process.served import PATIENCE, Served, served
from tests.scripted import Gate, ScriptedUpstream, chat_answer, json_response
from tests.store.engines import until

pytestmark = pytest.mark.process

AT_ONCE = 200
ASK = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]}
CHAT = "POST /v1/chat/completions"


def client_of(key: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    headers = {"authorization": f"Bearer {key}"}
    return httpx.AsyncClient(headers=headers, timeout=PATIENCE, limits=limits, verify=False)


async def post(client: httpx.AsyncClient, gateway: Served, key: str, **fields: Any) -> httpx.Response:
    url = gateway.url + "/v1/chat/completions"
    return await client.post(url, json=ASK | fields, headers={"idempotency-key": key})


def outcome(answer: httpx.Response) -> str:
    return "answered" if answer.is_success else answer.json()["error"]["code"]


async def test_200_at_once_reach_the_upstream_once(tmp_path: Path) -> None:
    async with ScriptedUpstream() as upstream:
        gate = Gate([json_response(chat_answer())])
        upstream.always(gate)
        with served(tmp_path, upstream.url) as gateway:
            alice = await asyncio.to_thread(gateway.new_user, "alice")
            async with client_of(alice) as client:
                asking = [asyncio.create_task(post(client, gateway, "key")) for _ in range(AT_ONCE)]
                await until(lambda: sum(each.done() for each in asking) == AT_ONCE - 1)
                gate.open()
                told = Counter(outcome(answer) for answer in await asyncio.gather(*asking))
                again = await post(client, gateway, "key")
                other = await post(client, gateway, "key", user="another")
        assert len(upstream.calls(CHAT)) == 1
    assert told == {"answered": 1, "idempotency_in_progress": AT_ONCE - 1}
    assert (outcome(again), outcome(other)) == ("idempotency_replayed", "idempotency_mismatch")
    (record,) = records(tmp_path / "tollkeeper.db")
    assert record in again.text


async def test_a_kill_frees_no_key_of_a_request_that_was_sent(tmp_path: Path) -> None:
    """Neither of those that ran, nor of those that had ended; one that only waited in line was never sent."""
    async with ScriptedUpstream() as upstream:
        gate = Gate([json_response(chat_answer())])
        upstream.always(gate)
        slots = 8  # of an Ollama: so many run, and the others wait
        with served(tmp_path, upstream.url) as gateway:
            alice = await asyncio.to_thread(gateway.new_user, "alice")
            async with client_of(alice) as client:
                gate.open()
                assert (await post(client, gateway, "ended")).is_success
                running = [asyncio.create_task(post(client, gateway, f"running-{n}")) for n in range(slots)]
                await until(lambda: len(upstream.calls(CHAT)) == 1 + slots)
                waiting = [asyncio.create_task(post(client, gateway, "waiting")) for _ in range(2)]
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                gateway.kill()
                ends = await asyncio.gather(*running, *waiting, return_exceptions=True)
                told = [outcome(end) for end in ends if isinstance(end, httpx.Response)]
                assert told == ["idempotency_in_progress"], "one of the two waits, and the other is told so"
            assert await asyncio.to_thread(gateway.exit_code) == -9
        upstream.always(json_response(chat_answer()))
        with served(tmp_path, upstream.url) as gateway:
            kept = records(tmp_path / "tollkeeper.db")
            assert Counter(row["status"] for row in kept.values()) == {"completed": 1, "lost": slots}
            async with client_of(alice) as client:
                again = [await post(client, gateway, f"running-{n}") for n in range(slots)]
                again.append(await post(client, gateway, "ended"))
                freed = await post(client, gateway, "waiting")
        assert {outcome(answer) for answer in again} == {"idempotency_replayed"}
        assert {request_id for request_id in kept for answer in again if request_id in answer.text} == set(kept)
        assert outcome(freed) == "answered"
        assert len(upstream.calls(CHAT)) == 1 + slots + 1


async def test_at_whatever_moment_it_is_killed_a_key_that_was_sent_stays_claimed(tmp_path: Path) -> None:
    """A storm of retries goes on over the kill: whatever the clients saw, the upstream sees each key once."""
    kills, keys = 6, 8
    async with ScriptedUpstream() as upstream:
        alice = ""
        for number in range(kills):
            with served(tmp_path, upstream.url) as gateway:
                alice = alice or await asyncio.to_thread(gateway.new_user, "alice")
                before = len(upstream.calls(CHAT))
                async with client_of(alice) as client:
                    names = [f"{each}-{key}" for each in {number, max(0, number - 1)} for key in range(keys)]
                    storm = [
                        asyncio.create_task(post(client, gateway, name, metadata={"key": name}))
                        for name in names
                        for _ in range(4)
                    ]
                    reached = before + 1 + number
                    await until(lambda reached=reached: len(upstream.calls(CHAT)) >= reached)  # type: ignore[misc]
                    gateway.kill()
                    await asyncio.gather(*storm, return_exceptions=True)
                await asyncio.to_thread(gateway.exit_code)
        with served(tmp_path, upstream.url) as gateway:
            async with client_of(alice) as client:
                for number in range(kills):
                    for key in range(keys):
                        name = f"{number}-{key}"
                        await post(client, gateway, name, metadata={"key": name})
        sent = Counter(call.json["metadata"]["key"] for call in upstream.calls(CHAT))
    assert max(sent.values()) == 1, "a key was sent again"
    with reading(tmp_path / "tollkeeper.db") as connection:
        (claims,) = connection.execute("SELECT count(*) FROM idempotency_claims").fetchone()
    kept = records(tmp_path / "tollkeeper.db")
    assert claims == len(kept) == kills * keys, "each key has one record, and one claim"
    lost = sum(row["status"] == "lost" for row in kept.values())
    assert kills * keys - lost <= len(sent), "but for those killed between their intent and the dispatch, each was sent"
