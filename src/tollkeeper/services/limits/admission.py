"""Admission of requests: one check of all limits of their owners, which reserves from all of them or from none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tollkeeper.rules.admission import COST, Demand, LimitViolation, Refused
from tollkeeper.rules.errors import BadRequest, GatewayError, ModelNotAllowed, ModelNotPriced, UpstreamUnavailable
from tollkeeper.rules.image_tokens import TYPICAL
from tollkeeper.rules.limits import CHECKED_LIMITS, NO_LIMITS
from tollkeeper.rules.owners import Owners, Scope
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.terms import Terms, terms_of
from tollkeeper.rules.token_ratio import TokenRatio
from tollkeeper.services.limits.demand import Prefetched, dearest, demand_of
from tollkeeper.services.limits.grant import Grant
from tollkeeper.services.limits.refusals import (
    blocked,
    characters_not_priced,
    no_model,
    no_output,
    not_allowed,
    not_open,
    not_priced,
    refusal,
)
from tollkeeper.services.models.catalog import Deployment, Model
from tollkeeper.services.models.facts import FactsCache
from tollkeeper.services.models.offers import Offer
from tollkeeper.services.offload import SMALL, Offload
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.descriptions import Facts
from tollkeeper.store.ports.counters import AdmissionRequest, Counters, Reservation
from tollkeeper.wire.dialect import AnyAdapter
from tollkeeper.wire.request import Endpoint, ModelRequest

Found = Prefetched | GatewayError | None
"""What a demand needs beside the request, for one deployment; None: nothing."""
_OWNERS_KEPT = 4096


class Admission:
    """Checks requests against limits, and reserves what they may use.

    `strict_input` False bounds the input that budgets count by the token ratio of earlier requests. `quota_status` is
    the HTTP status of a refusal by an exhausted budget. `exhausted` is called, with the owners of the request and the
    scope and name of the limit, when one refuses a request for what was used before. `owners` are all owners of limits
    on a request; the first is the user who sent it.
    """

    def __init__(
        self,
        counters: Counters[Any],
        facts: FactsCache,
        *,
        default_max_tokens: int,
        strict_input: bool = True,
        quota_status: int = 429,
        offload: Offload | None = None,
        exhausted: Callable[[Owners, Scope, str], None] = lambda _owners, _scope, _name: None,
    ) -> None:
        self._exhausted = exhausted
        self.counters = counters
        self._facts = facts
        self.default_max_tokens = default_max_tokens
        self._strict_input = strict_input
        self._quota_status = quota_status
        self._offload = offload or Offload()
        self._ratios: dict[str, TokenRatio] = {}
        self._terms: dict[tuple[Owners, tuple[str, ...]], Terms] = {}
        self._unblocked: set[Owners] = set()
        """Owners who may send requests, also such that generate. New limits make new owners."""

    def __repr__(self) -> str:
        return f"Admission({self.counters!r}, token ratios of {len(self._ratios)} models)"

    def check_blocked(self, owners: Owners, endpoint: Endpoint) -> None:
        """Refuse a request before its body is read, where a limit refuses every request. Raises RateLimited,
        InsufficientQuota, ModelNotAllowed."""
        if owners in self._unblocked:
            return
        for owner in owners:
            limits = owner.limits
            if limits is NO_LIMITS:
                continue
            if limits.allowed_models == ():
                raise no_model(owner)
            if limits.max_tokens_per_request == 0 and endpoint.generates:
                raise no_output()
            if 0 in limits.counts.values() or limits.max_concurrent_requests == 0:
                raise blocked(owner, self._quota_status)
        if endpoint.generates:
            if len(self._unblocked) >= _OWNERS_KEPT:
                self._unblocked.clear()
            self._unblocked.add(owners)

    def may_use(self, owners: Owners, model: Model) -> bool:
        """Whether these owners may use a model, at any of its deployments."""
        try:
            self.usable(owners, model)
        except ModelNotAllowed:
            return False
        return True

    def usable(self, owners: Owners, model: Model) -> list[Deployment]:
        """Return the deployments of a model that these owners may use. Raises ModelNotAllowed where there is none."""
        return self.usable_of(owners, model.deployments)

    def usable_of(self, owners: Owners, deployments: Sequence[Deployment]) -> list[Deployment]:
        """As `usable`, of deployments of one model or several, of which there is at least one."""
        found, refusal = [], None
        for each in deployments:
            terms, config = self._terms_of(owners, each.model), each.upstream.config
            if not terms.allowed:
                refusal = refusal or not_allowed(each.model)
            elif not _is_open(terms, config):
                refusal = refusal or not_open(each.model, config.id)
            else:
                found.append(each)
        if refusal is not None and not found:
            raise refusal
        return found

    def likely_input(self, model: str, request: ModelRequest, facts: Facts) -> int:
        """Estimated input tokens of a request for a model."""
        ratio = self._ratios.get(model) or TokenRatio()
        return ratio.mean(request.text_bytes) + len(request.images) * min(TYPICAL, facts.image_tokens)

    async def prefetch(
        self, owners: Owners, request: ModelRequest, places: Sequence[tuple[Deployment, AnyAdapter]]
    ) -> tuple[Found, ...]:
        """Fetch what `admit` needs to decide at once about each of these deployments, which serve the request by these
        adapters: None where it needs nothing, an error where a budget cannot bound the request there."""
        if len(places) == 1:  # as most requests have: this takes half of the instructions
            [(deployment, adapter)] = places
            own = self._terms_of(owners, deployment.model)
            if not own.allowed or not (own.bounded or own.cap is not None):
                return (None,)
            facts = self._facts.cached(deployment) or await self._facts.of(deployment)
            try:
                if len(request.body) < SMALL:
                    return (_scan(request, deployment, facts, adapter, own.budgets),)
                return (await self._prefetch(owners, request, deployment, facts, adapter, budgets=own.budgets),)
            except GatewayError as error:
                return (error,)
        terms = [self._terms_of(owners, deployment.model) for deployment, _ in places]
        measured = budgets = False
        for each in terms:
            if each.allowed:
                measured = measured or each.bounded or each.cap is not None
                budgets = budgets or each.budgets
        if not measured:
            return (None,) * len(places)
        allowed = [deployment for each, (deployment, _) in zip(terms, places, strict=True) if each.allowed]
        described = iter(await self._facts.of_each(allowed))
        found: list[Found] = []
        for each, (deployment, adapter) in zip(terms, places, strict=True):
            if not each.allowed:
                found.append(None)
                continue
            facts = next(described)
            try:
                found.append(await self._prefetch(owners, request, deployment, facts, adapter, budgets=budgets))
            except GatewayError as error:
                found.append(error)
        return tuple(found)

    async def _prefetch(
        self,
        owners: Owners,
        request: ModelRequest,
        deployment: Deployment,
        facts: Facts,
        adapter: AnyAdapter,
        *,
        budgets: bool,
    ) -> Prefetched:
        size, user_id = len(request.body), owners[0].id
        return await self._offload.run(size, user_id, _scan, request, deployment, facts, adapter, budgets)

    async def admit(
        self, owners: Owners, request: ModelRequest, offers: Sequence[Offer], prefetched: Sequence[Found], at: int
    ) -> Grant:
        """Reserve what the request may use from all of its limits, whichever offer serves it. `prefetched` is what
        `prefetch` found for each of them; `at` is the time by this process's clock.

        An offer that is refused is left out; where all are, the error is that of the first which the request may have
        at all, else of the first: ModelNotAllowed, ModelNotPriced, BadRequest, RateLimited, InsufficientQuota,
        LimitTooSmall, ServerOverloaded, or its own."""
        if len(offers) == 1:
            [offer], [found] = offers, prefetched
            terms = self._terms_of(owners, offer.deployment.model)
            demand = self._demand(terms, terms, request, offer, found)
            try:
                reservation = await self.counters.admit(AdmissionRequest(terms, demand), at)
            except Refused as refused:
                raise self._refusal(refused, owners) from None
            return self._granted(reservation, terms, request, (offer,), demand, prefetched, at)
        return await self._admit_any(owners, request, offers, prefetched, at)

    async def _admit_any(
        self, owners: Owners, request: ModelRequest, offers: Sequence[Offer], prefetched: Sequence[Found], at: int
    ) -> Grant:
        errors: dict[int, GatewayError] = {}
        models = self._terms_of(owners, *dict.fromkeys(offer.deployment.model for offer in offers))
        demands: dict[int, Demand] = {}
        for place, (offer, found) in enumerate(zip(offers, prefetched, strict=True)):
            try:
                own = self._terms_of(owners, offer.deployment.model)
                demands[place] = self._demand(own, models, request, offer, found)
            except GatewayError as error:
                errors[place] = error
        while demands:
            left = tuple(offers[place] for place in demands)
            terms = self._terms_of(owners, *dict.fromkeys(offer.deployment.model for offer in left))
            demand = dearest([*demands.values()])
            try:
                reservation = await self.counters.admit(AdmissionRequest(terms, demand), at)
                return self._granted(reservation, terms, request, left, demand, prefetched, at)
            except Refused as refused:
                why = self._refusal(refused, owners)
                for place in _refused_by(refused.violation, demands, offers):
                    errors[place] = why
                    del demands[place]
        raise _error_told(errors, offers)

    def _refusal(self, refused: Refused, owners: Owners) -> GatewayError:
        violation = refused.violation
        if violation.reason == "exhausted":
            self._exhausted(owners, violation.scope, violation.name)
        return refusal(refused, owners, self._quota_status)

    def _demand(self, own: Terms, terms: Terms, request: ModelRequest, offer: Offer, found: Found) -> Demand:
        """What the request may use of one offer. Raises where the offer is refused whatever was used. `own`: the terms
        for its model; `terms`: for all offers."""
        deployment, price = offer.deployment, offer.price
        config = deployment.upstream.config
        if not own.allowed:
            raise not_allowed(deployment.model)
        if offer.refusal is not None:
            raise offer.refusal
        if not _is_open(own, config):
            raise not_open(deployment.model, config.id)
        if price is None and config.needs_price:
            raise not_priced(deployment.model)
        if request.units.unreported and price is not None and config.needs_price and not _prices_characters(price):
            raise characters_not_priced(deployment.model)
        if isinstance(found, GatewayError):
            raise found
        ratio = self._ratios.get(deployment.model)
        if ratio is None:
            ratio = self._ratios[deployment.model] = TokenRatio()
        return demand_of(
            terms, request, price, found, ratio,
            default_max_tokens=self.default_max_tokens, strict_input=self._strict_input,
        )  # fmt: skip

    def _granted(
        self,
        reservation: Reservation,
        terms: Terms,
        request: ModelRequest,
        offers: tuple[Offer, ...],
        demand: Demand,
        prefetched: Sequence[Found],
        at: int,
    ) -> Grant:
        each = reservation.allowance // demand.choices
        changes = demand.allowance > 0 and (terms.budgets or terms.cap is not None) and each != request.output_cap
        image = TYPICAL
        if request.images:
            image = min([image, *(found.facts.image_tokens for found in prefetched if isinstance(found, Prefetched))])
        max_tokens = each if changes else None
        return Grant(
            self.counters, reservation, offers, self._ratios, request, demand, image, max_tokens, reservation.at - at
        )

    def _terms_of(self, owners: Owners, *models: str) -> Terms:
        place = (owners, models)
        terms = self._terms.get(place)
        if terms is None:
            if len(self._terms) >= _OWNERS_KEPT:
                self._terms.clear()
            terms = self._terms[place] = terms_of(owners, *models)
        return terms


def _scan(
    request: ModelRequest, deployment: Deployment, facts: Facts, adapter: AnyAdapter, budgets: bool
) -> Prefetched:
    """What is found in the body of a request. Raises BadRequest, UpstreamUnavailable."""
    kind, more, sent_bytes = deployment.upstream.config.kind, None, 0
    if budgets:
        found = adapter.external_input_field(request, kind)
        if found is not None:
            raise BadRequest(
                f"'{found}' may bring input whose size is not known, which a budget does not allow. "
                "Send it inline, as text, image, audio or file, or leave it out.",
                param=found,
            )
        if not facts.complete:
            raise UpstreamUnavailable(
                f"The upstream does not say right now what '{deployment.model}' puts around a request. Without that "
                "your budget cannot be kept. Try again soon.",
                status=503,
                retry_after=1,
            )
        if adapter.sent_bytes is not None:
            sent_bytes = adapter.sent_bytes(request, kind)
    if request.generates:
        more = adapter.extra_output_field(request, kind)
    return Prefetched(facts, budgets, more, sent_bytes)


def _prices_characters(price: Price) -> bool:
    """Whether a price says what speech costs that reports no tokens: by characters, by request, or nothing at all."""
    return price.per_mchar is not None or price.per_request is not None or not (price.dearest_input or price.output)


def _is_open(terms: Terms, config: UpstreamConfig) -> bool:
    """Whether an upstream serves requests on these terms, though it may charge for them."""
    return terms.trusted or config.open or not config.is_paid


def _error_told(errors: Mapping[int, GatewayError], offers: Sequence[Offer]) -> GatewayError:
    """Of the errors of all offers, the one for the client: what it waits for should be an offer that it may have."""
    for place, offer in enumerate(offers):
        error = errors[place]
        if error is not offer.refusal and not isinstance(error, (ModelNotAllowed, ModelNotPriced)):
            return error
    return errors[0]


def _refused_by(violation: LimitViolation, demands: Mapping[int, Demand], offers: Sequence[Offer]) -> list[int]:
    """The offers that a limit refuses: those of its model; of a limit on cost the dearest; else all."""
    _, _, *model = violation.scope
    if model:
        return [place for place in demands if offers[place].deployment.model == model[0]]
    if CHECKED_LIMITS[violation.name].quantity != "cost":
        return [*demands]
    costs = {place: demand.amounts(demand.min_allowance)[COST] for place, demand in demands.items()}
    return [place for place, cost in costs.items() if cost == max(costs.values())]
