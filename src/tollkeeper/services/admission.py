"""Lets requests out: what each may use at most, whether its limits have room for that, and what is said when not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Struct

from tollkeeper.rules.admission import BUDGET_TOKENS, COST, Demand, Refused
from tollkeeper.rules.errors import (
    BadRequest,
    GatewayError,
    InsufficientQuota,
    LimitTooSmall,
    ModelNotAllowed,
    ModelNotPriced,
    RateLimited,
    ServerOverloaded,
    UpstreamUnavailable,
)
from tollkeeper.rules.image_tokens import TYPICAL
from tollkeeper.rules.learned import Learned
from tollkeeper.rules.limits import CONCURRENCY, COUNTED, GATED, Limits
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.times import format_time, words_for
from tollkeeper.rules.usage import Usage
from tollkeeper.services.aside import aside
from tollkeeper.services.catalog import Catalog, Facts, Route
from tollkeeper.services.directory import Caller
from tollkeeper.services.upstream.config import Kind
from tollkeeper.store.counting import Asked, Counters, Standing
from tollkeeper.wire.openai import Ask
from tollkeeper.wire.openai_unbounded import from_elsewhere, more_output

LONG_WAIT = 60.0
"""Seconds beyond which clients are told not to wait and try again by themselves."""


_TERMS_KEPT = 4096


class Foreseen(Struct, frozen=True):
    """What limits will want to know of a request's model. `for_budgets`: its body was looked through for budgets."""

    facts: Facts
    for_budgets: bool


class _Terms(Struct, frozen=True):
    """What the limits of a user and key say of all requests for one model. Good as long as they are the same objects.

    `allowed`: whether the model may be used. `bounded`: whether it matters how long a request and its answer may be;
    `budgets`: whether money is at stake. `cap`: the most output that one request may have.
    """

    user_limits: Limits
    key_limits: Limits
    allowed: bool
    bounded: bool
    budgets: bool
    cap: int | None


class Grant(Struct, eq=False):
    """A request that may go out. Leaving its `with` block undoes it, unless a run has taken it over.

    `max_tokens`: what to send instead of what was asked; None: nothing changes.
    """

    _admission: Admission
    _taken: Any
    _ask: Ask
    _model: str
    _demand: Demand
    _image: int
    max_tokens: int | None
    taken_over: bool = False

    def __repr__(self) -> str:
        return f"Grant({self._taken!r}, max_tokens={self.max_tokens})"

    def __enter__(self) -> Grant:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.taken_over:
            self.give_back()

    @property
    def bound(self) -> tuple[int, int] | None:
        """What its limits hold for it, in tokens and pico-dollars; None: none of them made it be bounded."""
        if not self._demand.budget_input:
            return None
        amounts = self._demand.amounts(self._taken.allowance)
        return amounts[BUDGET_TOKENS], amounts[COST]

    def give_back(self) -> None:
        """The request never went out: nothing of it counts."""
        self._admission.counters.give_back(self._taken)

    @property
    def allowance(self) -> int | None:
        """Tokens of output that the request, as it is sent, may have over all of its choices; None: unsaid."""
        each = self._ask.max_tokens if self.max_tokens is None else self.max_tokens
        return None if each is None or not self._ask.generates else each * self._ask.choices

    def settle(self, usage: Usage, cost: int, at: int) -> None:
        """The request ended and used this."""
        self._admission.counters.settle(self._taken, usage.total_tokens, cost, at)
        if not usage.estimated and not self._ask.images:
            self._admission.learned(self._model).note(usage.prompt_tokens, self._ask.text_bytes)

    def estimate(self) -> int:
        """Input tokens of the request where its upstream told none; never more than budgets hold for it."""
        ask = self._ask
        mean = self._admission.learned(self._model).mean(ask.text_bytes) + len(ask.images) * self._image
        # Short requests teach a mean that is mostly what the model puts around them: too much for a long one.
        return min(mean, self._demand.budget_input) if self._demand.budget_input else mean

    def pace(self) -> list[tuple[str, Standing]]:
        """The tightest limit of pace on requests, and that on tokens, as they stand: ("requests", …)."""
        tightest: dict[str, Standing] = {}
        for standing in self._admission.counters.pace(self._taken, self._admission.now()):
            quantity = COUNTED[standing.name].quantity
            if quantity not in tightest or standing.left < tightest[quantity].left:
                tightest[quantity] = standing
        return list(tightest.items())


class Admission:
    """`now` is milliseconds since the epoch. `strict_input` False bounds the input of budgets by what was learned.
    `quota_status` is that of refusals by a budget that is used up."""

    def __init__(
        self,
        counters: Counters[Any],
        catalog: Catalog,
        now: Callable[[], int],
        *,
        default_max_tokens: int,
        strict_input: bool = True,
        quota_status: int = 429,
    ) -> None:
        self.counters = counters
        self.now = now
        self._catalog = catalog
        self._default_max_tokens = default_max_tokens
        self._strict_input = strict_input
        self._quota_status = quota_status
        self._learned: dict[str, Learned] = {}
        self._terms: dict[tuple[str, str | None, str], _Terms] = {}

    def __repr__(self) -> str:
        return f"Admission({self.counters!r}, learned of {len(self._learned)} models)"

    def learned(self, model: str) -> Learned:
        """What was learned of a model."""
        found = self._learned.get(model)
        if found is None:
            found = self._learned[model] = Learned()
        return found

    async def foresee(self, caller: Caller, ask: Ask, route: Route) -> Foreseen | None:
        """What `admit` will want to know, brought before the moment that it decides at; None: nothing. Raises
        BadRequest for what a budget cannot bound, UpstreamUnavailable where the upstream does not tell it the bound."""
        terms = self._terms_of(caller, route.model)
        if not terms.allowed or not (terms.bounded or terms.cap is not None):
            return None
        if terms.budgets:
            reads_all = route.upstream.kind != "ollama"
            found = await aside(len(ask.body), partial(from_elsewhere, ask, reads_all=reads_all))
            if found is not None:
                raise BadRequest(
                    f"'{found}' may bring input whose size is not known, which a budget does not allow. "
                    "Send it inline, as text, image, audio or file, or leave it out.",
                    param=found,
                )
        facts = await self._catalog.facts(route)
        if terms.budgets and not facts.asked:
            raise UpstreamUnavailable(
                f"The upstream does not say right now what '{route.model}' puts around a request. Without that your "
                "budget cannot be kept. Try again soon.",
                status=503,
                retry_after=1,
            )
        return Foreseen(facts, terms.budgets)

    async def admit(
        self, caller: Caller, ask: Ask, route: Route, price: Price | None, foreseen: Foreseen | None, at: int
    ) -> Grant:
        """Take what the request needs from all of its limits, or raise why not: ModelNotAllowed, ModelNotPriced,
        BadRequest, RateLimited, InsufficientQuota, LimitTooSmall."""
        terms = self._terms_of(caller, route.model)
        if not terms.allowed:
            raise not_allowed(route.model)
        if price is None and route.upstream.kind not in FREE_KINDS:
            raise ModelNotPriced(
                f"The model '{route.model}' has no price here yet. Ask an admin to set one.", param="model"
            )
        demand = self._demand(terms, ask, route, price, foreseen)
        asked = Asked(caller.user.user_id, caller.counted_as, route.model, terms.user_limits, terms.key_limits, demand)
        try:
            taken = await self.counters.admit(asked, at)
        except Refused as refused:
            raise self._refusal(refused, at) from None
        each = taken.allowance // demand.choices
        changes = demand.allowance > 0 and (terms.budgets or terms.cap is not None) and each != ask.max_tokens
        image = TYPICAL if foreseen is None else min(TYPICAL, foreseen.facts.image_tokens)
        return Grant(self, taken, ask, route.model, demand, image, each if changes else None)

    def _terms_of(self, caller: Caller, model: str) -> _Terms:
        user_limits, key_limits = caller.limits
        place = (caller.user.user_id, caller.counted_as, model)
        terms = self._terms.get(place)
        if terms is None or terms.user_limits is not user_limits or terms.key_limits is not key_limits:
            if len(self._terms) >= _TERMS_KEPT:
                self._terms.clear()
            terms = self._terms[place] = _terms(user_limits, key_limits, model)
        return terms

    def _demand(self, terms: _Terms, ask: Ask, route: Route, price: Price | None, foreseen: Foreseen | None) -> Demand:
        cap = terms.cap
        if cap == 0 and ask.generates:
            raise RateLimited(
                "You may not generate any tokens: your limit on tokens per request is 0.",
                type="tokens", retry_after=None, should_retry=False,
            )  # fmt: skip
        if not terms.bounded and cap is None:
            return _NO_DEMAND  # nothing is guessed
        if foreseen is None or (terms.budgets and not foreseen.for_budgets):
            raise ServerOverloaded("Your limits changed while the request came in. Send it again.", retry_after=1)
        more = more_output(ask) if ask.generates and (terms.budgets or cap is not None) else None
        if more is not None:
            raise BadRequest(
                f"'{more}' may ask for more output than your limits let count. Use 'max_tokens' and 'n'.", param=more
            )
        facts = foreseen.facts
        wanted = ask.max_tokens or cap or min(self._default_max_tokens, facts.context or self._default_max_tokens)
        allowance = (wanted if cap is None else min(wanted, cap)) * ask.choices if ask.generates else 0
        if not terms.bounded:
            return Demand(allowance=allowance, choices=ask.choices)
        images = len(ask.images) * facts.image_tokens
        learned = self.learned(route.model).bound(ask.text_bytes) + images
        strict = ask.text_bytes + images + facts.overhead if self._strict_input else learned
        dearest = max(price.input, price.cached_input or 0, price.cache_write or 0) if price else 0
        return Demand(
            pace_input=learned,
            budget_input=strict,
            allowance=allowance,
            choices=ask.choices,
            input_price=dearest,
            output_price=price.output if price else 0,
        )

    def _refusal(self, refused: Refused, at: int) -> GatewayError:
        obstacle = refused.obstacle
        name, words, limit, _ = obstacle.gate
        counted = GATED[name]
        kind = "tokens" if counted.quantity in ("tokens", "cost") else "requests"
        shown = format_usd(limit) if counted.quantity == "cost" else str(limit)
        which = f"the limit {name}{words} ({shown})"
        wait = None if refused.retry_at is None else max(1, refused.retry_at - at) / 1000
        patient = wait is not None and wait <= LONG_WAIT
        if obstacle.reason == "never":
            needed = format_usd(obstacle.needed) if counted.quantity == "cost" else str(obstacle.needed)
            return LimitTooSmall(
                f"The request may need {needed}, and {which} is less. Send a shorter one, or ask for fewer tokens."
            )
        if obstacle.reason == "held":
            again = "when one of them has ended" if name == CONCURRENCY else "when they have ended"
            return RateLimited(
                f"Requests of yours that are running hold what is left of {which}. Try again {again}.",
                type=kind, retry_after=wait, should_retry=True,
            )  # fmt: skip
        if not counted.is_budget:
            again = f"Try again in {words_for(round((wait or 0) * 1000))}."
            text = f"You have reached {which}. {'It allows nothing.' if obstacle.reason == 'blocked' else again}"
            return RateLimited(text, type=kind, retry_after=wait, should_retry=patient)
        text = f"You have used up {which}."
        text += (
            " It does not reset." if refused.retry_at is None else f" There is room at {format_time(refused.retry_at)}."
        )
        return InsufficientQuota(text, status=self._quota_status, retry_after=wait, should_retry=False)


FREE_KINDS: frozenset[Kind] = frozenset({"ollama", "openai-compatible"})
"""Kinds of upstream that charge nothing by themselves: a model without a price costs nothing there."""


def not_allowed(model: str) -> ModelNotAllowed:
    return ModelNotAllowed(f"You may not use the model '{model}'. GET /v1/models lists those you may.", param="model")


_BOUNDED = frozenset(name for name, counted in COUNTED.items() if counted.quantity != "requests")
"""The limits that make it matter how long a request and its answer may be."""
_BUDGETS = frozenset(name for name in _BOUNDED if COUNTED[name].is_budget)
_NO_DEMAND = Demand()


def _terms(user_limits: Limits, key_limits: Limits, model: str) -> _Terms:
    both = (user_limits, key_limits)
    names = {name for limits in both for name in (*limits.counts, *limits.of_model(model))}
    return _Terms(
        user_limits,
        key_limits,
        allowed=all(limits.allows(model) for limits in both),
        bounded=not names.isdisjoint(_BOUNDED),
        budgets=not names.isdisjoint(_BUDGETS),
        cap=min((most for limits in both if (most := limits.max_tokens_per_request) is not None), default=None),
    )
