"""Prices of models: all versions in memory; changes append new ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.money import format_price
from tollkeeper.rules.names import canonical_spelling
from tollkeeper.rules.pricing import Price, PriceBook
from tollkeeper.rules.times import format_time
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.audit.change_queue import ChangeQueue
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.prices import PriceStore

MODEL_PATTERN = r"[^\s*]{1,255}\*?|\*"
FIGURES: Mapping[str, str] = {
    **{name: f"{name}_usd_per_mtok" for name in ("input", "cached_input", "cache_write", "cache_write_1h", "output")},
    "per_request": "usd_per_request",
    "per_image": "usd_per_image",
    "per_minute": "audio_usd_per_minute",
    "per_mchar": "speech_usd_per_mchar",
}
"""The figures of a price, and their names in the API."""


class NewPrice(Struct, frozen=True):
    """A version to append. `model` is a name, or a pattern that ends in `*`; figures are micro-dollars per million
    tokens or per unit; `effective_at` is milliseconds since the epoch; None: now. The rest is as in `Price`."""

    model: str
    input: int
    output: int
    cached_input: int | None = None
    cache_write: int | None = None
    effective_at: int | None = None
    upstream: str | None = None
    tier: str | None = None
    above_input_tokens: int | None = None
    cache_write_1h: int | None = None
    per_request: int | None = None
    per_image: int | None = None
    per_minute: int | None = None
    per_mchar: int | None = None


class Prices:
    """All versions of all prices. `now` is milliseconds since the epoch. Call `load` once, at the start."""

    def __init__(self, store: PriceStore, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._changes = ChangeQueue()
        self._versions: list[Price] = []
        self._by_id: dict[int, Price] = {}
        self._book = PriceBook()
        self.models: frozenset[str] = frozenset()
        """The models and patterns that have a version."""
        self.on_change: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"Prices({self._book!r})"

    async def load(self) -> None:
        self._keep(await self._store.load())

    def in_force(self, model: str, upstream_id: str | None, at: int, tier: str | None = None) -> Price | None:
        """The price of a model (by canonical name) on an upstream at a moment, as in `PriceBook.in_force`; None: it has
        none."""
        return self._book.in_force(model, upstream_id, at, tier)

    def version(self, number: int) -> Price | None:
        """The version with this id."""
        return self._by_id.get(number)

    def current(self) -> list[Price]:
        """The prices in force now, sorted by label."""
        return self._book.current(self._now())

    def history(self, model: str) -> list[Price]:
        """Every version for this name or pattern, newest first, future ones included."""
        return self._book.history(canonical_spelling(model))

    async def put(self, wanted: Sequence[NewPrice], by: Actor) -> list[Price]:
        """Append versions, all or none. Raises Unprocessable for a name that no model can have, and for a time in the
        past, where usage is billed already."""

        async def change() -> list[Price]:
            now = self._now()
            new = [_version(price, now) for price in wanted]
            detail = {"prices": [price_body(price) for price in new]}
            target = new[0].model if len(new) == 1 else "*"
            return await self._append(new, by.entry(now, "prices.put", target, detail))

        return await self._changes.run(change)

    async def seed(self, wanted: Sequence[NewPrice], by: Actor, *, source: str, newer: bool = False) -> list[Price]:
        """Append initial versions, each of one upstream, except for models that have a price there of any date: one
        that was seeded (with `newer`: the same), or an admin's, by name or by pattern. `source` names their origin in
        the audit log."""

        async def change() -> list[Price]:
            now = self._now()
            seeds = [_version(price, now, seeded=True) for price in wanted]
            new = self._book.missing(seeds, newer_at=now if newer else None)
            if not new:
                return []
            detail = {"source": source, "versions": len(new), "models": len({price.model for price in new})}
            return await self._append(new, by.entry(now, "prices.seed", "*", detail))

        return await self._changes.run(change)

    async def _append(self, new: Sequence[Price], entry: AuditEntry) -> list[Price]:
        added = await self._store.add(new, entry)
        self._keep([*self._versions, *added])
        return added

    def _keep(self, versions: list[Price]) -> None:
        self._versions = versions
        self._by_id = {price.id: price for price in versions}
        self._book = PriceBook(versions)
        self.models = frozenset(price.model for price in versions)
        for listener in self.on_change:
            listener()


def price_body(price: Price) -> dict[str, Any]:
    """A price as the API shows it: dollars per million tokens, or per unit, as decimal strings, times as RFC 3339."""
    shown = asdict(price)
    figures = {named: shown[name] for name, named in FIGURES.items()}
    return {
        "id": price.id,
        "model": price.model,
        "upstream": price.upstream,
        "tier": price.tier,
        "above_input_tokens": price.above_input_tokens,
        "seeded": price.seeded,
        **{name: None if figure is None else format_price(figure) for name, figure in figures.items()},
        "effective_at": format_time(price.effective_at),
        "created_at": format_time(price.created_at),
    }


def _version(wanted: NewPrice, now: int, *, seeded: bool = False) -> Price:
    model = canonical_spelling(wanted.model.strip())
    if not re.fullmatch(MODEL_PATTERN, model):
        raise Unprocessable("A model has no spaces, and a * only at its end.", param="model")
    if wanted.effective_at is not None and wanted.effective_at < now:
        raise Unprocessable(
            "A price cannot begin in the past. Leave effective_at out for one that begins now.", param="effective_at"
        )
    return Price(
        id=0,
        model=model,
        input=wanted.input,
        output=wanted.output,
        cached_input=wanted.cached_input,
        cache_write=wanted.cache_write,
        effective_at=now if wanted.effective_at is None else wanted.effective_at,
        created_at=now,
        upstream=wanted.upstream,
        tier=wanted.tier,
        above_input_tokens=wanted.above_input_tokens,
        seeded=seeded,
        cache_write_1h=wanted.cache_write_1h,
        per_request=wanted.per_request,
        per_image=wanted.per_image,
        per_minute=wanted.per_minute,
        per_mchar=wanted.per_mchar,
    )
