"""Why a request was not completed: what its record says, in the API, in CSV and in the database."""

from __future__ import annotations

import asyncio
import csv
import io
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.gateway.conftest import Gateway, ask
from tests.scripted import Conn, Request, chat_chunks, json_response, ollama_error, sse
from tests.services.upstreams.http.helpers import until
from tests.shapes import STREAM_HEAD, chunked
from tollkeeper.rules.reasons import WORDS

PROMPT = "a very private prompt"
TOO_LONG = {"message": f"Too long: {PROMPT}", "type": "invalid_request_error", "code": "context_length_exceeded"}


def first_words(*, then: bytes = b"") -> bytes:
    return STREAM_HEAD + chunked(b"".join(sse(*chat_chunks(["one", "two"], finish_reason=None), done=False)) + then,
                                 end=False)  # fmt: skip


async def breaks_off(conn: Conn, request: Request) -> None:
    await conn.send(first_words())
    conn.close()


async def goes_on(conn: Conn, request: Request) -> None:
    await conn.send(first_words())
    await conn.hang()


async def fills_up(conn: Conn, request: Request) -> None:
    error = {"error": {"message": "context size has been exceeded", "type": "server_error"}}
    await conn.send(first_words(then=b"".join(sse(error, done=False))))
    conn.close()


async def reason(gateway: Gateway) -> tuple[str, Any]:
    """The status and the error of the one record, as users see them in a list."""
    await gateway.records()
    [record] = (await gateway.client.get("/v1/usage")).json()["data"]
    return record["status"], record["error"]


@pytest.mark.parametrize("stream", [False, True])
async def test_what_the_upstream_says_of_the_request_has_a_code_and_none_of_its_words(
    gateway, up, tmp_path: Path, stream
):
    up.answer(json_response({"error": TOO_LONG}, 400))
    answer = await gateway.chat(stream=stream, messages=[{"role": "user", "content": PROMPT}])
    assert answer.status_code == 400
    assert PROMPT in answer.text, "the client, whose it is, sees what the upstream says"
    message = f"{WORDS['context_length_exceeded']} Its code: context_length_exceeded."
    error = {"code": "context_length_exceeded", "status": 400, "message": message}
    assert await reason(gateway) == ("failed", error)
    [record] = await gateway.records()
    for path in (f"/v1/usage/{record.request_id}", f"/admin/usage/{record.request_id}"):
        assert (await gateway.client.get(path, headers=gateway.as_admin if "admin" in path else {})).json()[
            "error"
        ] == error
    [row] = csv.DictReader(io.StringIO((await gateway.client.get("/v1/usage.csv")).text))
    assert row["error"] == record.error
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"context_length_exceeded" in stored
    assert PROMPT.encode() not in stored


@pytest.mark.parametrize(
    ("script", "code", "status"),
    [
        (ollama_error(400, "no"), "invalid_request", 400),
        (ollama_error(404, "model 'tiny' not found"), "model_not_found", 404),
        (ollama_error(413, "no"), "request_too_large", 413),
        (ollama_error(422, "no"), "invalid_request", 422),
        (ollama_error(401, "no"), "upstream_unavailable", 401),
        (ollama_error(418, "no"), "upstream_error", 418),
        (ollama_error(429, "no"), "server_overloaded", 429),
        (ollama_error(500, "no"), "upstream_error", 500),
        (ollama_error(503, "no"), "server_overloaded", 503),
        (ollama_error(504, "no"), "upstream_timeout", 504),
        (b"garbage\r\n\r\n", "upstream_unavailable", None),
    ],
)
async def test_the_status_is_the_upstreams(gateway, up, script, code, status):
    up.always(script)
    await gateway.chat()
    found, error = await reason(gateway)
    assert (found, error["code"], error["status"]) == ("failed", code, status)


async def test_a_completed_request_has_no_error(gateway, up):
    await gateway.chat()
    assert await reason(gateway) == ("completed", None)


async def test_a_stream_that_breaks_off_has_a_code_of_its_own(gateway, up):
    up.answer(breaks_off)
    await gateway.chat(stream=True)
    found, error = await reason(gateway)
    assert (found, error["code"], error["status"]) == ("failed", "stream_interrupted", None)


async def test_a_client_that_leaves(gateway, up):
    up.answer(goes_on)
    async with gateway.client.stream("POST", "/v1/chat/completions", json=ask(stream=True)) as answer:
        async for _ in answer.aiter_bytes():
            break
    found, error = await reason(gateway)
    assert (found, error["code"]) == ("cancelled", "client_disconnected")


async def suspend(gateway: Gateway) -> httpx.Response:
    return await gateway.client.patch("/admin/users/alice", json={"status": "suspended"}, headers=gateway.as_admin)


async def revoke(gateway: Gateway) -> httpx.Response:
    [key] = gateway.context.accounts.keys_of("alice")
    return await gateway.client.delete(f"/admin/keys/{key.id}", headers=gateway.as_admin)


@pytest.mark.parametrize(("end", "code"), [(suspend, "account_suspended"), (revoke, "access_ended")])
async def test_access_that_ends(gateway, up, end, code):
    up.answer(goes_on)
    asking = asyncio.create_task(gateway.chat(stream=True))
    await until(lambda: any(run.first_token_ms is not None for run in gateway.context.requests.active))
    assert (await end(gateway)).status_code in (200, 204)
    assert f'"code":"{code}"' in (await asking).text
    [record] = await gateway.records()
    assert record.status == "cancelled"
    assert f'"code":"{code}"' in record.error


@pytest.mark.parametrize(
    ("script", "stream"),
    [(json_response({"error": TOO_LONG}, status), False) for status in (400, 413, 422)] + [(fills_up, True)],
)
async def test_a_fault_of_the_request_is_not_the_upstreams(start, up, script, stream):
    """Neither its breaker, nor its health, nor its errors know of it, however often it comes."""
    up.always(script)
    async with start(queue_timeout=0.01) as gateway:
        for _ in range(20):
            await gateway.chat(stream=stream)
        records = await gateway.records()
        shown = (await gateway.client.get("/admin/upstreams/default", headers=gateway.as_admin)).json()["health"]
        metrics = (await gateway.client.get("/metrics", headers=gateway.as_admin)).text
    assert [record.status for record in records] == ["failed"] * 20, "none was kept away"
    assert (shown["state"], shown["breaker"], shown["error"]) == ("up", "closed", None)
    assert "tollkeeper_upstream_errors_total{" not in metrics
    assert "tollkeeper_failed_attempts_total{" not in metrics
