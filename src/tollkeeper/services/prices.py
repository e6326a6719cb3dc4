"""Prices: every version in memory, new ones appended."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import asdict

from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.money import format_price
from tollkeeper.rules.names import spelled
from tollkeeper.rules.pricing import Price, PriceBook
from tollkeeper.rules.times import format_time
from tollkeeper.services.audit import Actor
from tollkeeper.services.changes import Changes
from tollkeeper.store.ports import AuditEntry, Book

MODEL_PATTERN = r"[^\s*]{1,255}\*?|\*"


class NewPrice(Struct, frozen=True):
    """A version to be. `model` is a name, or a pattern that ends in `*`; figures are micro-dollars per million tokens;
    `effective_at` None is now."""

    model: str
    input: int
    output: int
    cached_input: int | None = None
    cache_write: int | None = None
    effective_at: int | None = None


class Prices:
    """`now` is milliseconds since the epoch. `load` once, before anyone asks."""

    def __init__(self, store: Book, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._changes = Changes()
        self._versions: list[Price] = []
        self._by_id: dict[int, Price] = {}
        self._book = PriceBook()

    def __repr__(self) -> str:
        return f"Prices({self._book!r})"

    async def load(self) -> None:
        self._keep(await self._store.prices())

    def in_force(self, model: str, at: int) -> Price | None:
        """The price of a model (its canonical name) at a moment, or None when it has none."""
        return self._book.in_force(model, at)

    def version(self, number: int) -> Price | None:
        """The version with this id."""
        return self._by_id.get(number)

    def current(self) -> list[Price]:
        """What is in force now, by name or pattern."""
        return self._book.current(self._now())

    def history(self, model: str) -> list[Price]:
        """Every version made for this name or pattern, newest first, future ones included."""
        return self._book.history(spelled(model))

    async def put(self, wanted: Sequence[NewPrice], by: Actor) -> list[Price]:
        """Append versions, all or none. Raises Unprocessable for a name that no model can have, and for a moment that
        is past: what was used is priced already."""

        async def change() -> list[Price]:
            now = self._now()
            new = [_version(price, now) for price in wanted]
            detail = {"prices": [price_body(price) for price in new]}
            target = new[0].model if len(new) == 1 else "*"
            return await self._append(new, by.entry(now, "prices.put", target, detail))

        return await self._changes.run(change)

    async def seed(self, wanted: Sequence[NewPrice], by: Actor, *, source: str) -> list[Price]:
        """Append those versions whose model has none, of its own or by a pattern, of whatever date: what an operator
        decided stays. `source`, where they come from, is kept in the audit log."""

        async def change() -> list[Price]:
            now = self._now()
            named = {price.model for price in self._versions}
            prefixes = tuple(model[:-1] for model in named if model.endswith("*"))
            new = [_version(price, now) for price in wanted]
            new = [price for price in new if price.model not in named and not price.model.startswith(prefixes)]
            if not new:
                return []
            detail = {"source": source, "versions": len(new), "models": len({price.model for price in new})}
            return await self._append(new, by.entry(now, "prices.seed", "*", detail))

        return await self._changes.run(change)

    async def _append(self, new: Sequence[Price], entry: AuditEntry) -> list[Price]:
        added = await self._store.add_prices(new, entry)
        self._keep([*self._versions, *added])
        return added

    def _keep(self, versions: list[Price]) -> None:
        self._versions = versions
        self._by_id = {price.id: price for price in versions}
        self._book = PriceBook(versions)


def price_body(price: Price) -> dict[str, int | str | None]:
    """A price as the API shows it: dollars per million tokens as decimal strings, times as RFC 3339."""
    shown = asdict(price)
    figures = {f"{name}_usd_per_mtok": shown[name] for name in ("input", "cached_input", "cache_write", "output")}
    return {
        "id": price.id,
        "model": price.model,
        **{name: None if figure is None else format_price(figure) for name, figure in figures.items()},
        "effective_at": format_time(price.effective_at),
        "created_at": format_time(price.created_at),
    }


def _version(wanted: NewPrice, now: int) -> Price:
    model = spelled(wanted.model.strip())
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
    )
