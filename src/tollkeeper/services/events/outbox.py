"""New events. Whoever changes something makes its event here, has it saved with the change, and then calls `saved`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import msgspec

from tollkeeper.rules.events import EVENT_PREFIX, EventType
from tollkeeper.rules.ids import ENTROPY_BYTES, timed_id
from tollkeeper.store.ports.events import Event, EventStore


class Outbox:
    """Makes events. `now` is milliseconds since the epoch; `entropy` returns so many random bytes. `on_saved` is called
    when events were saved."""

    def __init__(
        self, store: EventStore, now: Callable[[], int], *, entropy: Callable[[int], bytes] = os.urandom
    ) -> None:
        self._store = store
        self._now = now
        self._entropy = entropy
        self.on_saved: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"Outbox({self._store!r})"

    def event(
        self,
        event_type: EventType,
        data: Mapping[str, object],
        *,
        at: int | None = None,
        user_id: str | None = None,
        team_id: str | None = None,
    ) -> Event:
        """Make an event, of now or of an earlier moment. `data` is what receivers get, without secrets; `user_id` and
        `team_id` are those that may see it as their own."""
        moment = self._now() if at is None else at
        event_id = timed_id(EVENT_PREFIX, moment, self._entropy(ENTROPY_BYTES))
        return Event(event_id, moment, event_type, msgspec.json.encode(data).decode(), user_id, team_id)

    def saved(self) -> None:
        """Have what was saved sent. It would be found anyway, a few seconds later."""
        for call in self.on_saved:
            call()

    async def add(self, events: Sequence[Event]) -> None:
        """Save events of what is not stored itself, and have them sent. Raises StoreError."""
        await self._store.add(events)
        self.saved()
