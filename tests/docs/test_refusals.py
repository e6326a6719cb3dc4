"""docs/limits.md foretells every refusal: each row of its table, and each worked number, tried on the whole gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx2 as httpx
import pytest

from tests.docs.tables import code, rows, section
from tests.gateway.conftest import ADMIN, Gateway, ask
from tests.scripted import Conn, Request, ScriptedUpstream, chat_answer, json_response
from tollkeeper.rules.kinds import OPENAI, OPENAI_COMPATIBLE
from tollkeeper.services.upstreams.config import UpstreamConfig

ROWS = {when: cells for when, *cells in rows(section("docs/limits.md", "What a refusal looks like"), first="when")}
HEADERS = ("retry-after", "retry-after-ms", "x-should-retry")
BEARER = {"authorization": f"Bearer {ADMIN}"}
Start = Callable[..., AbstractAsyncContextManager[Gateway]]


async def limit(gateway: Gateway, **limits: Any) -> None:
    answer = await gateway.client.put("/admin/users/alice/limits", json=limits, headers=BEARER)
    assert answer.status_code == 200, answer.text


async def left(gateway: Gateway, name: str) -> dict[str, Any]:
    found: dict[str, Any] = (await gateway.client.get("/me")).json()["usage"][name]
    return found


async def of_size(gateway: Gateway, size: int, **fields: Any) -> httpx.Response:
    """The answer to a body of so many bytes."""
    padded = ask(messages=[{"role": "user", "content": ""}], **fields)
    padded["messages"][0]["content"] = "x" * (size - len(json.dumps(padded)))
    return await gateway.client.post("/v1/chat/completions", content=json.dumps(padded).encode())


class Waiting:
    """An upstream's answer that waits until a test lets it go."""

    def __init__(self, up: ScriptedUpstream, usage: tuple[int, int]) -> None:
        self.asked, self.go = asyncio.Event(), asyncio.Event()
        self._usage = usage
        up.answer(self._script)

    async def _script(self, conn: Conn, _: Request) -> None:
        self.asked.set()
        await self.go.wait()
        await conn.send(json_response(chat_answer(usage=self._usage)))


async def second_of_two(gateway: Gateway, **limits: Any) -> httpx.Response:
    await limit(gateway, **limits)
    assert (await gateway.chat()).status_code == 200
    return await gateway.chat()


async def meanwhile(gateway: Gateway, up: ScriptedUpstream, **limits: Any) -> httpx.Response:
    """The answer to a request that came while another ran."""
    await limit(gateway, **limits)
    waiting = Waiting(up, (5, 2))
    first = asyncio.create_task(gateway.chat(max_tokens=200))
    await waiting.asked.wait()
    answer = await gateway.chat(max_tokens=200)
    waiting.go.set()
    assert (await first).status_code == 200
    return answer


async def at_once(gateway: Gateway, **limits: Any) -> httpx.Response:
    await limit(gateway, **limits)
    return await gateway.chat()


async def unbounded(gateway: Gateway, **fields: Any) -> httpx.Response:
    await limit(gateway, tokens_total=10_000)
    answer = await gateway.chat(**fields)
    assert answer.json()["error"]["param"] in answer.json()["error"]["message"]
    return answer


async def undescribed(gateway: Gateway, up: ScriptedUpstream) -> httpx.Response:
    up.route("POST /api/show", json_response({}, 500))
    return await at_once(gateway, tokens_total=10_000)


Case = Callable[[Gateway, ScriptedUpstream], Awaitable[httpx.Response]]
CASES: dict[str, list[Case]] = {
    "a pace limit is used up, or too many requests run": [
        lambda gateway, _: second_of_two(gateway, requests_per_minute=1),
        lambda gateway, up: meanwhile(gateway, up, max_concurrent_requests=1),
    ],
    "only what running requests hold stands in the way, of pace or budget": [
        lambda gateway, up: meanwhile(gateway, up, tokens_per_minute=350),
        lambda gateway, up: meanwhile(gateway, up, tokens_total=350),
    ],
    "a day's or a month's budget is used up": [
        lambda gateway, _: second_of_two(gateway, requests_per_day=1),
        lambda gateway, _: second_of_two(gateway, requests_per_month=1),
    ],
    "a total is used up": [lambda gateway, _: second_of_two(gateway, requests_total=1)],
    "the limit is 0": [
        lambda gateway, _: at_once(gateway, tokens_per_hour=0),
        lambda gateway, _: at_once(gateway, cost_usd_per_month=0),
    ],
    "the request alone, with nothing used, would not fit": [lambda gateway, _: at_once(gateway, tokens_total=20)],
    "the model is not allowed": [lambda gateway, _: at_once(gateway, allowed_models=[])],
    "a provider's model has no price": [lambda gateway, _: gateway.chat()],
    "with a budget, what it asks has no bound": [
        lambda gateway, _: unbounded(gateway, plugins=[{"id": "web"}]),
        lambda gateway, _: unbounded(gateway, n_predict=5),
    ],
    "with a budget, its Ollama does not describe the model": [undescribed],
}
FAMILY = {"tokens_per_hour": ("tokens", "rate_limit_exceeded"), "cost_usd_per_month": ("insufficient_quota",) * 2}


def test_every_row_is_tried() -> None:
    assert set(ROWS) == set(CASES)


@pytest.mark.parametrize(("when", "case"), [(when, case) for when, cases in CASES.items() for case in cases])
async def test_a_refusal_is_as_its_row_says(start: Start, up: ScriptedUpstream, when: str, case: Case) -> None:
    up.route("GET /v1/models", json_response({"object": "list", "data": [{"id": "tiny"}]}))
    provider = [UpstreamConfig("paid", OPENAI, up.url, open=True)] if "provider" in when else None
    if "no bound" in when:  # an Ollama passes over such fields
        provider = [UpstreamConfig("own", OPENAI_COMPATIBLE, up.url, open=True)]
    status, types, codes, headers = ROWS[when]
    async with start(upstreams=provider) as gateway:
        refused = await case(gateway, up)
    error = refused.json()["error"]
    assert refused.status_code == int(status)
    if types == "as for its family":
        assert (error["type"], error["code"]) == next(
            found for name, found in FAMILY.items() if name in error["message"]
        )
    else:
        assert error["type"] in code(types)
        assert error["code"] == (None if codes == "none" else code(codes)[0])
    told = {name: refused.headers[name] for name in HEADERS if name in refused.headers}
    named = {header.partition(": ")[0]: header.partition(": ")[2] for header in code(headers)}
    if "retry-after" in named:
        named.setdefault("retry-after-ms", "")  # comes with it always
    if "retry-after-ms" in told and int(told["retry-after-ms"]) > 65_000:
        named["x-should-retry"] = "false"  # below the table
    if when == "a day's or a month's budget is used up":
        reset = next(value for name, value in refused.headers.items() if name.startswith("x-ratelimit-reset-"))
        assert ("retry-after" in told) == ("h" not in reset)  # below the table: over an hour
        named = named if "retry-after" in told else {"x-should-retry": "false"}
    assert set(told) == set(named)
    assert all(told[name] == value for name, value in named.items() if value)


@pytest.fixture
def provider(start: Start, up: ScriptedUpstream) -> AbstractAsyncContextManager[Gateway]:
    up.route("GET /v1/models", json_response({"object": "list", "data": [{"id": "tiny"}]}))
    return start(upstreams=[UpstreamConfig("own", OPENAI_COMPATIBLE, up.url, open=True)])


async def test_tokens_of_a_minute(provider: AbstractAsyncContextManager[Gateway], up: ScriptedUpstream) -> None:
    async with provider as gateway:
        await limit(gateway, tokens_per_minute=1000)
        waiting = Waiting(up, (100, 20))
        first = asyncio.create_task(of_size(gateway, 400, max_tokens=300))
        await waiting.asked.wait()
        assert (await left(gateway, "tokens_per_minute"))["reserved"] == 700
        refused = await of_size(gateway, 400, max_tokens=300)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        waiting.go.set()
        await first
        assert (await left(gateway, "tokens_per_minute"))["remaining"] == 880
        refused = await of_size(gateway, 400, max_tokens=700)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "limit_too_small")
        assert "1100" in refused.json()["error"]["message"]
        assert "1000" in refused.json()["error"]["message"]
        assert (await of_size(gateway, 400, max_tokens=300)).status_code == 200


async def test_a_day_clipped(provider: AbstractAsyncContextManager[Gateway], up: ScriptedUpstream) -> None:
    async with provider as gateway:
        await limit(gateway, tokens_per_day=1000)
        up.answer(json_response(chat_answer(usage=(100, 500))))
        assert (await of_size(gateway, 200, max_tokens=500)).status_code == 200
        up.answer(json_response(chat_answer(usage=(100, 30))))
        assert (await of_size(gateway, 200, max_tokens=500)).status_code == 200
        assert up.requests[-1].json["max_tokens"] == 136
        assert (await left(gateway, "tokens_per_day"))["used"] == 730
        refused = await of_size(gateway, 200, max_tokens=500)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
        assert (await of_size(gateway, 200, max_tokens=5)).status_code == 200
        assert up.requests[-1].json["max_tokens"] == 5


async def test_money(provider: AbstractAsyncContextManager[Gateway], up: ScriptedUpstream) -> None:
    async with provider as gateway:
        price = {"model": "tiny", "input_usd_per_mtok": "2.50", "output_usd_per_mtok": "10"}
        await gateway.client.put("/admin/prices", json=price, headers=BEARER)
        await limit(gateway, cost_usd_total="0.001")
        up.answer(json_response(chat_answer(usage=(50, 34))))
        answer = await of_size(gateway, 200, max_tokens=500)
        assert up.requests[-1].json["max_tokens"] == 34
        assert answer.headers["x-cost-usd"] == "0.000465"
        assert float((await left(gateway, "cost_usd_total"))["remaining"]) == 0.000535


async def test_answers_by_the_number(provider: AbstractAsyncContextManager[Gateway], up: ScriptedUpstream) -> None:
    async with provider as gateway:
        await limit(gateway, tokens_total=264 + 1002)
        assert (await of_size(gateway, 200, max_tokens=500, n=4)).status_code == 200
        assert up.requests[-1].json["max_tokens"] == 250
        await limit(gateway, tokens_total=264 + 63)
        assert (await of_size(gateway, 200, max_tokens=500, n=4)).status_code == 400
