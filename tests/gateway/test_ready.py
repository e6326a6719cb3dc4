"""Whether the gateway can work, by what is known of the upstreams: anyone may ask, as often as they like."""

from __future__ import annotations

import pytest

from tests.gateway.pools import Pool, pool
from tests.scripted import json_response, ollama_error
from tests.services.upstreams.http.helpers import hanging
from tollkeeper.rules.kinds import OPENAI
from tollkeeper.services.models import catalog as module
from tollkeeper.services.upstreams.registry import NOT_ASKED

TAGS, MODELS = "GET /api/tags", "GET /v1/models"


async def not_ready(upstreams: Pool) -> str | None:
    """Why no upstream is ready; None: one is."""
    answer = await upstreams.gateway.client.get("/ready")
    reason: str | None = answer.json()["parts"]["upstreams"]
    assert answer.status_code == (503 if reason else 200)
    return reason


async def test_a_provider_is_not_asked_by_everyone_who_asks(start):
    async with pool(start, {"kind": OPENAI, "open": True}) as only:
        assert [await not_ready(only) for _ in range(10)] == [None] * 10
        assert only.calls(MODELS) == {"a": 1}


async def test_one_that_hangs_delays_nothing(start, monkeypatch):
    async with pool(start, {}, {}) as both:
        both["a"].route(TAGS, hanging)
        for upstream in both.gateway.context.registry:
            upstream.fault = NOT_ASKED
        monkeypatch.setattr(module, "MISS_EVERY", 0.0)
        assert await not_ready(both) is None
        assert both.calls(TAGS) == {"a": 2, "b": 2}
        assert await not_ready(both) is None
        assert both.calls(TAGS) == {"a": 2, "b": 2}, "one is known to answer"


async def test_while_none_answers_each_is_asked_now_and_then(start, monkeypatch):
    async with pool(start, {}) as only:
        only["a"].route(TAGS, json_response({}, 500))
        await only.gateway.context.catalog.refresh()
        assert [await not_ready(only) for _ in range(3)] == ["a: it answered 500 to /api/tags"] * 3
        assert only.calls(TAGS) == {"a": 2}
        monkeypatch.setattr(module, "MISS_EVERY", 0.0)
        only["a"].route(TAGS, json_response({"models": []}))
        assert await not_ready(only) is None


@pytest.mark.parametrize("how", ["probe", "requests"])
async def test_one_that_is_known_to_be_down_is_not_ready(start, how):
    async with pool(start, {}, {"state": "draining"}) as both:
        health = both.upstream("a").health
        if how == "probe":
            health.probed(both.line.clock(), "no route to 10.1.2.3")
            assert await not_ready(both) == "a: it fails its probe"
            health.probed(both.line.clock(), None)
        else:
            both["a"].always(ollama_error(502, "proxy 10.1.2.3 has failed"))
            for _ in range(5):
                assert (await both.say(model="tiny@a")).status_code == 502
            assert await not_ready(both) == "a: requests to it have failed"
            health.clear()
        assert await not_ready(both) is None


async def test_without_an_upstream_nothing_is_ready(start):
    async with pool(start) as none:
        assert await not_ready(none) == "there is none"
