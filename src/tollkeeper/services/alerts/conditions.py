"""Conditions of the installation: upstreams that are down, and a ledger that cannot be written.

An upstream that is down is an open alert, so that it is reported once, over restarts and nodes. While the ledger fails
nothing can be saved: its event is sent at once to whoever can be reached, and saved, with the same id, when it writes
again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Literal

from msgspec import Struct

from tollkeeper.rules.times import format_time
from tollkeeper.services.alerts.book import AlertBook
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.alerts import Alert, AlertKey
from tollkeeper.store.ports.events import Event

log = logging.getLogger("tollkeeper.alerts")

CHECK_EVERY = 1.0
UPSTREAM = "upstream"
DOWN = "down"


class Condition(Struct, frozen=True):
    """How an upstream is; `state` None: it is being found out."""

    state: Literal["up", "down"] | None
    reason: str | None = None


class Conditions:
    """Watches the installation. `ledger_failing` says why the ledger cannot be written, None while it can; `upstreams`
    how each is that should serve; `send_unsaved` sends an event that cannot be saved."""

    def __init__(
        self,
        book: AlertBook,
        outbox: Outbox,
        ledger_failing: Callable[[], str | None],
        upstreams: Callable[[], Mapping[str, Condition]],
        send_unsaved: Callable[[Event], Coroutine[Any, Any, None]],
    ) -> None:
        self._book = book
        self._outbox = outbox
        self._ledger_failing = ledger_failing
        self._upstreams = upstreams
        self._send_unsaved = send_unsaved
        self._failed: tuple[Event, str] | None = None
        self._unreported = False
        self._sending: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"Conditions(failing={self._failed is not None})"

    async def run(self) -> None:
        """Watch until cancelled."""
        try:
            while True:
                try:
                    await self.check()
                except Exception:
                    log.exception("the installation cannot be watched by a fault of the gateway; it is tried again")
                await asyncio.sleep(CHECK_EVERY)
        finally:
            for task in self._sending:
                task.cancel()

    async def check(self) -> None:
        """Report what has changed. What the database does not take is reported later."""
        try:
            await self._check_ledger()
            await self._check_upstreams()
        except StoreError as error:
            if not self._unreported:
                log.warning("a condition could not be reported; it will be tried again: %s", error)
            self._unreported = True
        else:
            self._unreported = False

    async def _check_ledger(self) -> None:
        reason = self._ledger_failing()
        if reason is not None and self._failed is None:
            event = self._outbox.event("ledger.failing", {"reason": reason})
            self._failed = event, reason
            task = asyncio.create_task(self._send_unsaved(event))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        elif reason is None and self._failed is not None:
            event, why = self._failed
            recovered = self._outbox.event("ledger.recovered", {"failed_at": format_time(event.at), "reason": why})
            await self._outbox.add([event, recovered])
            self._failed = None

    async def _check_upstreams(self) -> None:
        found = self._upstreams()
        for name, condition in found.items():
            key = _key(name)
            known = self._book.get(key)
            if condition.state == "down" and known is None:
                event = self._outbox.event("upstream.down", {"upstream": name, "reason": condition.reason})
                await self._book.open(Alert(*key, 0, 0, event.at, event.id), event)
            elif condition.state == "up" and known is not None:
                await self._book.close([key], [self._outbox.event("upstream.up", _up(name, known))])
        gone = [alert.key for alert in self._book.all() if alert.kind == UPSTREAM and alert.id not in found]
        if gone:
            await self._book.close(gone)


def _key(upstream: str) -> AlertKey:
    return AlertKey(UPSTREAM, upstream, "", DOWN, 0)


def _up(upstream: str, alert: Alert) -> dict[str, object]:
    return {"upstream": upstream, "down_since": format_time(alert.at)}
