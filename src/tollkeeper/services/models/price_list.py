"""The price list of the package genai-prices, converted to our prices. Nothing is downloaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import (
    ClauseEquals,
    ClauseOr,
    ClauseRegex,
    ClauseStartsWith,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
)

from tollkeeper.rules.kinds import Kind
from tollkeeper.rules.money import MAX_PRICE_USD_PER_MTOK, MICRO_PER_USD
from tollkeeper.rules.names import canonical_spelling
from tollkeeper.services.models.prices import MODEL_PATTERN, NewPrice

_FREE = ":free"
"""The suffix of OpenRouter's free models."""
_PARTS = ("input", "output", "cache_read", "cache_write", "cache_write_1h")
"""The figures of the list that are prices of ours."""
_MINUTES = 60
"""Minutes of an hour, by which the list prices audio."""
_DATED = re.compile(r"\^([\w.\\-]+-)(?:\\d\{8\}|\\d\{4\}-\\d\{2\}-\\d\{2\})\$")
"""The list's pattern for a name that ends in a date."""


def seeds(kind: Kind, address: str, at: int) -> list[NewPrice]:
    """Prices of one upstream's models: those in force at `at` (with `effective_at` None), and later ones. Empty for a
    server that is not in the list.

    Where a price depends on the length of the prompt, each length has its own; discounts by the hour are ignored.
    """
    snapshot = get_snapshot()
    try:
        provider = snapshot.find_provider(None, kind.price_list, address)
    except LookupError:
        return []
    return list(_of_provider(provider, at))


def _of_provider(provider: Provider, at: int) -> Iterator[NewPrice]:
    seen: set[str] = set()
    for model in provider.models:
        names = dict.fromkeys(canonical_spelling(name) for name in (model.id, *_names(model.match)))
        for name in names:
            if name in seen or not re.fullmatch(MODEL_PATTERN, name):
                continue
            seen.add(name)
            for begins, price in _versions(model, at):
                for above in _lengths(price):
                    found = _price(name, price, begins, above)
                    if found is not None:
                        yield found


def _names(match: Any) -> Iterator[str]:
    """Names and prefixes that a matching rule of the list stands for; other kinds of rules are skipped."""
    if isinstance(match, ClauseOr):
        for part in match.or_:
            yield from _names(part)
    elif isinstance(match, ClauseEquals):
        yield match.equals
    elif isinstance(match, ClauseStartsWith):
        yield f"{match.starts_with}*"
    elif isinstance(match, ClauseRegex):
        dated = _DATED.fullmatch(getattr(match.regex, "pattern", match.regex))
        if dated:
            yield dated[1].replace("\\", "") + "20*"


def _versions(model: ModelInfo, at: int) -> Sequence[tuple[int | None, ModelPrice]]:
    """What is in force at `at`, and each later version with its moment."""
    if isinstance(model.prices, ModelPrice):
        return [(None, model.prices)]
    now: ModelPrice | None = None
    later: dict[int, ModelPrice] = {}
    for entry in model.prices:
        if entry.constraint is None:
            now = entry.prices
        elif isinstance(entry.constraint, StartDateConstraint):
            begins = int(datetime.combine(entry.constraint.start_date, time(), UTC).timestamp()) * 1000
            if begins <= at:
                now = entry.prices
            else:
                later[begins] = entry.prices
    return [*([(None, now)] if now is not None else []), *later.items()]


def _lengths(price: ModelPrice) -> Sequence[int | None]:
    """The lengths of input above which another price begins; None: any length."""
    tiered = [figure for figure in vars(price).values() if isinstance(figure, TieredPrices)]
    return [None, *sorted({tier.start for figure in tiered for tier in figure.tiers if tier.start > 0})]


def _price(name: str, price: ModelPrice, begins: int | None, above: int | None) -> NewPrice | None:
    """One version of a price; None where the list has none that is known here: a model without one is not free."""
    listed = vars(price)
    figures = [_micro(listed.get(f"{part}_mtok"), above) for part in _PARTS]
    fresh, output, cached, write, write_1h = figures
    hour, mchar = listed.get("audio_hours"), _micro(listed.get("input_mchars"), above)
    minute = _micro(hour / _MINUTES, above) if isinstance(hour, Decimal) else None
    if fresh is None and minute is None and mchar is None and not name.endswith(_FREE):
        return None
    return NewPrice(
        name, fresh or 0, output or 0, cached_input=cached, cache_write=write, cache_write_1h=write_1h,
        effective_at=begins, above_input_tokens=above, per_minute=minute, per_mchar=mchar,
    )  # fmt: skip


def _micro(figure: Decimal | TieredPrices | None, above: int | None) -> int | None:
    if isinstance(figure, TieredPrices):
        reached = [tier.price for tier in figure.tiers if above is not None and tier.start <= above]
        figure = reached[-1] if reached else figure.base
    if figure is None or not 0 <= figure <= MAX_PRICE_USD_PER_MTOK:
        return None
    return int((figure * MICRO_PER_USD).to_integral_value())
