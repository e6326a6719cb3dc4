"""The alerts that are open, in memory as they are in the store."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from tollkeeper.services.events.outbox import Outbox
from tollkeeper.store.ports.alerts import Alert, AlertKey, AlertStore
from tollkeeper.store.ports.events import Event

_About = tuple[str, str]
"""The kind and the id of what alerts are about."""


class AlertBook:
    """Opens and closes alerts. Of several nodes, the one whose row is first reports an alert."""

    def __init__(self, store: AlertStore, outbox: Outbox) -> None:
        self._store = store
        self._outbox = outbox
        self._open: dict[_About, dict[AlertKey, Alert]] = {}
        self._changes = 0
        """Changes so far: what was read before the latest may no longer be so."""

    def __repr__(self) -> str:
        return f"AlertBook({sum(map(len, self._open.values()))} open)"

    async def load(self) -> None:
        """Read the open alerts, which other nodes open and close, too. Raises StoreError."""
        while True:
            before = self._changes
            found = await self._store.load()
            if before == self._changes:
                break
        self._open = {}
        for alert in found:
            self._put(alert)

    def all(self) -> list[Alert]:
        """The open alerts, the newest first."""
        return sorted(self._each(), key=lambda alert: (alert.at, alert.event_id), reverse=True)

    def get(self, key: AlertKey) -> Alert | None:
        return self._open.get((key.kind, key.id), {}).get(key)

    def of(self, kind: str, owner_id: str) -> list[Alert]:
        """The open alerts about one owner."""
        return [*self._open.get((kind, owner_id), {}).values()]

    def forget(self, user_id: str) -> None:
        """Drop the alerts of a user, which are deleted in the store."""
        for alert in [alert for alert in self._each() if alert.user_id == user_id]:
            self._drop(alert.key)

    async def open(self, alert: Alert, event: Event) -> None:
        """Open an alert, and report it unless another node has. Raises StoreError."""
        if await self._store.open(alert, event):
            self._put(alert)
            self._outbox.saved()
        else:
            await self.load()  # it is known by the event of the other node

    async def close(self, keys: Collection[AlertKey], events: Sequence[Event] = ()) -> None:
        """Close alerts, and report `events` unless another node has closed them. Raises StoreError."""
        if await self._store.close(keys, events) and events:
            self._outbox.saved()
        for key in keys:
            self._drop(key)

    def _each(self) -> Iterator[Alert]:
        for alerts in self._open.values():
            yield from alerts.values()

    def _put(self, alert: Alert) -> None:
        self._changes += 1
        self._open.setdefault((alert.kind, alert.id), {})[alert.key] = alert

    def _drop(self, key: AlertKey) -> None:
        self._changes += 1
        about = key.kind, key.id
        if alerts := self._open.get(about):
            alerts.pop(key, None)
            if not alerts:
                del self._open[about]
