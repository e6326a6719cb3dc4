"""Large bodies: of those who are shut out nothing is read, and those of one user do not hold up another's."""

import asyncio
import json
import threading

import pytest
from msgspec import structs

from tests.gateway.conftest import ask
from tests.gateway.test_bad_input import check
from tests.gateway.test_limits import BEARER, limit
from tollkeeper.gateway.offers import supported
from tollkeeper.wire.openai.dialect import OPENAI
from tollkeeper.wire.openai.request import read_request

BLOCKS = [
    ({"requests_per_minute": 0}, 429, "rate_limit_exceeded", "requests"),
    ({"tokens_per_hour": 0}, 429, "rate_limit_exceeded", "tokens"),
    ({"max_concurrent_requests": 0}, 429, "rate_limit_exceeded", "requests"),
    ({"max_tokens_per_request": 0}, 429, "rate_limit_exceeded", "tokens"),
    ({"cost_usd_total": 0}, 429, "insufficient_quota", "insufficient_quota"),
    ({"allowed_models": []}, 403, "model_not_allowed", "permission_error"),
]


async def refused(gateway, *lines):
    """The answer to a head alone, its body still to come."""
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.head("/v1/chat/completions", "Content-Length: 20000000", *lines))
        async with asyncio.timeout(60):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            return int(head.split()[1]), json.loads(await reader.readexactly(length))["error"], head.lower()


@pytest.mark.parametrize(("limits", "status", "code", "kind"), BLOCKS)
async def test_who_is_blocked_is_told_before_the_body_is_read(gateway, limits, status, code, kind):
    await limit(gateway, **limits)
    told, error, head = await refused(gateway)
    assert (told, error["code"], error["type"]) == (status, code, kind)
    assert b"retry-after" not in head
    answer = await gateway.chat()
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert gateway.context.request_memory.held == 0


async def test_a_key_that_is_blocked_is_told_as_well(gateway):
    made = await gateway.client.post("/admin/users/alice/keys", json={"limits": {"requests_total": 0}}, headers=BEARER)
    gateway.secrets["alice"] = made.json()["api_key"]
    told, error, _ = await refused(gateway)
    assert (told, error["code"]) == (429, "insufficient_quota")
    assert "of this key" in error["message"]


async def test_who_is_suspended_is_told_before_the_body_is_read(gateway):
    await gateway.client.patch("/admin/users/alice", json={"status": "suspended"}, headers=BEARER)
    told, error, _ = await refused(gateway)
    assert (told, error["code"]) == (403, "account_suspended")


async def test_no_output_is_no_bar_to_embeddings(gateway):
    await limit(gateway, max_tokens_per_request=0)
    assert (await gateway.client.post("/v1/embeddings", json={"model": "tiny", "input": "a"})).status_code == 200


@pytest.mark.parametrize("line", ["Connection: close", "Connection: keep-alive"])
async def test_a_client_that_still_sends_its_body_sees_why_it_was_refused(gateway, line):
    await limit(gateway, requests_total=0)
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.head("/v1/chat/completions", "Content-Length: 8000000", line))
        for _ in range(80):
            writer.write(b"x" * 100_000)
            await writer.drain()
        assert (await reader.readline()).startswith(b"HTTP/1.1 429 ")


async def test_the_large_bodies_of_one_user_do_not_hold_up_another_s(start, up):
    """Two of alice's wait for a thread; one at a time is read, and what is small, or another's, goes on."""
    go_on, begun = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(text, endpoint):
        if b"slow" in text:
            loop.call_soon_threadsafe(begun.set)
            assert go_on.wait(20)
        return read_request(text, endpoint)

    large = ask(filler="x" * 200_000)
    async with start(dialects=[structs.replace(OPENAI, read_request=slowly)]) as gateway:
        slow = [
            asyncio.create_task(gateway.client.post("/v1/chat/completions", json=large | {"slow": n})) for n in range(3)
        ]
        try:
            await begun.wait()
            bob = {"authorization": f"Bearer {gateway.secrets['bob']}"}
            for body in (ask(), large):
                answer = await gateway.client.post("/v1/chat/completions", json=body, headers=bob)
                assert answer.status_code == 200
            assert (await gateway.chat()).status_code == 200
            assert not any(task.done() for task in slow)
        finally:
            go_on.set()
        assert [(await task).status_code for task in slow] == [200] * 3


async def test_many_large_requests_at_once_are_all_answered(gateway, up):
    body = ask(filler=["x"] * 60_000)
    answers = await asyncio.gather(*(gateway.client.post("/v1/chat/completions", json=body) for _ in range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert gateway.context.request_memory.held == 0


async def test_a_large_request_is_sent_on_as_it_came(gateway, up):
    parts = [{"type": "text", "text": "é\n" * 50}] * 2000
    asked = ask(messages=[{"role": "user", "content": parts}], user="me", max_completion_tokens=5, stream=True)
    answer = await gateway.client.post("/v1/chat/completions", json=asked)
    assert answer.status_code == 200
    sent = up.requests[-1].json
    assert sent["messages"] == asked["messages"]
    assert (sent["model"], sent["max_tokens"], sent["stream_options"]) == ("tiny:latest", 5, {"include_usage": True})
    assert sent["user"].startswith("user_")
    check(await gateway.client.post("/v1/chat/completions", json=asked | {"Model": "x"}), 400, None, "Model")


async def test_whether_a_large_request_can_be_served_is_checked_in_a_thread(gateway, monkeypatch):
    """A translation reads all of it for that."""
    threads = []

    def check(*args):
        threads.append(threading.get_ident())
        return supported(*args)

    monkeypatch.setattr("tollkeeper.gateway.handle.supported", check)
    for size in (10, 70_000):
        assert (await gateway.chat(messages=[{"role": "user", "content": "x" * size}])).status_code == 200
    small, large = threads
    assert small == threading.get_ident() != large
