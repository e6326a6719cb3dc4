"""Putting the samples into an open house; what a kept folder holds already is left as it is."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from tollkeeper.cli.demo.samples import ALIASES, PRICES, USERS
from tollkeeper.rules.errors import Conflict
from tollkeeper.rules.money import parse_price
from tollkeeper.services.audit import Actor
from tollkeeper.services.prices import NewPrice

if TYPE_CHECKING:
    from tollkeeper.gateway.house import House
    from tollkeeper.services.accounts import Accounts
    from tollkeeper.services.catalog import Catalog
    from tollkeeper.services.prices import Prices

BY = Actor("@demo")


async def prepare(house: House) -> None:
    """Add the sample users, prices and aliases that are not there yet."""
    await add_users(house.accounts)
    await add_prices(house.prices)
    await add_aliases(house.catalog)


async def add_users(accounts: Accounts) -> None:
    """A taken name keeps its user, keys and password as they are."""
    for user in USERS:
        with suppress(Conflict):
            await accounts.create_user(user.user_id, BY, role=user.role, password=user.password, secret=user.key)


async def add_prices(prices: Prices) -> None:
    """A model that ever had a price keeps it."""
    missing = [price for price in PRICES if not prices.history(price.model)]
    if missing:
        wanted = [NewPrice(price.model, parse_price(price.input), parse_price(price.output)) for price in missing]
        await prices.put(wanted, BY)


async def add_aliases(catalog: Catalog) -> None:
    """An alias that leads elsewhere stays."""
    there = catalog.get()
    if not ALIASES.keys() <= there.keys():
        await catalog.replace(ALIASES | there, BY)
