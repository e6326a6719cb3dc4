"""Admission over counters in memory: what it takes, what it asks for beforehand, and why it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from tests.store.values import NOON
from tollkeeper.rules.errors import (
    BadRequest,
    InsufficientQuota,
    ModelNotAllowed,
    ModelNotPriced,
    RateLimited,
    UpstreamUnavailable,
)
from tollkeeper.rules.kinds import OLLAMA, OPENAI, Kind
from tollkeeper.rules.limits import Limits
from tollkeeper.rules.owners import KEY, USER, Owner, Owners
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.usage import Usage
from tollkeeper.services.limits.admission import Admission
from tollkeeper.services.limits.grant import Grant
from tollkeeper.services.models.catalog import Deployment, Model
from tollkeeper.services.models.offers import Offer
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.descriptions import UNKNOWN, Facts
from tollkeeper.store.memory.counters import MemoryCounters
from tollkeeper.wire.request import Endpoint, ModelRequest

CHAT = Endpoint("/v1/chat")
FACTS = Facts(None, None, overhead=10)
ADAPTER: Any = SimpleNamespace()


def request(*, output_cap: int | None = 100, endpoint: Endpoint = CHAT) -> ModelRequest:
    return ModelRequest(
        endpoint=endpoint, body=b"x" * 50, model="tiny", stream=False, output_cap=output_cap, text_bytes=50
    )


def deployment(kind: Kind = OLLAMA, model: str = "tiny", *, is_open: bool = True) -> Deployment:
    upstream: Any = SimpleNamespace(config=UpstreamConfig(kind.name, kind, "http://127.0.0.1", open=is_open))
    return Deployment(model, upstream, model)


def owners(**counts: int) -> Owners:
    return (Owner(USER, "ann", Limits(counts=counts)),)


class Rig:
    """`found` are the fields that a look through the body finds; `asked` how often the upstream was."""

    def __init__(self, facts: Facts = FACTS) -> None:
        self.counters = MemoryCounters()
        self.asked = 0
        self.found: dict[str, str] = {}
        self._facts = facts
        self.admission = Admission(self.counters, self, default_max_tokens=1000)  # type: ignore[arg-type]
        self.adapter: Any = SimpleNamespace(
            sent_bytes=None,
            external_input_field=lambda *_: self.found.get("input"),
            extra_output_field=lambda *_: self.found.get("output"),
        )

    def cached(self, _: Deployment) -> Facts | None:
        return None

    async def of(self, deployment: Deployment) -> Facts:
        return (await self.of_each([deployment]))[0]

    async def of_each(self, deployments: Sequence[Deployment]) -> list[Facts]:
        self.asked += len(deployments)
        return [self._facts] * len(deployments)

    async def ask(self, of: Owners, wanted: ModelRequest | None = None, kind: Kind = OLLAMA) -> Grant:
        return await self.ask_any(of, [Offer(deployment(kind), ADAPTER, None)], wanted)

    async def ask_any(self, of: Owners, offers: Sequence[Offer], wanted: ModelRequest | None = None) -> Grant:
        wanted = wanted or request()
        places = [(offer.deployment, self.adapter) for offer in offers]
        prefetched = await self.admission.prefetch(of, wanted, places)
        return await self.admission.admit(of, wanted, offers, prefetched, NOON)


async def test_without_limits_nothing_is_asked_and_nothing_changes() -> None:
    rig = Rig()
    grant = await rig.ask(owners())
    assert (rig.asked, grant.max_tokens, grant.bound) == (0, None, None)


async def test_what_was_taken_is_given_back_unless_it_was_taken_over() -> None:
    rig, of = Rig(), owners(requests_total=1)
    with await rig.ask(of), pytest.raises(InsufficientQuota):
        await rig.ask(of)
    with await rig.ask(of) as grant:
        grant.taken_over = True
    grant.settle("tiny", Usage(1), 0, NOON + 1)
    with pytest.raises(InsufficientQuota):
        await rig.ask(of)


async def test_a_budget_of_tokens_clips_the_output_to_what_is_left() -> None:
    grant = await Rig().ask(owners(tokens_total=100))
    assert grant.max_tokens == 100 - 50 - 10
    assert grant.allowance == 40


async def test_a_pace_of_tokens_never_clips() -> None:
    assert (await Rig().ask(owners(tokens_per_minute=150))).max_tokens is None
    with pytest.raises(BadRequest):
        await Rig().ask(owners(tokens_per_minute=149))


async def test_input_that_no_budget_can_bound_is_refused_by_name() -> None:
    rig = Rig()
    rig.found["input"] = "previous_response_id"
    with pytest.raises(BadRequest) as refused:
        await rig.ask(owners(tokens_total=1000))
    assert refused.value.param == "previous_response_id"
    await rig.ask(owners(tokens_per_minute=1000))


async def test_a_budget_waits_for_nothing_that_its_upstream_does_not_say() -> None:
    with pytest.raises(UpstreamUnavailable) as refused:
        await Rig(UNKNOWN).ask(owners(tokens_total=1000))
    assert (refused.value.status, refused.value.retry_after) == (503, 1)
    await Rig(UNKNOWN).ask(owners(tokens_per_minute=1000))


async def test_a_provider_s_model_needs_a_price() -> None:
    with pytest.raises(ModelNotPriced):
        await Rig().ask(owners(), kind=OPENAI)


async def test_a_model_that_may_not_be_used_is_refused_before_its_upstream_is_asked() -> None:
    rig = Rig()
    with pytest.raises(ModelNotAllowed):
        await rig.ask((Owner(USER, "ann", Limits(counts={"tokens_total": 9}, allowed_models=("other",))),))
    assert rig.asked == 0


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (Limits(counts={"requests_per_minute": 0}), RateLimited),
        (Limits(counts={"tokens_total": 0}), InsufficientQuota),
        (Limits(max_concurrent_requests=0), RateLimited),
        (Limits(max_tokens_per_request=0), RateLimited),
        (Limits(allowed_models=()), ModelNotAllowed),
        (Limits(counts={"requests_per_minute": 1}), None),
        (Limits(models={"tiny": {"requests_total": 0}}), None),
    ],
)
def test_who_is_shut_out_is_known_before_anything_is_read(limits: Limits, error: type[Exception] | None) -> None:
    check = Rig().admission.check_blocked
    if error is None:
        check((Owner(USER, "ann", limits),), CHAT)
        return
    with pytest.raises(error):
        check((Owner(USER, "bob"), Owner(USER, "ann", limits)), CHAT)


def test_no_output_is_no_bar_to_embeddings() -> None:
    of = (Owner(USER, "ann", Limits(max_tokens_per_request=0)),)
    check = Rig().admission.check_blocked
    check(of, Endpoint("/v1/embeddings", generates=False))
    with pytest.raises(RateLimited):
        check(of, CHAT)


def test_who_was_let_in_is_shut_out_by_new_limits() -> None:
    check = Rig().admission.check_blocked
    check((Owner(USER, "ann", Limits(counts={"tokens_total": 1})),), CHAT)
    with pytest.raises(InsufficientQuota):
        check((Owner(USER, "ann", Limits(counts={"tokens_total": 0})),), CHAT)


CHEAP, DEAR = Price(1, "tiny", 1, 1, None, None, 0, 0), Price(2, "big", 1000, 5000, None, None, 0, 0)


def of_user(**fields: Any) -> Owners:
    return (Owner(USER, "ann", Limits(**fields)),)


def two_offers() -> list[Offer]:
    return [Offer(deployment(model="tiny"), ADAPTER, CHEAP), Offer(deployment(OPENAI, "big"), ADAPTER, DEAR)]


def models_of(grant: Grant) -> list[str]:
    return [offer.deployment.model for offer in grant.offers]


async def test_of_several_offers_the_dearest_is_held_and_the_one_that_served_is_charged() -> None:
    rig = Rig()
    of = of_user(
        counts={"cost_usd_total": 10**9}, models={"tiny": {"tokens_total": 1000}, "big": {"tokens_total": 900}}
    )
    grant = await rig.ask_any(of, two_offers())
    assert models_of(grant) == ["tiny", "big"]
    assert grant.bound == (60 + 100, 60 * 1000 + 100 * 5000)
    grant.settle("big", Usage(60, completion_tokens=10), 7, NOON)
    names = {"tokens_total": 1}
    [[tiny], [big]] = await rig.counters.status([(("user", "ann", model), names) for model in ("tiny", "big")], NOON)
    assert ((tiny.used, tiny.reserved), (big.used, big.reserved)) == ((0, 0), (70, 0))
    assert rig.counters.held() == 0


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"allowed_models": ("big",)}, ["big"]),
        ({"allowed_models": ("tiny",)}, ["tiny"]),
        ({"models": {"tiny": {"requests_total": 0}}}, ["big"]),
        ({"models": {"big": {"tokens_total": 5}}}, ["tiny"]),
        ({"counts": {"cost_usd_total": 100_000}}, ["tiny"]),
    ],
)
async def test_an_offer_that_is_refused_is_left_out_and_not_the_request(
    fields: dict[str, Any], left: list[str]
) -> None:
    rig = Rig()
    grant = await rig.ask_any(of_user(**fields), two_offers())
    assert models_of(grant) == left
    grant.give_back()
    assert rig.counters.held() == 0


async def test_where_all_are_refused_the_error_is_that_of_the_first() -> None:
    unpriced = Offer(deployment(OPENAI, "unpriced"), ADAPTER, None)
    with pytest.raises(ModelNotPriced):
        await Rig().ask_any(of_user(allowed_models=("unpriced",)), [unpriced, *two_offers()])
    with pytest.raises(ModelNotAllowed):
        await Rig().ask_any(of_user(allowed_models=("unpriced",)), [*two_offers(), unpriced])
    with pytest.raises(RateLimited):
        await Rig().ask_any(of_user(counts={"requests_per_minute": 0}), two_offers())
    refused = Offer(deployment(model="tiny"), ADAPTER, CHEAP, BadRequest("no"))
    with pytest.raises(BadRequest):
        await Rig().ask_any(of_user(), [refused, unpriced])


@pytest.mark.parametrize(
    ("barred", "limits"),
    [
        (Offer(deployment(model="big"), ADAPTER, DEAR), {"allowed_models": ("tiny",)}),
        (Offer(deployment(OPENAI, "tiny", is_open=False), ADAPTER, DEAR), {}),
        (Offer(deployment(OPENAI, "tiny"), ADAPTER, None), {}),
        (Offer(deployment(model="tiny"), ADAPTER, CHEAP, BadRequest("a field changes the price")), {}),
    ],
)
async def test_an_offer_that_is_barred_hides_no_limit_of_another(barred: Offer, limits: dict[str, Any]) -> None:
    rig, of, offers = Rig(), of_user(counts={"requests_per_minute": 1}, **limits), [barred, two_offers()[0]]
    (await rig.ask_any(of, offers)).settle("tiny", Usage(1), 0, NOON)
    with pytest.raises(RateLimited) as told:
        await rig.ask_any(of, offers)
    with pytest.raises(RateLimited) as alone:
        await rig.ask_any(of, offers[1:])
    assert told.value.retry_after == alone.value.retry_after == 61


async def test_what_costs_money_is_for_those_whom_an_admin_trusts_with_it() -> None:
    closed = [Offer(deployment(OPENAI, is_open=False), ADAPTER, CHEAP)]

    async def may(*limits: Limits) -> bool:
        of = tuple(Owner(kind, "ann", each) for kind, each in zip((USER, KEY), limits, strict=False))
        try:
            await Rig().ask_any(of, closed)
        except ModelNotAllowed:
            return False
        return True

    with pytest.raises(ModelNotAllowed, match="An admin can"):
        await Rig().ask_any(of_user(), closed)
    assert not await may(Limits())
    assert not await may(Limits(counts={"tokens_total": 9000}))
    assert await may(Limits(counts={"cost_usd_total": 10**9}))
    assert await may(Limits(models={"tiny": {"cost_usd_per_day": 10**9}}))
    assert not await may(Limits(models={"other": {"cost_usd_per_day": 10**9}}))
    assert await may(Limits(allowed_models=("tiny",)))
    # Users set the limits of their keys themselves.
    assert not await may(Limits(), Limits(counts={"cost_usd_total": 10**9}, allowed_models=("tiny",)))
    assert models_of(await Rig().ask_any(of_user(), [*closed, Offer(deployment(), ADAPTER, CHEAP)])) == ["tiny"]


def test_of_a_model_s_places_those_count_that_its_owner_may_use() -> None:
    closed, own = deployment(OPENAI, is_open=False), deployment()
    admission, both = Rig().admission, Model("tiny", (closed, own))
    assert admission.usable(of_user(), both) == [own]
    assert admission.usable(of_user(allowed_models=("tiny",)), both) == [closed, own]
    assert admission.usable(of_user(), Model("tiny", (deployment(OPENAI),))) != []
    with pytest.raises(ModelNotAllowed, match="costs money"):
        admission.usable(of_user(), Model("tiny", (closed,)))
    with pytest.raises(ModelNotAllowed, match="lists those"):
        admission.usable(of_user(allowed_models=("other",)), both)
