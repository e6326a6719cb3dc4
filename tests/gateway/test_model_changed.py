"""A name that is pinned to a digest, and what clients see when it stands for another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from tests.gateway.conftest import TEST, Gateway
from tests.scripted import Gate, ScriptedUpstream, chat_answer, json_response
from tests.services.upstreams.http.helpers import until

GOOD, OTHER = "a" * 64, "b" * 64


def stands_for(up: ScriptedUpstream, digest: str) -> None:
    up.route("GET /api/tags", json_response({"models": [{"model": "tiny:latest", "digest": digest}]}))


async def pin(gateway: Gateway, digest: str) -> None:
    body = {"model": "tiny", "digest": digest}
    answer = await gateway.client.post("/admin/models/pin", json=body, headers=gateway.as_admin)
    assert answer.status_code == 200, answer.text


async def test_a_changed_model_is_refused_until_an_admin_accepts_it(gateway: Gateway, up: ScriptedUpstream) -> None:
    stands_for(up, GOOD)
    await gateway.context.catalog.refresh()
    await pin(gateway, GOOD)
    assert (await gateway.chat()).status_code == 200
    stands_for(up, OTHER)
    await gateway.context.catalog.refresh()
    sent = len(up.calls("POST /v1/chat/completions"))
    refused = await gateway.chat()
    error = refused.json()["error"]
    assert (refused.status_code, error["type"], error["code"], error["param"]) == (
        409, "invalid_request_error", "model_changed", "model",
    )  # fmt: skip
    completion = await gateway.client.post("/v1/completions", json={"model": "Tiny:latest", "prompt": "hi"})
    assert (completion.status_code, completion.json()["error"]["code"]) == (409, "model_changed")
    assert len(up.calls("POST /v1/chat/completions")) == sent
    await pin(gateway, "current")
    assert (await gateway.chat()).status_code == 200
    assert len(await gateway.records()) == 2


async def test_a_request_in_line_is_not_sent_to_what_has_changed_meanwhile(
    start: Callable[..., AbstractAsyncContextManager[Gateway]], up: ScriptedUpstream
) -> None:
    async with start() as gateway:
        stands_for(up, GOOD)
        await gateway.context.catalog.refresh()
        await gateway.upstreams.change("default", {"slots": 1}, TEST)
        await gateway.context.catalog.refresh()
        await pin(gateway, GOOD)
        gate = Gate([json_response(chat_answer())])
        up.answer(gate)
        first = asyncio.create_task(gateway.chat())
        await until(lambda: len(up.calls("POST /v1/chat/completions")) == 1)
        second = asyncio.create_task(gateway.chat())
        await until(lambda: len(gateway.context.selection.line) == 1)
        stands_for(up, OTHER)
        await gateway.context.catalog.refresh()
        gate.open()
        assert (await first).status_code == 200
        assert (await second).json()["error"]["code"] == "model_changed"
        assert len(up.calls("POST /v1/chat/completions")) == 1
        assert len(await gateway.records()) == 1
        assert not gateway.context.requests.active
