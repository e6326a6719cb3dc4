"""The price of a model at a moment, and the cost of a request.

A price is never edited, only superseded by a later version. It may be of one upstream only, whose id is the same
whatever its case, and of one service tier.
Of those that match a model, this order decides: this upstream and exact name, any upstream and exact name, this
upstream and pattern, any upstream and pattern. An exact name is looked up with its tag `:latest`, then without it; of
patterns, the longest prefix before a `*` wins. Of one row's versions the one with the latest `effective_at` that is not
in the future is in force (the later made of two with the same moment).

A seeded price is of one upstream, and comes after those that admins set: it takes the place of one of any upstream with
the same model or pattern, where there is none.

A row with `above_input_tokens` stands beside the row without it of the same model, upstream and tier, and takes its
place for requests with more input than that.

A clock that is set back may show a moment before the first price began. Then the oldest version is in force: a price
that exists must not disappear. A scheduled version (`effective_at` after `created_at`) never begins before its time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import asdict

from tollkeeper.rules.usage import NO_USAGE, Usage

_FOR_EVER = 2**63
_PICO_PER_MICRO = 10**6
_MS_PER_MINUTE = 60_000


class Price(Struct, frozen=True, gc=False):
    """One version of a price, in micro-dollars per million tokens; times are milliseconds since the epoch (UTC).

    Beside tokens, in micro-dollars: `per_request` for each that is served, `per_image` that is made, `per_minute` of
    audio that is read, `per_mchar`, a million characters that are spoken; None: these cost nothing.

    `upstream` None: of any; `tier`: of the requests that ask for this service tier, None: of those that ask for none;
    `above_input_tokens`: of the requests with more input than that, None: of any length. `seeded`: it is from a
    provider's list, not an admin's."""

    id: int
    model: str
    input: int
    output: int
    cached_input: int | None
    cache_write: int | None
    effective_at: int
    created_at: int
    upstream: str | None = None
    tier: str | None = None
    above_input_tokens: int | None = None
    seeded: bool = False
    cache_write_1h: int | None = None
    per_request: int | None = None
    per_image: int | None = None
    per_minute: int | None = None
    per_mchar: int | None = None

    @property
    def label(self) -> str:
        """What tells its row from all others: the model, then upstream, tier and length where it has them."""
        above = "" if self.above_input_tokens is None else f">{self.above_input_tokens}"
        return " ".join(filter(None, (self.model, self.upstream and f"@{self.upstream}", self.tier, above)))

    @property
    def figures(self) -> tuple[int | None, ...]:
        """What each class of tokens costs, and each unit beside them."""
        units = self.per_request, self.per_image, self.per_minute, self.per_mchar
        return self.input, self.cached_input, self.cache_write, self.cache_write_1h, self.output, *units

    @property
    def dearest_input(self) -> int:
        """The highest price of an input token."""
        if self.cached_input is None and self.cache_write is None and self.cache_write_1h is None:
            return self.input
        return max(self.input, self.cached_input or 0, self.cache_write or 0, self.cache_write_1h or 0)

    def for_input(self, _tokens: int, /) -> Price:
        """The price of a request with so much input."""
        return self

    def dearest(self, _most_input: int, /) -> tuple[int, int]:
        """The highest prices of input and output that may apply to a request with at most so much input."""
        return self.dearest_input, self.output

    def dearest_units(self, images: int, characters: int, /) -> int:
        """The highest cost of these units and of the request itself, in pico-dollars."""
        return self.cost_of_units(images, 0, characters, served=True)

    def cost(self, usage: Usage, *, served: bool = True) -> int:
        """The cost of `usage` in pico-dollars. Classes without a price of their own cost as much as input; what is
        kept in a cache for an hour, as much as what is kept for less. `served`: so does the request itself cost."""
        cost = (
            usage.prompt_tokens * self.input
            + usage.completion_tokens * self.output
            + self.cost_of_units(usage.images, usage.audio_ms, usage.characters, served=served)
        )
        if not (usage.cached_tokens or usage.cache_write_tokens or usage.cache_write_1h_tokens):
            return cost
        cached = self.input if self.cached_input is None else self.cached_input
        write = self.input if self.cache_write is None else self.cache_write
        write_1h = write if self.cache_write_1h is None else self.cache_write_1h
        return (
            cost
            + usage.cached_tokens * (cached - self.input)
            + usage.cache_write_tokens * (write - self.input)
            + usage.cache_write_1h_tokens * (write_1h - write)
        )

    def cost_of_units(self, images: int, audio_ms: int, characters: int, *, served: bool) -> int:
        """The cost of what is not counted in tokens, in pico-dollars; parts of one are rounded up."""
        cost = characters * (self.per_mchar or 0)
        if audio_ms and self.per_minute is not None:
            cost -= -audio_ms * self.per_minute * _PICO_PER_MICRO // _MS_PER_MINUTE
        if images and self.per_image is not None:
            cost += images * self.per_image * _PICO_PER_MICRO
        if served and self.per_request is not None:
            cost += self.per_request * _PICO_PER_MICRO
        return cost


def is_served(usage: Usage, *, completed: bool) -> bool:
    """Whether a request with this usage counts as served, so that a price per request applies: it has its response, or
    as much of one as is charged for."""
    return completed or usage != NO_USAGE


class SteppedPrice(Price, frozen=True, gc=False):
    """A price with others for longer inputs: `longer`, the longest first."""

    longer: tuple[Price, ...] = ()

    def for_input(self, tokens: int, /) -> Price:
        return next((price for price in self.longer if tokens > (price.above_input_tokens or 0)), self)

    def dearest(self, most_input: int, /) -> tuple[int, int]:
        may_apply = [self, *(price for price in self.longer if most_input > (price.above_input_tokens or 0))]
        return max(price.dearest_input for price in may_apply), max(price.output for price in may_apply)

    def dearest_units(self, images: int, characters: int, /) -> int:
        prices = (self, *self.longer)
        return max(price.cost_of_units(images, 0, characters, served=True) for price in prices)


Row = tuple[str, str | None, str | None, int | None, bool]
"""What the versions of one price share: model or pattern, upstream in lower case, tier, length of input, and whether
it is seeded."""


def _row(price: Price) -> Row:
    return price.model, _folded(price.upstream), price.tier, price.above_input_tokens, price.seeded


def _folded(upstream: str | None) -> str | None:
    return None if upstream is None else upstream.lower()


class PriceBook:
    """All versions of prices, indexed for look-up. Immutable: a change makes a new book."""

    def __init__(self, prices: Iterable[Price] = ()) -> None:
        self._versions: dict[Row, list[Price]] = {}
        for price in sorted(prices, key=lambda p: (p.effective_at, p.id)):
            self._versions.setdefault(_row(price), []).append(price)
        prefixes = {model for model, *_ in self._versions if model.endswith("*")}
        self._patterns = sorted(prefixes, key=len, reverse=True)
        self._lengths = sorted({above for *_, above, _ in self._versions if above is not None}, reverse=True)
        self._turns = sorted({price.effective_at for versions in self._versions.values() for price in versions})
        self._since = self._until = 0
        """The span, its end exclusive, in which no version begins and `_found` is valid."""
        self._found: dict[tuple[str, str | None, str | None], Price | None] = {}
        """Prices in force in that span, by model, upstream and tier, as they were looked up."""

    def __repr__(self) -> str:
        return f"PriceBook({sum(map(len, self._versions.values()))} versions of {len(self._versions)} rows)"

    def in_force(self, model: str, upstream: str | None, at: int, tier: str | None = None) -> Price | None:
        """The price of `model` (a canonical name) on an upstream at `at`, or None when it has none. `upstream` None:
        on one without prices of its own. `tier`: that of a service tier, which has none unless a row names it."""
        if not self._since <= at < self._until:
            place = bisect_right(self._turns, at)
            self._since = self._turns[place - 1] if place else at
            self._until = self._turns[place] if place < len(self._turns) else _FOR_EVER
            self._found.clear()
        asked = model, upstream, tier
        try:
            return self._found[asked]
        except KeyError:
            found = self._found[asked] = self._look_up(model, upstream, tier, at)
            return found

    def _look_up(self, model: str, upstream: str | None, tier: str | None, at: int) -> Price | None:
        names = dict.fromkeys((model, model.removesuffix(":latest")))
        patterns = [pattern for pattern in self._patterns if model.startswith(pattern[:-1])]
        of = _folded(upstream)
        rows: list[Row] = []
        for group in (names, patterns):
            rows += [(name, of, tier, None, False) for name in group]
            for name in group:
                rows += [(name, None, tier, None, False), (name, of, tier, None, True)]
        begun = (self._version(row, at) for row in rows)
        oldest = (self._oldest(row) for row in rows)
        found = next((price for price in (*begun, *oldest) if price is not None), None)
        return None if found is None else self._stepped(found, at)

    def _stepped(self, price: Price, at: int) -> Price:
        """The price with those for longer inputs, where there are any."""
        model, upstream, tier, *_ = _row(price)
        sources = (False, True) if price.seeded else (False,)
        longer = (
            next(filter(None, (self._begun((model, upstream, tier, above, source), at) for source in sources)), None)
            for above in self._lengths
        )
        there = tuple(each for each in longer if each is not None)
        return SteppedPrice(**asdict(price), longer=there) if there else price

    def history(self, model: str) -> list[Price]:
        """Every version of this name or pattern, whatever upstream, tier and length it is of, newest first, future ones
        included."""
        found = [price for row, versions in self._versions.items() if row[0] == model for price in versions]
        return sorted(found, key=lambda price: (price.effective_at, price.id), reverse=True)

    def current(self, at: int) -> list[Price]:
        """The version in force at `at` of every row that has one, sorted by label; an admin's in place of a seeded one
        of the same model, upstream, tier and length."""
        found: dict[tuple[object, ...], Price] = {}
        for row in sorted(self._versions, key=lambda row: not row[-1]):  # the seeded first
            price = self._begun(row, at)
            if price is not None:
                found[row[:-1]] = price
        return sorted(found.values(), key=lambda price: price.label)

    def missing(self, seeds: Iterable[Price], *, newer_at: int | None = None) -> list[Price]:
        """Those of these seeded prices whose model has none of any date there, seeded or, by name or by pattern, an
        admin's; with `newer_at`, also those that were seeded with other figures, in force at that moment."""
        names = {(model, of) for model, of, _, _, seeded in self._versions if not seeded}
        prefixes: dict[str | None, tuple[str, ...]] = {}
        for model, of in names:
            if model.endswith("*"):
                prefixes[of] = (*prefixes.get(of, ()), model[:-1])

        def is_missing(seed: Price) -> bool:
            row = _row(seed)
            if row in self._versions:
                before = seed if newer_at is None else self._begun(row, newer_at)
                return before is None or before.figures != seed.figures
            return not any(
                (seed.model, of) in names or seed.model.startswith(prefixes.get(of, ()))
                for of in (None, _folded(seed.upstream))
            )

        return [seed for seed in seeds if is_missing(seed)]

    def _begun(self, row: Row, at: int) -> Price | None:
        return self._version(row, at) or self._oldest(row)

    def _version(self, row: Row, at: int) -> Price | None:
        versions = self._versions.get(row)
        if not versions:
            return None
        place = bisect_right(versions, at, key=lambda price: price.effective_at)
        return versions[place - 1] if place else None

    def _oldest(self, row: Row) -> Price | None:
        """The first version that was not scheduled: only a clock that was set back shows a moment before it."""
        return next((price for price in self._versions.get(row, ()) if price.effective_at <= price.created_at), None)
