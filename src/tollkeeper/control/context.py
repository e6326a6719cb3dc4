"""What the control plane is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Request

from tollkeeper.services.accounts import Accounts
from tollkeeper.services.audit import Actor
from tollkeeper.services.metrics import Metrics
from tollkeeper.services.prices import Prices
from tollkeeper.store.ports import Audit, Reports


class Aliases(Protocol):
    """Other names for models."""

    def get(self) -> Mapping[str, str]: ...

    async def replace(self, aliases: Mapping[str, str], by: Actor) -> None:
        """All at once, in force at the next request. Raises Unprocessable for two spellings of one name."""


@dataclass(frozen=True)
class ControlServices:
    """`ready` answers what is wrong with each part, None where nothing is; `now` is milliseconds since the epoch.
    With `metrics_public` the metrics need no key from loopback addresses."""

    accounts: Accounts
    prices: Prices
    reports: Reports
    audit: Audit
    aliases: Aliases
    metrics: Metrics
    ready: Callable[[], Awaitable[Mapping[str, str | None]]]
    now: Callable[[], int]
    version: str
    metrics_public: bool = False


def services_of(request: Request) -> ControlServices:
    services: ControlServices = request.app.state.services
    return services


async def _services(request: Request) -> ControlServices:
    return services_of(request)


Services = Annotated[ControlServices, Depends(_services)]
