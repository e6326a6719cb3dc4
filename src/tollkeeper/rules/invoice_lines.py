"""The lines of an invoice, from what a payer used of each model.

A line is one class of one model, by upstream and version of the price: tokens × price is its exact cost. What is left
of the records' cost stands in a line of its own, so that lines always add up to their records to the pico-dollar:
"audio", for parts of a minute are rounded up by record; "reported", for costs that an upstream reports; "other", for
costs that were bounded by the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from tollkeeper.rules.invoices import AdjustmentItem, LateLine, Line
from tollkeeper.rules.money import format_price, format_usd
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.times import format_month, format_time

_PICO_PER_MICRO = 10**6


class Consumption(Struct, frozen=True, kw_only=True):
    """The sums of one payer's records of one model, upstream and version of the price. `served`: how many were served,
    so that a price per request applies. `price` None: they were charged for without one, or not at all."""

    model: str
    upstream: str
    price_id: int | None
    price: Price | None = None
    records: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_1h_tokens: int = 0
    images: int = 0
    audio_ms: int = 0
    characters: int = 0
    served: int = 0
    cost_pico: int = 0


FIGURES = tuple(
    name for name in Consumption.__struct_fields__ if name not in ("model", "upstream", "price_id", "price")
)
"""The fields of `Consumption` that are sums."""


class Adjusted(Struct, frozen=True):
    """A correction or refund, as the ledger has it."""

    id: str
    at: int
    user_id: str
    reason: str
    cost_pico: int


class MonthUse(Struct, frozen=True):
    """What a payer used in the month that begins at `month`."""

    month: int
    consumption: tuple[Consumption, ...] = ()
    adjustments: tuple[Adjusted, ...] = ()

    @property
    def records(self) -> int:
        return sum(each.records for each in self.consumption) + len(self.adjustments)

    @property
    def cost_pico(self) -> int:
        return sum(each.cost_pico for each in self.consumption) + sum(each.cost_pico for each in self.adjustments)


def lines_of(use: MonthUse) -> tuple[Line, ...]:
    """The lines of a month, by model, upstream, version of the price and class."""
    ordered = sorted(use.consumption, key=lambda each: (each.model, each.upstream, each.price_id or 0))
    return tuple(line for each in ordered for line in _lines(each))


def late_lines(uses: Iterable[MonthUse]) -> tuple[LateLine, ...]:
    """The lines of earlier months, oldest first, each naming its month."""
    return tuple(
        LateLine(month=format_month(use.month), **{name: getattr(line, name) for name in Line.__struct_fields__})
        for use in sorted(uses, key=lambda use: use.month)
        for line in lines_of(use)
    )


def adjustment_items(uses: Iterable[MonthUse]) -> tuple[AdjustmentItem, ...]:
    """The corrections and refunds of these months, oldest first."""
    every = sorted((each for use in uses for each in use.adjustments), key=lambda each: (each.at, each.id))
    return tuple(
        AdjustmentItem(
            id=each.id,
            month=format_month(each.at),
            created_at=format_time(each.at),
            user_id=each.user_id,
            reason=each.reason,
            cost_exact_usd=format_usd(each.cost_pico),
        )
        for each in every
    )


def _lines(used: Consumption) -> Iterator[Line]:
    left = used.cost_pico
    for class_, tokens, price in _tokens(used):
        if tokens:
            charged = tokens * (price or 0)
            left -= charged
            yield _line(used, class_, tokens, price, charged)
    for class_, units, unit_price, exact in _units(used):
        if units and unit_price is not None:
            cost = left if exact is None else exact
            left -= cost
            yield _line(used, class_, 0, None, cost, units, unit_price)
    if left:
        yield _line(used, "reported" if used.price is None else "other", 0, None, left)


def _tokens(used: Consumption) -> Iterator[tuple[str, int, int | None]]:
    """Classes of tokens, and the price of each in micro-dollars per million."""
    price = used.price
    plain = used.prompt_tokens - used.cached_tokens - used.cache_write_tokens
    short = used.cache_write_tokens - used.cache_write_1h_tokens
    base = output = cached = write = write_1h = None
    if price is not None:
        base, output = price.input, price.output
        cached = base if price.cached_input is None else price.cached_input
        write = base if price.cache_write is None else price.cache_write
        write_1h = write if price.cache_write_1h is None else price.cache_write_1h
    yield "input", plain, base
    yield "cached_input", used.cached_tokens, cached
    yield "cache_write", short, write
    yield "cache_write_1h", used.cache_write_1h_tokens, write_1h
    yield "output", used.completion_tokens, output


def _units(used: Consumption) -> Iterator[tuple[str, int, int | None, int | None]]:
    """What is not counted in tokens, its price in micro-dollars, and its cost; None: all that is left."""
    price = used.price
    if price is None:
        return
    each, image, minute, mchar = price.per_request, price.per_image, price.per_minute, price.per_mchar
    yield "requests", used.served, each, used.served * (each or 0) * _PICO_PER_MICRO
    yield "images", used.images, image, used.images * (image or 0) * _PICO_PER_MICRO
    yield "characters", used.characters, mchar, used.characters * (mchar or 0)
    yield "audio", used.audio_ms, minute, None


def _line(
    used: Consumption, class_: str, tokens: int, price: int | None, cost: int, units: int = 0, unit: int | None = None
) -> Line:
    return Line(
        model=used.model,
        upstream=used.upstream,
        price_id=used.price_id,
        class_=class_,
        tokens=tokens,
        unit_price_usd_per_mtok=None if price is None else format_price(price),
        cost_exact_usd=format_usd(cost),
        units=units,
        unit_price_usd=None if unit is None else format_price(unit),
    )


def added(parts: Iterable[Consumption]) -> tuple[Consumption, ...]:
    """Consumption by model, upstream and version of the price, each once."""
    sums: dict[tuple[str, str, int | None], Consumption] = {}
    for part in parts:
        place = part.model, part.upstream, part.price_id
        before = sums.get(place)
        sums[place] = part if before is None else _plus(before, part)
    return tuple(sums.values())


def _plus(one: Consumption, other: Consumption) -> Consumption:
    figures = {name: getattr(one, name) + getattr(other, name) for name in FIGURES}
    return Consumption(model=one.model, upstream=one.upstream, price_id=one.price_id, price=one.price, **figures)
