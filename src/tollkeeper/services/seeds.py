"""Prices to begin with: those of the providers' models, from the list that the package genai-prices carries.

The list is read only when there is a provider to price and this version of it was not taken yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version

from tollkeeper.services.audit import Actor
from tollkeeper.services.prices import NewPrice, Prices
from tollkeeper.store.ports import Book

SEEDER = Actor("@seeds")
_TAKEN = "seeded_prices"
UNPRICED_KINDS = frozenset({"ollama"})
"""Kinds of upstreams whose models cost nothing of themselves."""


async def seed_prices(prices: Prices, book: Book, upstreams: Iterable[tuple[str, str]], at: int) -> int:
    """Give the models of these upstreams (kind and address of each) prices where they have none; once for each version
    of the list. Answers how many were added."""
    paid = sorted({(kind, address) for kind, address in upstreams if kind not in UNPRICED_KINDS})
    source = f"genai-prices {version('genai-prices')}"
    taken = "\n".join([source, *(f"{kind} {address}" for kind, address in paid)]).encode()
    if not paid or await book.value(_TAKEN) == taken:
        return 0
    # Here, not above: the list and what it brings take 80 ms to import, and 9 MB for as long as the process lives.
    from tollkeeper.services.price_list import seeds  # noqa: PLC0415

    wanted: dict[tuple[str, int | None], NewPrice] = {}
    for kind, address in paid:
        for price in seeds(kind, address, at):
            wanted.setdefault((price.model, price.effective_at), price)
    added = await prices.seed(list(wanted.values()), SEEDER, source=source)
    await book.set_value(_TAKEN, taken)
    return len(added)
