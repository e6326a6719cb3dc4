"""Upper bounds on what one request may use, for the check of its limits."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from tollkeeper.rules.admission import Demand
from tollkeeper.rules.errors import BadRequest, ServerOverloaded
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.terms import Terms
from tollkeeper.rules.token_ratio import TokenRatio
from tollkeeper.services.limits.refusals import no_output
from tollkeeper.services.upstreams.descriptions import Facts
from tollkeeper.wire.request import ModelRequest

_NO_DEMAND = Demand()


class Prefetched(Struct, frozen=True):
    """What a demand needs beside the request: the facts of its model, and the findings of a scan of its body.
    `for_budgets`: the body was scanned for input that budgets cannot bound. `more`: the field that may request more
    output than `max_tokens` says. `sent_bytes`: those of the text of the body as its upstream gets it, where they may
    be more than those of the request; 0: they are not."""

    facts: Facts
    for_budgets: bool
    more: str | None
    sent_bytes: int = 0


def demand_of(
    terms: Terms,
    request: ModelRequest,
    price: Price | None,
    prefetched: Prefetched | None,
    ratio: TokenRatio,
    *,
    default_max_tokens: int,
    strict_input: bool,
) -> Demand:
    """The most that a request may use. `strict_input` False bounds the input that budgets count by the token ratio of
    earlier requests. Raises RateLimited when the request may generate nothing, BadRequest for output that cannot be
    bounded, ServerOverloaded when its limits changed since `prefetched` was fetched."""
    cap, generates = terms.cap, request.generates
    if cap == 0 and generates:
        raise no_output()
    if not terms.bounded and cap is None:
        return _NO_DEMAND
    if prefetched is None or (terms.budgets and not prefetched.for_budgets):
        raise ServerOverloaded("Your limits changed while the request came in. Send it again.", retry_after=1)
    more = prefetched.more
    if more is not None and (terms.budgets or cap is not None):
        raise BadRequest(
            f"'{more}' may ask for more output than your limits let count. Use 'max_tokens' and 'n'.", param=more
        )
    if terms.budgets and request.units.open_ended is not None:
        _check_bounded(terms, request, price)
    facts = prefetched.facts
    choices, text_bytes, units = request.choices, request.text_bytes, request.units
    wanted = request.output_cap or cap or min(default_max_tokens, facts.context or default_max_tokens)
    allowance = (wanted if cap is None or wanted <= cap else cap) * choices if generates else 0
    if not terms.bounded:
        return Demand(allowance=allowance, choices=choices)
    images = len(request.images) * facts.image_tokens
    likely_input = ratio.bound(text_bytes) + images
    most_bytes = max(text_bytes, prefetched.sent_bytes)
    most_input = most_bytes + images + facts.overhead if strict_input else likely_input
    input_price, output_price = price.dearest(most_input) if price else (0, 0)
    flat = price.dearest_units(units.images, units.characters) if price else 0
    return Demand(
        pace_input=likely_input,
        budget_input=most_input,
        allowance=allowance,
        choices=choices,
        input_price=input_price,
        output_price=output_price,
        flat=flat,
    )


def _check_bounded(terms: Terms, request: ModelRequest, price: Price | None) -> None:
    """Refuse a request that may use any amount of what a budget counts. Raises BadRequest."""
    units = request.units
    costs = price is not None and bool(
        (units.open_input and price.dearest_input)
        or (units.open_output and price.output)
        or (units.open_audio and price.per_minute)
    )
    if costs or terms.counts_tokens:
        raise BadRequest(
            f"Nothing bounds {units.open_ended} before it ends, which your budget of {'cost' if costs else 'tokens'} "
            "does not allow. Ask an admin for limits by requests, which count here.",
            param="model",
        )


def dearest(demands: Sequence[Demand]) -> Demand:
    """The demand of a request that one of several offers will serve, whichever it is. Each generates at most the
    smallest allowance, which is sent to it."""
    return Demand(
        pace_input=max(each.pace_input for each in demands),
        budget_input=max(each.budget_input for each in demands),
        allowance=min(each.allowance for each in demands),
        choices=demands[0].choices,
        input_price=max(each.input_price for each in demands),
        output_price=max(each.output_price for each in demands),
        flat=max(each.flat for each in demands),
    )
