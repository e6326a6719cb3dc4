"""Adding the sample data to a running gateway. Data that a kept folder already has stays unchanged."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from tollkeeper.cli.demo.samples import ALIASES, PRICES, USERS
from tollkeeper.rules.errors import Conflict
from tollkeeper.rules.money import parse_price
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.models.prices import NewPrice

if TYPE_CHECKING:
    from tollkeeper.gateway.context import GatewayContext
    from tollkeeper.services.accounts.accounts import Accounts
    from tollkeeper.services.models.aliases import Aliases
    from tollkeeper.services.models.prices import Prices

DEMO_ACTOR = Actor("@demo")


async def prepare(context: GatewayContext) -> None:
    """Add the sample users, prices and aliases that are not there yet."""
    await add_users(context.accounts)
    await add_prices(context.prices)
    await add_aliases(context.aliases)


async def add_users(accounts: Accounts) -> None:
    """Add the sample users. An existing user keeps role, keys and password."""
    for user in USERS:
        with suppress(Conflict):
            await accounts.create_user(
                user.user_id, DEMO_ACTOR, role=user.role, password=user.password, secret=user.key
            )


async def add_prices(prices: Prices) -> None:
    """Add the sample prices, except for models that have ever had a price."""
    missing = [price for price in PRICES if not prices.history(price.model)]
    if missing:
        wanted = [NewPrice(price.model, parse_price(price.input), parse_price(price.output)) for price in missing]
        await prices.put(wanted, DEMO_ACTOR)


async def add_aliases(aliases: Aliases) -> None:
    """Add the sample aliases. An existing alias of the same name stays."""
    existing = aliases.table
    if not ALIASES.keys() <= existing.keys():
        await aliases.replace(ALIASES | dict(existing), DEMO_ACTOR)
