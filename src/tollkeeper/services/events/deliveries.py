"""The queue of deliveries: plans those of new events, tries each, tries again, and gives up after a day.

All of it is in tasks of its own: nothing here is awaited by a request. A delivery is claimed before it is tried, and
the claim lapses, so that one whose process was killed is tried again: each event arrives at least once, in no promised
order. Each webhook has places of its own, and so has the SMTP server: those that are dead take none from the others.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from random import random
from typing import Protocol

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from tollkeeper.rules.events import DELIVERY_PREFIX
from tollkeeper.rules.ids import ENTROPY_BYTES, timed_id
from tollkeeper.rules.retries import next_try
from tollkeeper.services.events.post import Outcome
from tollkeeper.services.events.webhooks import Webhooks
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.events import Channel, Delivery, DeliveryStatus, Event, EventStore

log = logging.getLogger("tollkeeper.events")

AT_ONCE = 4
"""Deliveries under way to one webhook, and e-mails in all; there are at most `MOST_WEBHOOKS` webhooks."""
READ_AT_ONCE = 16
CLAIM_MS = 45_000
"""How long a claim lasts: longer than a try, so that none is made twice at the same time."""
POLL_SECONDS = 5.0
"""Seconds between two looks for what other processes have saved."""
PLANNED_AT_ONCE = 100
TRIES_KEPT = 10
"""The last tries of a delivery of which the outcome is kept."""
KEPT_MS = 30 * 86_400_000
"""How long events are kept."""
FORGET_EVERY_MS = 3_600_000


class Mail(Protocol):
    """The way to mailboxes."""

    def recipients(self, event: Event) -> Collection[str]:
        """The addresses that an event is mailed to."""

    async def send(self, address: str, event: Event) -> Outcome:
        """Send an e-mail, once."""


class Deliveries:
    """The queue. `mail` None: nothing is mailed. `now` is milliseconds since the epoch; `chance` makes random numbers
    from 0 to below 1."""

    def __init__(
        self,
        store: EventStore,
        webhooks: Webhooks,
        mail: Mail | None,
        now: Callable[[], int],
        chance: Callable[[], float] = random,
    ) -> None:
        self._store = store
        self._webhooks = webhooks
        self._mail = mail
        self._now = now
        self._chance = chance
        self._woken = asyncio.Event()
        self._running: dict[asyncio.Task[None], str] = {}
        """What is under way, and whose places it takes."""
        self._forgotten_at = 0
        self._failing = False

    def __repr__(self) -> str:
        return f"Deliveries({len(self._running)} under way)"

    def wake(self) -> None:
        """Look for new events at once."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled; what is under way then is tried again at the next start."""
        try:
            while True:
                self._woken.clear()
                try:
                    wait = await self.step()
                except Exception:
                    log.exception("events cannot be delivered by a fault of the gateway; it is tried again")
                    wait = POLL_SECONDS
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._woken.wait()
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def step(self) -> float:
        """Plan what is new and begin what is due. Returns the seconds until there may be more to do."""
        try:
            await self._plan()
            await self._begin_due()
            await self._forget()
            due = await self._store.next_due()
        except StoreError as error:
            if not self._failing:
                log.warning("events cannot be delivered while the database fails: %s", error)
            self._failing = True
            return POLL_SECONDS
        self._failing = False
        # What is due now waits for a place; whoever frees one wakes this.
        ahead = None if due is None else (due - self._now()) / 1000
        return min(POLL_SECONDS, ahead) if ahead is not None and ahead > 0 else POLL_SECONDS

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        while self._running:
            await asyncio.gather(*self._running)

    async def send_unsaved(self, event: Event) -> None:
        """Send an event that cannot be saved, once, to whoever wants it. Failures are logged."""
        paused = self._webhooks.paused()
        targets = [place for place in self._targets(event) if place[1] not in paused]
        outcomes = await asyncio.gather(*(self._send(channel, target, event) for channel, target in targets))
        for (_, target), outcome in zip(targets, outcomes, strict=True):
            if not outcome.delivered:
                log.warning("%s could not be sent to %s: %s", event.type, target, outcome.error)

    async def _plan(self) -> None:
        while new := await self._store.unplanned(PLANNED_AT_ONCE):
            await self._webhooks.load()  # another process may have changed them
            for event in new:
                await self._store.plan(event.id, self._deliveries_of(event))

    def _targets(self, event: Event) -> list[tuple[Channel, str]]:
        addresses = self._mail.recipients(event) if self._mail else ()
        targets: list[tuple[Channel, str]] = [("webhook", name) for name in self._webhooks.wanting(event)]
        return targets + [("email", address) for address in addresses]

    def _deliveries_of(self, event: Event) -> list[Delivery]:
        now = self._now()
        return [
            Delivery(
                timed_id(DELIVERY_PREFIX, now, os.urandom(ENTROPY_BYTES)),
                event.id,
                channel,
                target,
                began_at=now,
                next_at=now,
            )
            for channel, target in self._targets(event)
        ]

    async def _begin_due(self) -> None:
        begun = True
        while begun:
            begun = False
            taken = Counter(self._running.values())
            full = [places for places, count in taken.items() if count >= AT_ONCE]
            found = await self._store.due(
                self._now(),
                READ_AT_ONCE,
                busy=[*full, *self._webhooks.paused()],
                without="email" if "email" in full else None,
            )
            for delivery, event in found:
                places = delivery.target if delivery.channel == "webhook" else delivery.channel
                if taken[places] < AT_ONCE and await self._store.claim(delivery, self._now() + CLAIM_MS):
                    task = asyncio.create_task(self._try(delivery, event))
                    self._running[task] = places
                    task.add_done_callback(self._ended)
                    taken[places] += 1
                    begun = True

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a delivery failed by a fault of the gateway; it is tried again", exc_info=error)
        self.wake()

    async def _try(self, delivery: Delivery, event: Event) -> None:
        began = time.monotonic()
        outcome = await self._send(delivery.channel, delivery.target, event)
        took_ms = round((time.monotonic() - began) * 1000)
        try:
            await self._store.save(self._after(delivery, outcome, took_ms))
        except StoreError as error:
            log.warning("the outcome of a delivery could not be saved, so it is made again: %s", error)

    def _after(self, delivery: Delivery, outcome: Outcome, took_ms: int) -> Delivery:
        now, count = self._now(), delivery.count + 1
        # A day of tries: one that lay here before the first, its webhook paused or the gateway stopped, has all of it.
        began = delivery.began_at if delivery.count else now
        tried = {"at": now, "status": outcome.status, "error": outcome.error, "took_ms": took_ms}
        tries = [*msgspec.json.decode(delivery.tries, type=list[Raw]), Raw(msgspec.json.encode(tried))][-TRIES_KEPT:]
        status: DeliveryStatus = "delivered"
        again = None
        if not outcome.delivered:
            again = next_try(count, began, now, self._chance())
            status = "dead" if again is None else "pending"
            log.log(
                logging.WARNING if again is None else logging.INFO,
                "%s to %s failed: %s%s",
                delivery.event_id, delivery.target, outcome.error, "; it is given up" if again is None else "",
            )  # fmt: skip
        return replace(
            delivery, status=status, count=count, began_at=began, next_at=now if again is None else again,
            tries=msgspec.json.encode(tries).decode(),
        )  # fmt: skip

    async def _send(self, channel: Channel, target: str, event: Event) -> Outcome:
        try:
            if channel == "webhook":
                return await self._webhooks.send(target, event)
            if self._mail is None:
                return Outcome(error="no SMTP server is set")
            return await self._mail.send(target, event)
        except Exception:
            # It counts as a try, so that it ends: an event that cannot be written would be tried for ever.
            log.exception("%s could not be sent to %s by a fault of the gateway", event.id, target)
            return Outcome(error="it could not be sent, by a fault of the gateway: its log says more")

    async def _forget(self) -> None:
        now = self._now()
        if now - self._forgotten_at >= FORGET_EVERY_MS:
            self._forgotten_at = now
            await self._store.forget(now - KEPT_MS)
