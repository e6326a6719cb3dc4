"""The price list that the package genai-prices carries, as prices of ours. Nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
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

from tollkeeper.rules.money import MAX_PRICE_USD_PER_MTOK, MICRO_PER_USD
from tollkeeper.rules.names import spelled
from tollkeeper.services.prices import MODEL_PATTERN, NewPrice

_BY_KIND: Mapping[str, str] = {"openai": "openai", "anthropic": "anthropic", "openrouter": "openrouter"}
"""The kind of an upstream → the list's name for its provider. Others are known by their address."""
_FREE = ":free"
"""How OpenRouter marks the models that cost nothing."""
_DATED = re.compile(r"\^([\w.\\-]+-)(?:\\d\{8\}|\\d\{4\}-\\d\{2\}-\\d\{2\})\$")
"""The list's way to match a name that ends in a date."""


def seeds(kind: str, address: str, at: int) -> list[NewPrice]:
    """The prices of the models of one upstream, in force at `at` (None as their moment) and later. Empty for an Ollama,
    and for a server that the list does not know.

    Where a price depends on the length of the prompt it is that of short ones; discounts by the hour are left out.
    """
    snapshot = get_snapshot()
    try:
        provider = snapshot.find_provider(None, _BY_KIND.get(kind), address)
    except LookupError:
        return []
    return list(_of_provider(provider, at))


def _of_provider(provider: Provider, at: int) -> Iterator[NewPrice]:
    seen: set[str] = set()
    for model in provider.models:
        names = dict.fromkeys(spelled(name) for name in (model.id, *_names(model.match)))
        for name in names:
            if name in seen or not re.fullmatch(MODEL_PATTERN, name):
                continue
            seen.add(name)
            for begins, price in _versions(model, at):
                found = _price(name, price, begins)
                if found is not None:
                    yield found


def _names(match: Any) -> Iterator[str]:
    """The names and prefixes that the list's rule stands for; rules that are neither are left out."""
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


def _price(name: str, price: ModelPrice, begins: int | None) -> NewPrice | None:
    """None where the list has no price by tokens: what is not known is not free."""
    figures = [_micro(vars(price).get(f"{part}_mtok")) for part in ("input", "output", "cache_read", "cache_write")]
    fresh, output, cached, write = figures
    if fresh is None and not name.endswith(_FREE):
        return None
    return NewPrice(name, fresh or 0, output or 0, cached_input=cached, cache_write=write, effective_at=begins)


def _micro(figure: Decimal | TieredPrices | None) -> int | None:
    if isinstance(figure, TieredPrices):
        figure = figure.base
    if figure is None or not 0 <= figure <= MAX_PRICE_USD_PER_MTOK:
        return None
    return int((figure * MICRO_PER_USD).to_integral_value())
