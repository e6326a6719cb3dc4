"""Alerts: thresholds that are reached, and whatever else is wrong for a while.

That an alert was reported is a row. Whoever inserts it has the event saved in the same transaction: of several nodes
that find the same, one does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from tollkeeper.store.ports.events import Event


class AlertKey(NamedTuple):
    """What an alert is about: an owner of limits ("user", "ann"), one of its limits, on one model or on all (""), and
    the percentage of it that is reached. For what is no limit, such as an upstream that is down, `percent` is 0."""

    kind: str
    id: str
    model: str
    name: str
    percent: int


class Alert(Struct, frozen=True):
    """An alert that is open. `window`: the beginning of the calendar window in which it was reported; 0: it has none.
    `floor`: the percentage below which the use must fall before it is reported again. `event_id` is the event that
    reported it, at `at`. `user_id` and `team_id` are those that may see it as their own."""

    kind: str
    id: str
    model: str
    name: str
    percent: int
    window: int
    floor: int
    at: int
    event_id: str
    user_id: str | None = None
    team_id: str | None = None

    @property
    def key(self) -> AlertKey:
        return AlertKey(self.kind, self.id, self.model, self.name, self.percent)


class AlertStore(Protocol):
    async def load(self) -> list[Alert]:
        """Every open alert, the newest first."""

    async def open(self, alert: Alert, event: Event) -> bool:
        """Insert an alert and save its event, unless the same is open in the same window or a later one. Returns
        whether it was inserted."""

    async def close(self, keys: Collection[AlertKey], events: Sequence[Event] = ()) -> bool:
        """Delete alerts, and save these events if any of them was open. Returns whether any was."""
