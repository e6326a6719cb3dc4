"""The outbox: events, and their deliveries to whoever wants to hear of them.

An event is saved in the transaction of the change that it tells of. Then it is planned: one transaction makes a
delivery for each recipient, so that a process that is killed in between plans it again. A delivery is claimed before it
is tried; a claim that lapses, since its process was killed, is tried again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

from tollkeeper.rules.events import EventType

Channel = Literal["webhook", "email"]
DeliveryStatus = Literal["pending", "delivered", "dead"]
"""`dead`: it was tried for a day in vain, and is tried no more unless an admin asks."""


class Event(Struct, frozen=True):
    """Something that happened. Ids sort by time. `data` is a JSON object. `user_id` and `team_id` are those that may
    see it as their own; None: only admins may."""

    id: str
    at: int
    type: EventType
    data: str
    user_id: str | None = None
    team_id: str | None = None


class Delivery(Struct, frozen=True):
    """An event on its way to one recipient: `target` is the id of a webhook, or an e-mail address. Ids sort by time.

    `status` "pending": it is tried at `next_at`. `began_at`: from when on it is tried for a day, the time of the first
    try once there was one. `count`: how often it was tried; `tries` are the last of these, a JSON array."""

    id: str
    event_id: str
    channel: Channel
    target: str
    began_at: int
    next_at: int
    status: DeliveryStatus = "pending"
    count: int = 0
    tries: str = "[]"


class Due(NamedTuple):
    """A delivery to be tried, with its event."""

    delivery: Delivery
    event: Event


class EventStore(Protocol):
    async def add(self, events: Sequence[Event]) -> None:
        """Save events of what is not stored itself. An event that is saved already stays as it is."""

    async def events(
        self,
        *,
        limit: int,
        after: str | None = None,
        types: Collection[str] | None = None,
        user_id: str | None = None,
        team_id: str | None = None,
    ) -> list[Event]:
        """Events, newest first; `after` is the id of the last one already seen. With a user or a team, only theirs."""

    async def unplanned(self, limit: int) -> list[Event]:
        """Events that have not been planned, oldest first."""

    async def plan(self, event_id: str, deliveries: Sequence[Delivery]) -> None:
        """Save the deliveries of an event; nothing is changed where it has been planned before."""

    async def due(
        self, at: int, limit: int, *, busy: Collection[str] = (), without: Channel | None = None
    ) -> list[Due]:
        """Pending deliveries whose time has come at `at`, the most overdue first, without those to targets that are
        `busy`, and `without` those of a channel."""

    async def next_due(self) -> int | None:
        """When the next pending delivery is to be tried; None: there is none."""

    async def claim(self, delivery: Delivery, until: int) -> bool:
        """Put a delivery off until `until`, if it is still as it was read; whether it was."""

    async def save(self, delivery: Delivery) -> None:
        """Replace a delivery; nothing where it was deleted."""

    async def deliveries(
        self,
        *,
        limit: int,
        after: str | None = None,
        target: str | None = None,
        status: DeliveryStatus | None = None,
        channel: Channel | None = None,
    ) -> list[Due]:
        """Deliveries, newest first; `after` is the id of the last one already seen. None: any."""

    async def delivery(self, delivery_id: str) -> Due | None: ...

    async def revive(self, at: int, *, target: str | None = None, only: str | None = None) -> int:
        """Have dead deliveries tried again from `at` on, for another day: those to a target, or the one with the id
        `only`. Returns how many there were."""

    async def forget(self, before: int) -> None:
        """Delete the events from before this time, with their deliveries; those with a pending one stay."""
