"""What the control plane is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Request

from tollkeeper.services.accounts import Accounts
from tollkeeper.services.audit import Actor
from tollkeeper.services.catalog import Catalog
from tollkeeper.services.live import Live
from tollkeeper.services.metrics import Metrics
from tollkeeper.services.prices import Prices
from tollkeeper.services.readings import Reading
from tollkeeper.services.sign_in import SignIn
from tollkeeper.store.ports import Audit, Key, Record, Reports, User


class Aliases(Protocol):
    """Other names for models."""

    def get(self) -> Mapping[str, str]: ...

    async def replace(self, aliases: Mapping[str, str], by: Actor) -> None:
        """All at once, in force at the next request. Raises Unprocessable for two spellings of one name."""


class Readings(Protocol):
    """What is left of limits."""

    async def usage(self, owner: User | Key) -> Mapping[str, Reading]:
        """Of each limit that the user or key has, by its name in the limits object."""

    async def usage_by_model(self, owner: User | Key) -> Mapping[str, Mapping[str, Reading]]:
        """Of each limit that the user or key has for one model alone, by model and name."""


Adjust = Callable[[str, int, str, Actor], Awaitable[Record]]
"""Adds a record to a user's ledger: user id, pico-dollars (less than 0 gives back), reason, who. Durable when it
answers; its audit entry is written by then."""


@dataclass(frozen=True)
class ControlServices:
    """`ready` answers what is wrong with each part, None where nothing is; `now` is milliseconds since the epoch.
    With `metrics_public` the metrics need no key from loopback addresses."""

    accounts: Accounts
    sign_in: SignIn
    prices: Prices
    reports: Reports
    audit: Audit
    aliases: Aliases
    catalog: Catalog
    live: Live
    metrics: Metrics
    ready: Callable[[], Awaitable[Mapping[str, str | None]]]
    now: Callable[[], int]
    version: str
    readings: Readings
    adjust: Adjust
    metrics_public: bool = False


def services_of(request: Request) -> ControlServices:
    services: ControlServices = request.app.state.services
    return services


async def _services(request: Request) -> ControlServices:
    return services_of(request)


Services = Annotated[ControlServices, Depends(_services)]
