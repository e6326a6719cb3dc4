"""A third kind of owner of limits is one more entry in the list that a caller carries, and nothing else."""

from functools import partial

import pytest
from msgspec.structs import replace

from tests.gateway.test_bad_input import check
from tests.scripted import chat_answer, json_response
from tests.services.in_memory import ROOT
from tests.store.slow_counters import SlowCounters
from tollkeeper.app.ids import RequestIds
from tollkeeper.rules.limits import NO_LIMITS
from tollkeeper.rules.owners import Owner, OwnerKind
from tollkeeper.services.ledger.adjustments import Adjustments
from tollkeeper.services.limits.backfill import Backfill
from tollkeeper.services.limits.usage import LimitUsage
from tollkeeper.store.memory.counters import MemoryCounters

TEAM = OwnerKind("team", possessive=" of your team", context=" in your team")
MODEL = "tiny:latest"


class Team:
    """alice and bob are in it, carol is not."""

    def __init__(self, gateway):
        self.gateway = gateway
        context, store = gateway.context, gateway.store
        counters = context.admission.counters
        self.backfill = Backfill(counters, store.ledger, store.reports, context.now)
        self.read = LimitUsage(counters, context.now)
        adjustments = Adjustments(store.ledger, counters, self.owners_of, context.observers, context.now, RequestIds())
        self.adjust = partial(adjustments.adjust, reason="a refund", by=ROOT)
        self.owner = Owner(TEAM, "physics", NO_LIMITS, ("alice", "bob"))

    def owners_of(self, user_id):
        team = (self.owner,) if user_id in self.owner.users else ()
        return (*self.gateway.context.accounts.owners_of(user_id), *team)

    async def limit(self, **limits):
        owner = replace(self.owner, limits=NO_LIMITS.merged(limits))
        await self.backfill.prepare(owner)
        self.owner = owner
        callers = self.gateway.context.accounts._callers
        for digest, caller in callers.items():
            if caller.user.user_id in owner.users:
                others = (other for other in caller.owners if other.kind is not TEAM)
                callers[digest] = replace(caller, owners=(*others, owner))

    async def chat(self, user_id, **fields):
        key = {"authorization": f"Bearer {self.gateway.secrets[user_id]}"}
        body = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], **fields}
        return await self.gateway.client.post("/v1/chat/completions", json=body, headers=key)

    async def used(self):
        await self.gateway.records()
        return {name: (status.used, status.reserved) for name, status in (await self.read.of(self.owner)).items()}


@pytest.fixture(params=[MemoryCounters, SlowCounters])
async def team(request, start, up, monkeypatch):
    monkeypatch.setattr("tollkeeper.app.build.new_counters", request.param)
    up.always(json_response(chat_answer(usage=(5, 2))))
    async with start(users=("alice", "bob", "carol")) as gateway:
        yield Team(gateway)


async def test_what_its_members_used_before_and_use_now_counts_for_a_team(team):
    for user_id in ("alice", "bob", "carol"):
        assert (await team.chat(user_id)).status_code == 200
    await team.limit(requests_total=4, tokens_per_day=10_000, tokens_per_month=10_000, requests_per_minute=100)
    before = {
        "requests_total": (2, 0),
        "tokens_per_day": (14, 0),
        "tokens_per_month": (14, 0),
        "requests_per_minute": (2, 0),
    }
    assert await team.used() == before
    await team.chat("carol")
    assert await team.used() == before
    answer = await team.chat("alice")
    assert answer.headers["x-ratelimit-remaining-requests"] == "97"
    await team.chat("bob")
    after = await team.used()
    assert (after["requests_total"], after["tokens_per_day"]) == ((4, 0), (28, 0))
    message = check(await team.chat("alice"), 429, "insufficient_quota", kind="insufficient_quota")
    assert message == "You have used up the limit requests_total of your team (4). It does not reset."
    assert (await team.chat("carol")).status_code == 200
    assert await team.used() == after, "who was refused took nothing"


async def test_a_team_has_limits_of_models_and_allowed_models(team):
    await team.chat("alice")
    await team.limit(models={MODEL: {"tokens_total": 40}}, allowed_models=["tiny"])
    statuses = await team.read.by_model(team.owner)
    assert {name: status.used for name, status in statuses[MODEL].items()} == {"tokens_total": 7}
    message = check(await team.chat("bob", max_tokens=16), 400, "limit_too_small")
    assert f"the limit tokens_total of your team for {MODEL} (40) is less" in message
    refused = await team.chat("bob", model="eye")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "model_not_allowed")
    await team.limit(allowed_models=[])
    refused = await team.chat("bob")
    assert refused.json()["error"]["message"] == "You may use no model in your team. Ask an admin to allow one."


async def test_a_blocked_team_is_refused_before_anything_is_read(team):
    await team.limit(requests_per_minute=0)
    message = check(await team.chat("bob"), 429, "rate_limit_exceeded", kind="requests")
    assert message == "You have reached the limit requests_per_minute of your team (0). It allows nothing."
    assert (await team.chat("carol")).status_code == 200


async def test_corrections_of_a_members_cost_count_for_a_team_too(team):
    await team.limit(cost_usd_total="5")
    await team.adjust("alice", 700)
    await team.adjust("carol", 90)
    assert await team.used() == {"cost_usd_total": (700, 0)}
    await team.limit(cost_usd_total="5", cost_usd_per_month="5")
    assert await team.used() == {"cost_usd_total": (700, 0), "cost_usd_per_month": (700, 0)}
