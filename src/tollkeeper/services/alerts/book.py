"""The alerts that are open, in memory as they are in the store."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tollkeeper.services.events.outbox import Outbox
from tollkeeper.store.ports.alerts import Alert, AlertKey, AlertStore
from tollkeeper.store.ports.events import Event


class AlertBook:
    """Opens and closes alerts. Of several nodes, the one whose row is first reports an alert."""

    def __init__(self, store: AlertStore, outbox: Outbox) -> None:
        self._store = store
        self._outbox = outbox
        self._open: dict[AlertKey, Alert] = {}

    def __repr__(self) -> str:
        return f"AlertBook({len(self._open)} open)"

    async def load(self) -> None:
        """Read the open alerts, which other nodes open and close, too. Raises StoreError."""
        self._open = {alert.key: alert for alert in await self._store.load()}

    def all(self) -> list[Alert]:
        """The open alerts, the newest first."""
        return sorted(self._open.values(), key=lambda alert: (alert.at, alert.event_id), reverse=True)

    def get(self, key: AlertKey) -> Alert | None:
        return self._open.get(key)

    def of(self, kind: str, owner_id: str) -> list[Alert]:
        """The open alerts about one owner."""
        return [alert for alert in self._open.values() if (alert.kind, alert.id) == (kind, owner_id)]

    def forget(self, user_id: str) -> None:
        """Drop the alerts of a user, which are deleted in the store."""
        self._open = {key: alert for key, alert in self._open.items() if alert.user_id != user_id}

    async def open(self, alert: Alert, event: Event) -> None:
        """Open an alert, and report it unless another node has. Raises StoreError."""
        if await self._store.open(alert, event):
            self._outbox.saved()
        self._open[alert.key] = alert

    async def close(self, keys: Collection[AlertKey], events: Sequence[Event] = ()) -> None:
        """Close alerts, and report `events` unless another node has closed them. Raises StoreError."""
        if await self._store.close(keys, events) and events:
            self._outbox.saved()
        for key in keys:
            self._open.pop(key, None)
