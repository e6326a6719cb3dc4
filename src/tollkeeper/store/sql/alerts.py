"""Alerts that are open."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select
from sqlalchemy.exc import IntegrityError

from tollkeeper.store.errors import StoreConflict
from tollkeeper.store.ports.alerts import Alert, AlertKey
from tollkeeper.store.ports.events import Event
from tollkeeper.store.sql.events import append_events
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import alerts as table

_ALL = select(*(table.c[name] for name in Alert.__struct_fields__)).order_by(table.c.at.desc(), table.c.event_id.desc())


class SqlAlerts:
    """See `ports.AlertStore`. Every call raises StoreError when it fails."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def load(self) -> list[Alert]:
        return await self._reader.run(lambda connection: [Alert(*row) for row in connection.execute(_ALL)])

    async def open(self, alert: Alert, event: Event) -> bool:
        earlier = delete(table).where(_is(alert.key), table.c.window < alert.window)

        def write(connection: Connection) -> None:
            connection.execute(earlier)
            try:
                connection.execute(insert(table), asdict(alert))
            except IntegrityError:
                raise StoreConflict("the alert is open already") from None
            append_events(connection, [event])

        try:
            await self._writer.run(write)
        except StoreConflict:
            return False
        return True

    async def close(self, keys: Collection[AlertKey], events: Sequence[Event] = ()) -> bool:
        def write(connection: Connection) -> bool:
            count = 0
            for key in keys:
                count += connection.execute(delete(table).where(_is(key))).rowcount
            if count:
                append_events(connection, events)
            return count > 0

        return await self._writer.run(write)


def _is(key: AlertKey) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in key._asdict().items()))
