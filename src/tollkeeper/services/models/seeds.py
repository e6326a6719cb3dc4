"""Initial prices of providers' models: from the list of the package genai-prices, and from an upstream's own list where
that has prices, which are followed.

The package's list is read only when there is a provider, and this version of the list was not applied before.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from importlib.metadata import version

from msgspec.structs import asdict, replace

from tollkeeper.rules.names import canonical_spelling
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.models.prices import MODEL_PATTERN, NewPrice, Prices
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.listings import ListedModel
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.installation import Installation

log = logging.getLogger("tollkeeper.prices")

SEEDER = Actor("@seeds")
_APPLIED = "seeded_prices"


async def seed_prices(prices: Prices, installation: Installation, upstreams: Iterable[UpstreamConfig], at: int) -> int:
    """Add prices for the models of these upstreams that have none; once for each version of the list. Returns the
    number of prices added."""
    paid = sorted((each for each in upstreams if each.is_paid), key=lambda each: each.id)
    source = f"genai-prices {version('genai-prices')}"
    applied = "\n".join([source, *(f"{each.id} {each.kind.name} {each.base_url}" for each in paid)]).encode()
    if not paid or await installation.value(_APPLIED) == applied:
        return 0
    # Imported here: the list takes 80 ms to import, and 9 MB for the lifetime of the process.
    from tollkeeper.services.models.price_list import seeds  # noqa: PLC0415

    wanted = [replace(price, upstream=each.id) for each in paid for price in seeds(each.kind, each.base_url, at)]
    added = await prices.seed(wanted, SEEDER, source=source)
    await installation.set_value(_APPLIED, applied)
    return len(added)


async def seed_listed(prices: Prices, config: UpstreamConfig, listed: Iterable[ListedModel]) -> None:
    """Add the prices that an upstream's own list has, for its models that have none, and newer versions of those that
    were seeded. A failure of the store is logged: the models are there without."""
    if not (config.kind.lists_prices and config.is_paid):
        return
    wanted = [
        NewPrice(model.name, **asdict(model.price), upstream=config.id)
        for model in listed
        if model.price is not None and re.fullmatch(MODEL_PATTERN, canonical_spelling(model.name))
    ]
    try:
        await prices.seed(wanted, SEEDER, source=f"the list of {config.id}", newer=True)
    except StoreError as error:
        log.warning("the prices that upstream %s lists cannot be saved: %s", config.id, error)
