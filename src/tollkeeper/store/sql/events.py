"""The outbox: events, and their deliveries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Connection, Select, bindparam, delete, exists, func, insert, select, update

from tollkeeper.store.ports.events import Channel, Delivery, DeliveryStatus, Due, Event
from tollkeeper.store.sql.dialect import one_of
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import DELIVERY_PENDING, EVENT_UNPLANNED, deliveries, events

_EVENT = [events.c[name] for name in Event.__struct_fields__]
_DELIVERY = [deliveries.c[name] for name in Delivery.__struct_fields__]
_UNPLANNED = select(*_EVENT).where(EVENT_UNPLANNED).order_by(events.c.id)
_DUE = select(*_DELIVERY, *_EVENT).join(events, events.c.id == deliveries.c.event_id)
_NEXT = select(func.min(deliveries.c.next_at)).where(DELIVERY_PENDING)
_KNOWN = select(events.c.id).where(events.c.id == bindparam("wanted"))
_ADD = insert(events)


class SqlEvents:
    """See `ports.EventStore`. Every call raises StoreError when it fails."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def add(self, events: Sequence[Event]) -> None:
        await self._writer.run(lambda connection: append_events(connection, events))

    async def events(
        self,
        *,
        limit: int,
        after: str | None = None,
        types: Collection[str] | None = None,
        user_id: str | None = None,
        team_id: str | None = None,
    ) -> list[Event]:
        query = select(*_EVENT).order_by(events.c.id.desc()).limit(limit)
        if after is not None:
            query = query.where(events.c.id < after)
        if types is not None:
            query = query.where(one_of(events.c.type, types))
        if user_id is not None:
            query = query.where(events.c.user_id == user_id)
        if team_id is not None:
            query = query.where(events.c.team_id == team_id)
        return await self._read_events(query)

    async def unplanned(self, limit: int) -> list[Event]:
        return await self._read_events(_UNPLANNED.limit(limit))

    async def plan(self, event_id: str, deliveries: Sequence[Delivery]) -> None:
        planned = update(events).where(events.c.id == event_id, EVENT_UNPLANNED).values(planned=True)

        def write(connection: Connection) -> None:
            if connection.execute(planned).rowcount and deliveries:
                connection.execute(insert(_TABLE), [asdict(each) for each in deliveries])

        await self._writer.run(write)

    async def due(
        self, at: int, limit: int, *, busy: Collection[str] = (), without: Channel | None = None
    ) -> list[Due]:
        query = _DUE.where(DELIVERY_PENDING, deliveries.c.next_at <= at).order_by(deliveries.c.next_at, deliveries.c.id)
        if busy:
            query = query.where(~one_of(deliveries.c.target, busy))
        if without is not None:
            query = query.where(deliveries.c.channel != without)
        return await self._read_due(query.limit(limit))

    async def next_due(self) -> int | None:
        return await self._reader.run(lambda connection: connection.execute(_NEXT).scalar_one_or_none())

    async def claim(self, delivery: Delivery, until: int) -> bool:
        statement = update(deliveries).where(
            deliveries.c.id == delivery.id, DELIVERY_PENDING, deliveries.c.next_at == delivery.next_at
        )
        claimed = await self._writer.run(
            lambda connection: connection.execute(statement.values(next_at=until)).rowcount
        )
        return claimed == 1

    async def save(self, delivery: Delivery) -> None:
        statement = update(deliveries).where(deliveries.c.id == delivery.id).values(asdict(delivery))
        await self._writer.run(lambda connection: connection.execute(statement))

    async def deliveries(
        self,
        *,
        limit: int,
        after: str | None = None,
        target: str | None = None,
        status: DeliveryStatus | None = None,
        channel: Channel | None = None,
    ) -> list[Due]:
        query = _DUE.order_by(deliveries.c.id.desc()).limit(limit)
        if after is not None:
            query = query.where(deliveries.c.id < after)
        for column, value in (
            (deliveries.c.target, target),
            (deliveries.c.status, status),
            (deliveries.c.channel, channel),
        ):
            if value is not None:
                query = query.where(column == value)
        return await self._read_due(query)

    async def delivery(self, delivery_id: str) -> Due | None:
        found = await self._read_due(_DUE.where(deliveries.c.id == delivery_id))
        return found[0] if found else None

    async def revive(self, at: int, *, target: str | None = None, only: str | None = None) -> int:
        statement = update(deliveries).where(deliveries.c.status == "dead")
        if target is not None:
            statement = statement.where(deliveries.c.target == target)
        if only is not None:
            statement = statement.where(deliveries.c.id == only)
        fresh = {"status": "pending", "next_at": at, "began_at": at, "count": 0}
        return await self._writer.run(lambda connection: connection.execute(statement.values(fresh)).rowcount)

    async def forget(self, before: int) -> None:
        pending = exists().where(deliveries.c.event_id == events.c.id, DELIVERY_PENDING)
        gone = delete(events).where(events.c.at < before, ~EVENT_UNPLANNED, ~pending)
        orphans = delete(deliveries).where(~exists().where(events.c.id == deliveries.c.event_id))

        def write(connection: Connection) -> None:
            if connection.execute(gone).rowcount:
                connection.execute(orphans)

        await self._writer.run(write)

    async def _read_events(self, query: Select[Any]) -> list[Event]:
        return await self._reader.run(lambda connection: [Event(*row) for row in connection.execute(query)])

    async def _read_due(self, query: Select[Any]) -> list[Due]:
        size = len(_DELIVERY)
        return await self._reader.run(
            lambda connection: [Due(Delivery(*row[:size]), Event(*row[size:])) for row in connection.execute(query)]
        )


_TABLE = deliveries


def append_events(connection: Connection, new: Iterable[Event]) -> None:
    """Save events within the transaction of what they tell of. One that is saved already stays as it is."""
    rows = [
        {**asdict(event), "planned": False}
        for event in new
        if connection.execute(_KNOWN, {"wanted": event.id}).first() is None
    ]
    if rows:
        connection.execute(_ADD, rows)
