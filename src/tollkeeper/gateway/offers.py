"""The deployments that may serve a request, and what each would cost."""

from __future__ import annotations

from collections.abc import Sequence

from tollkeeper.rules.errors import BadRequest, UnsupportedByUpstream
from tollkeeper.services.limits.refusals import not_priced_so
from tollkeeper.services.models.offers import Offer
from tollkeeper.services.models.prices import Prices
from tollkeeper.services.models.resolver import Choice, suffix_not_priced
from tollkeeper.services.upstreams.registry import Upstream
from tollkeeper.wire.dialect import AnyAdapter, AnyDialect
from tollkeeper.wire.request import ModelRequest

Served = tuple[Choice, AnyAdapter]
"""A choice, and the adapter by which its upstream serves the request."""


def supported(dialect: AnyDialect, request: ModelRequest, choices: Sequence[Choice]) -> Sequence[Served]:
    """Return the choices whose upstream serves the request. Raises BadRequest where none does."""
    adapters = dialect.adapters[request.endpoint.path]
    if len(choices) == 1:  # as most requests have: this takes half of the instructions
        upstream = choices[0].deployment.upstream
        for adapter in adapters:
            if upstream.serves(adapter.path):
                adapter.check_supported(request, upstream.config.kind)
                return [(choices[0], adapter)]
        raise _not_served(request, upstream)
    found: list[Served] = []
    refusal: BadRequest | None = None
    refused: dict[tuple[str, str], BadRequest | None] = {}
    """Each kind of upstream is checked once: a translation reads the whole request for that."""
    for choice in choices:
        upstream = choice.deployment.upstream
        for adapter in adapters:
            if upstream.serves(adapter.path):
                break
        else:
            refusal = refusal or _not_served(request, upstream)
            continue
        place = (adapter.path, upstream.config.kind.name)
        if place in refused:
            error = refused[place]
        else:
            error = refused[place] = _refusal(adapter, request, upstream)
        if error is None:
            found.append((choice, adapter))
        refusal = refusal or error
    if refusal is not None and not found:
        raise refusal
    return found


def _refusal(adapter: AnyAdapter, request: ModelRequest, upstream: Upstream) -> BadRequest | None:
    try:
        adapter.check_supported(request, upstream.config.kind)
    except BadRequest as error:
        return error
    return None


def _not_served(request: ModelRequest, upstream: Upstream) -> BadRequest:
    there = ", ".join(upstream.paths()) or "nothing"
    return UnsupportedByUpstream(
        f"No upstream that has '{request.model}' serves {request.endpoint.path}. Use another path, or another model; "
        f"'{upstream.config.id}' serves {there}.",
        param="model",
        status=404 if request.endpoint.declared else None,
    )


def offers_of(prices: Prices, request: ModelRequest, served: Sequence[Served], at: int) -> list[Offer]:
    """Return the offers of these choices with the prices in force at a time, in milliseconds since the epoch."""
    return [offer_of(prices, request, choice, adapter, at) for choice, adapter in served]


def offer_of(prices: Prices, request: ModelRequest, choice: Choice, adapter: AnyAdapter, at: int) -> Offer:
    """The offer of a deployment to a request: refused where a field or the end of the model's name changes the price,
    and no price names that."""
    deployment, entry = choice.deployment, choice.entry
    config, model = deployment.upstream.config, deployment.model
    if config.kind.priced_fields and config.is_paid:
        found = adapter.priced_fields(request, config.kind)
        if found:
            field, tier = found[-1]
            price = prices.in_force(model, config.id, at, tier)
            if price is None or len(found) > 1:
                return Offer(deployment, adapter, None, not_priced_so(field, model, tier), entry)
        else:
            price = prices.in_force(model, config.id, at)
        if model.endswith(config.kind.priced_suffixes) and (price is None or price.model != model):
            return Offer(deployment, adapter, None, suffix_not_priced(model), entry)
        return Offer(deployment, adapter, price, None, entry)
    return Offer(deployment, adapter, prices.in_force(model, config.id, at), None, entry)
