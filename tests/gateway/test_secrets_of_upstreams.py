"""What is sent to sign in at an upstream goes there, and nowhere else; how long the upstream asks to wait."""

import asyncio
import json
import logging
from email.utils import formatdate
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from tests.scripted import Gate, json_response, sse, streamed
from tests.services.upstreams.http.helpers import until
from tests.shapes import chat_chunks
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.services.upstreams.config import Secret, UpstreamConfig

SECRET = "sk-Ab/Cd+Ef=0123456789"
HEADER = "header/value+0123456789"
FIRST = sse(*chat_chunks(["a"], include_usage=False, finish_reason=None), done=False)


@pytest.fixture
async def signed(start, up):
    config = UpstreamConfig("up", OLLAMA, up.url, secret=Secret(SECRET), headers=(("x-account", Secret(HEADER)),))
    async with start(upstreams=[config]) as gateway:
        yield gateway


def seen(answer, caplog):
    """Everything that anybody could read, without what escapes it."""
    return (answer.text + caplog.text).replace("\\", "")


async def test_it_is_sent_with_every_request(signed, up):
    assert (await signed.chat()).status_code == 200
    assert len(up.requests) > 1
    for request in up.requests:
        assert request.header("authorization") == f"Bearer {SECRET}".encode()
        assert request.header("x-account") == HEADER.encode()


@pytest.mark.parametrize("status", [400, 401, 404, 429, 451, 500])
@pytest.mark.parametrize(
    "said",
    [SECRET, SECRET.replace("/", "\\/"), quote(SECRET, safe=""), SECRET[:9] + "***", HEADER, f"Bearer {SECRET}"],
)
async def test_an_upstream_that_repeats_it(signed, up, caplog, status, said):
    up.answer(json_response({"error": {"message": f"no {said} here"}}, status))
    with caplog.at_level(logging.INFO):
        answer = await signed.chat()
    assert answer.status_code >= 400
    text = seen(answer, caplog)
    assert "no [redacted]" in text or "no Bearer [redacted]" in text
    for secret in (SECRET, HEADER):
        assert secret[:8] not in text
        assert quote(secret, safe="")[:10] not in text


async def test_a_stream_that_repeats_it(signed, up, caplog):
    error = f"data: {json.dumps({'error': {'message': f'no {SECRET} here'}})}\n\n".encode()
    up.answer(streamed(*FIRST, error))
    with caplog.at_level(logging.INFO):
        answer = await signed.chat(stream=True)
    assert "no [redacted] here" in caplog.text
    assert SECRET[:8] not in seen(answer, caplog)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (("Retry-After: 7",), "7"),
        (("Retry-After: 7", "retry-after-ms: 1500"), "2"),
        ((f"Date: {formatdate(0, usegmt=True)}", f"Retry-After: {formatdate(30, usegmt=True)}"), "30"),
        (("x-ratelimit-reset-tokens: 6m0s",), "1"),
        (("Retry-After: 7200",), None),
    ],
)
async def test_how_long_it_asks_to_wait(signed, up, headers, seconds):
    up.answer(json_response({"error": "busy"}, 429, *headers))
    answer = await signed.chat()
    assert (answer.status_code, answer.headers.get("retry-after")) == (503, seconds)


async def test_one_under_way_while_a_new_secret_is_saved_shows_nothing_of_the_old_one(signed, up, caplog):
    gates = [Gate([json_response({"error": {"message": f"no {SECRET} here"}}, status)]) for status in (400, 401)]
    up.answer(*gates)
    asking = [asyncio.create_task(signed.chat()) for _ in gates]
    await until(lambda: len(up.calls("POST /v1/chat/completions")) == 2)
    registry = signed.context.registry
    (before,) = registry
    saved = registry.replace(replace(before.config, secret=Secret("sk-another-9876543210")))
    await signed.context.catalog.refresh()
    for gate in gates:
        gate.open()
    refused, failed = sorted(await asyncio.gather(*asking), key=lambda answer: answer.status_code)
    assert refused.json()["error"]["message"] == "no [redacted] here"
    assert failed.status_code == 502
    assert SECRET[:8] not in seen(failed, caplog)
    assert (saved.health.error, saved.health.is_calm) == (None, True), "the old secret was refused, not the new one"
    assert (await signed.chat()).status_code == 200
