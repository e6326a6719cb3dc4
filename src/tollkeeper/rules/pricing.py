"""Which price is in force for a model at a moment, and what a request costs by it.

A price is never edited, only superseded by a later version. Of the patterns that match a model the most specific wins:
the exact name first (with its tag `:latest`, then without it), then the longest prefix before a `*`. Of one pattern's
versions the one with the latest `effective_at` that is not in the future is in force (the later made of two with the
same moment).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from msgspec import Struct

from tollkeeper.rules.usage import Usage

_FOR_EVER = 2**63


class Price(Struct, frozen=True, gc=False):
    """One version. Figures are micro-dollars per million tokens; times are milliseconds since the epoch (UTC)."""

    id: int
    model: str
    input: int
    output: int
    cached_input: int | None
    cache_write: int | None
    effective_at: int
    created_at: int

    def cost(self, usage: Usage) -> int:
        """What `usage` costs, in pico-dollars. Classes without a price of their own cost as input does."""
        cached = self.input if self.cached_input is None else self.cached_input
        write = self.input if self.cache_write is None else self.cache_write
        plain = usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens
        return (
            plain * self.input
            + usage.cached_tokens * cached
            + usage.cache_write_tokens * write
            + usage.completion_tokens * self.output
        )


class PriceBook:
    """All price versions, ready to be asked. No version changes: a change makes a new book."""

    def __init__(self, prices: Iterable[Price] = ()) -> None:
        self._versions: dict[str, list[Price]] = {}
        for price in sorted(prices, key=lambda p: (p.effective_at, p.id)):
            self._versions.setdefault(price.model, []).append(price)
        prefixes = (pattern for pattern in self._versions if pattern.endswith("*"))
        self._patterns = sorted(prefixes, key=len, reverse=True)
        self._turns = sorted({price.effective_at for versions in self._versions.values() for price in versions})
        self._since = self._until = 0
        """Between two moments at which a version begins, from the one on and before the other, all stays in force."""
        self._found: dict[str, Price | None] = {}
        """What was asked for of that span."""

    def __repr__(self) -> str:
        return f"PriceBook({sum(map(len, self._versions.values()))} versions of {len(self._versions)} models)"

    def in_force(self, model: str, at: int) -> Price | None:
        """The price of `model` (a canonical name) at `at`, or None when it has none."""
        if not self._since <= at < self._until:
            place = bisect_right(self._turns, at)
            self._since = self._turns[place - 1] if place else at
            self._until = self._turns[place] if place < len(self._turns) else _FOR_EVER
            self._found.clear()
        try:
            return self._found[model]
        except KeyError:
            found = self._found[model] = self._look_up(model, at)
            return found

    def _look_up(self, model: str, at: int) -> Price | None:
        exact = self._version(model, at) or self._version(model.removesuffix(":latest"), at)
        if exact is not None:
            return exact
        for pattern in self._patterns:
            if model.startswith(pattern[:-1]):
                price = self._version(pattern, at)
                if price is not None:
                    return price
        return None

    def history(self, model: str) -> list[Price]:
        """Every version made for this name or pattern, newest first, future ones included."""
        return self._versions.get(model, [])[::-1]

    def current(self, at: int) -> list[Price]:
        """The version in force at `at` of every name and pattern that has one, by name."""
        found = (self._version(model, at) for model in sorted(self._versions))
        return [price for price in found if price is not None]

    def _version(self, model: str, at: int) -> Price | None:
        versions = self._versions.get(model)
        if not versions:
            return None
        place = bisect_right(versions, at, key=lambda price: price.effective_at)
        return versions[place - 1] if place else None
