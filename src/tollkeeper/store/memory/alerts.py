"""Alerts that are open."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tollkeeper.store.memory.events import append_events
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.alerts import Alert, AlertKey
from tollkeeper.store.ports.events import Event


class MemoryAlerts:
    """See `ports.AlertStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def load(self) -> list[Alert]:
        return sorted(self._tables.alerts.values(), key=lambda alert: (alert.at, alert.event_id), reverse=True)

    async def open(self, alert: Alert, event: Event) -> bool:
        self._tables.must_be_writable()
        kept = self._tables.alerts.get(alert.key)
        if kept is not None and kept.window >= alert.window:
            return False
        self._tables.alerts[alert.key] = alert
        append_events(self._tables, [event])
        return True

    async def close(self, keys: Collection[AlertKey], events: Sequence[Event] = ()) -> bool:
        self._tables.must_be_writable()
        closed = [key for key in keys if self._tables.alerts.pop(key, None) is not None]
        if closed:
            append_events(self._tables, events)
        return bool(closed)
