"""The whole gateway over counters that are elsewhere: nothing of it takes their answers to be there at once."""

import asyncio
from functools import partial

import pytest

from tests.gateway.test_limits import BEARER, limit, usage
from tests.gateway.test_limits_at_once import MIXES, Crowd
from tests.scripted import chat_answer, json_response
from tests.store.slow_counters import SlowCounters
from tollkeeper.rules.ids import request_id_floor

AHEAD = 3_000


@pytest.fixture
def start_slow(start, monkeypatch):
    """`async with start_slow(ahead=3000) as gateway`."""

    def begin(ahead=0, **settings):
        monkeypatch.setattr("tollkeeper.app.build.new_counters", partial(SlowCounters, ahead=ahead))
        return start(**settings)

    return begin


async def held(gateway):
    await gateway.records()
    await gateway.context.admission.counters.settled()
    return gateway.context.admission.counters.held()


class SlowCrowd(Crowd):
    async def check_counts(self):
        assert await held(self.gateway) == 0
        await super().check_counts()


@pytest.mark.parametrize("limits", MIXES.values(), ids=MIXES.keys())
async def test_two_hundred_at_once_against_several_limits(start_slow, up, limits):
    async with start_slow() as gateway:
        crowd = SlowCrowd(gateway, up)
        await crowd.place(limits)
        assert await crowd.rush() > 1
        await crowd.check_counts()
        crowd.check_refusals()
        assert gateway.context.admission.counters.overlapped > 100


async def test_who_leaves_while_it_is_decided_leaves_nothing_held(start_slow, up):
    up.always(json_response(chat_answer(usage=(5, 2))))
    async with start_slow() as gateway:
        await limit(gateway, max_concurrent_requests=50, tokens_total=10**6, requests_per_minute=1000)
        asked = gateway.post(b'{"model":"tiny","messages":[{"role":"user","content":"hi"}]}')
        for turns in range(60):
            async with gateway.raw() as (_, writer):
                writer.write(asked)
                await writer.drain()
                for _ in range(turns):
                    await asyncio.sleep(0)
        assert await held(gateway) == 0
        found = await usage(gateway)
        assert found["requests_per_minute"]["used"] == len(await gateway.records()), "who never went out does not count"
        assert found["max_concurrent_requests"]["reserved"] == 0


async def test_a_limit_set_while_requests_end_counts_each_of_them_once(start_slow, up):
    """What was used before is in its past, what ends while it begins is settled: nothing is in both or in neither."""
    up.always(json_response(chat_answer(usage=(5, 2))))
    async with start_slow() as gateway:

        async def ask_on():
            for _ in range(15):
                assert (await gateway.chat()).status_code == 200

        async def set_limits():
            for name in ("tokens_total", "requests_total", "tokens_per_hour", "tokens_per_month", "requests_per_day"):
                await limit(gateway, **{name: 10**6})

        await asyncio.gather(set_limits(), *(ask_on() for _ in range(4)))
        assert await held(gateway) == 0
        assert {name: status["used"] for name, status in (await usage(gateway)).items()} == {
            "tokens_total": 7 * 60,
            "requests_total": 60,
            "tokens_per_hour": 7 * 60,
            "tokens_per_month": 7 * 60,
            "requests_per_day": 60,
        }


async def test_the_moment_of_admission_is_that_of_the_counters(start_slow, up):
    """By their clock limits count, records are dated, and waits are measured."""
    up.always(json_response(chat_answer(usage=(5, 2))))
    async with start_slow(ahead=AHEAD) as gateway:
        await limit(gateway, requests_per_minute=1)
        before = gateway.context.now()
        answer = await gateway.chat()
        record, after = await gateway.record(), gateway.context.now()
        assert before + AHEAD <= record.created_at <= record.settled_at <= after + AHEAD
        assert record.request_id.startswith(request_id_floor(record.created_at)), "spans are cut by either"
        assert answer.headers["x-request-id"] == record.request_id
        assert 60 <= float(answer.headers["x-ratelimit-reset-requests"].removeprefix("1m").removesuffix("s")) + 60 <= 61
        refused = await gateway.chat()
        assert refused.status_code == 429
        assert 59_000 < int(refused.headers["retry-after-ms"]) <= 61_000


async def test_a_correction_gives_room_again(start_slow, up):
    up.always(json_response(chat_answer(usage=(150, 2))))
    async with start_slow() as gateway:
        price = {"model": "tiny:latest", "input_usd_per_mtok": "1000", "output_usd_per_mtok": "0"}
        await gateway.client.put("/admin/prices", json=price, headers=BEARER)
        await limit(gateway, cost_usd_total="0.3")
        assert [(await gateway.chat()).status_code for _ in range(3)] == [200, 200, 429]
        refund = {"user_id": "alice", "cost_usd": "-0.15", "reason": "a bad answer"}
        assert (await gateway.client.post("/admin/adjustments", json=refund, headers=BEARER)).status_code == 201
        assert (await gateway.chat()).status_code == 200
        assert await held(gateway) == 0
