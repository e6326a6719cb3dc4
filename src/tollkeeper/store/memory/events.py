"""The outbox: events, and their deliveries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from msgspec.structs import replace

from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.events import Channel, Delivery, DeliveryStatus, Due, Event


class MemoryEvents:
    """See `ports.EventStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, events: Sequence[Event]) -> None:
        self._tables.must_be_writable()
        append_events(self._tables, events)

    async def events(
        self,
        *,
        limit: int,
        after: str | None = None,
        types: Collection[str] | None = None,
        user_id: str | None = None,
        team_id: str | None = None,
    ) -> list[Event]:
        found = [
            event
            for event in self._tables.events.values()
            if (after is None or event.id < after)
            and (types is None or event.type in types)
            and (user_id is None or event.user_id == user_id)
            and (team_id is None or event.team_id == team_id)
        ]
        return sorted(found, key=lambda event: event.id, reverse=True)[:limit]

    async def unplanned(self, limit: int) -> list[Event]:
        return [self._tables.events[event_id] for event_id in sorted(self._tables.unplanned)[:limit]]

    async def plan(self, event_id: str, deliveries: Sequence[Delivery]) -> None:
        self._tables.must_be_writable()
        if event_id in self._tables.unplanned:
            self._tables.unplanned.remove(event_id)
            self._tables.deliveries |= {each.id: each for each in deliveries}

    async def due(
        self, at: int, limit: int, *, busy: Collection[str] = (), without: Channel | None = None
    ) -> list[Due]:
        found = [
            each
            for each in self._pending()
            if each.next_at <= at and each.target not in busy and each.channel != without
        ]
        return self._with_events(sorted(found, key=lambda each: (each.next_at, each.id))[:limit])

    async def next_due(self) -> int | None:
        return min((each.next_at for each in self._pending()), default=None)

    async def claim(self, delivery: Delivery, until: int) -> bool:
        self._tables.must_be_writable()
        kept = self._tables.deliveries.get(delivery.id)
        if kept is None or kept.status != "pending" or kept.next_at != delivery.next_at:
            return False
        self._tables.deliveries[delivery.id] = replace(kept, next_at=until)
        return True

    async def save(self, delivery: Delivery) -> None:
        self._tables.must_be_writable()
        if delivery.id in self._tables.deliveries:
            self._tables.deliveries[delivery.id] = delivery

    async def deliveries(
        self,
        *,
        limit: int,
        after: str | None = None,
        target: str | None = None,
        status: DeliveryStatus | None = None,
        channel: Channel | None = None,
    ) -> list[Due]:
        found = [
            each
            for each in self._tables.deliveries.values()
            if (after is None or each.id < after)
            and target in (None, each.target)
            and status in (None, each.status)
            and channel in (None, each.channel)
        ]
        return self._with_events(sorted(found, key=lambda each: each.id, reverse=True)[:limit])

    async def delivery(self, delivery_id: str) -> Due | None:
        found = self._tables.deliveries.get(delivery_id)
        return None if found is None else Due(found, self._tables.events[found.event_id])

    async def revive(self, at: int, *, target: str | None = None, only: str | None = None) -> int:
        self._tables.must_be_writable()
        dead = [
            each
            for each in self._tables.deliveries.values()
            if each.status == "dead" and target in (None, each.target) and only in (None, each.id)
        ]
        for each in dead:
            self._tables.deliveries[each.id] = replace(each, status="pending", next_at=at, began_at=at, count=0)
        return len(dead)

    async def forget(self, before: int) -> None:
        self._tables.must_be_writable()
        kept = {each.event_id for each in self._pending()} | self._tables.unplanned
        self._tables.events = {
            event.id: event for event in self._tables.events.values() if event.at >= before or event.id in kept
        }
        self._tables.deliveries = {
            each.id: each for each in self._tables.deliveries.values() if each.event_id in self._tables.events
        }

    def _pending(self) -> list[Delivery]:
        return [each for each in self._tables.deliveries.values() if each.status == "pending"]

    def _with_events(self, deliveries: Iterable[Delivery]) -> list[Due]:
        return [Due(each, self._tables.events[each.event_id]) for each in deliveries]


def append_events(tables: Tables, new: Iterable[Event]) -> None:
    """Save events with what they tell of. One that is saved already stays as it is."""
    for event in new:
        if event.id not in tables.events:
            tables.events[event.id] = event
            tables.unplanned.add(event.id)
