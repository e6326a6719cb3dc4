"""The live view of single users: what each has used and has left, for their own pages and for an admin's page of them.

It is one reading, made at a moment when nothing of the user was settled in between, so that totals and limits agree.
Only users whom somebody watches are read, one after the other, once a second; a stream gets an event when its user's
reading has changed, and every few seconds so that its client knows it to be alive.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from msgspec import Struct

from tollkeeper.rules.errors import GatewayError, LedgerUnavailable, NotFound
from tollkeeper.services.accounts.accounts import Accounts
from tollkeeper.services.accounts.owners import owner_of
from tollkeeper.services.ledger.commits import COMMIT_PATIENCE
from tollkeeper.services.ledger.observers import Observer, Refusal
from tollkeeper.services.limits.usage import LimitUsage, OwnerStatuses
from tollkeeper.services.queue.line import UserQueue
from tollkeeper.services.streams import OpenStreams, Ticks, every_second
from tollkeeper.services.watching.pool import Pool
from tollkeeper.services.watching.totals import RunningTotals
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.records import Record
from tollkeeper.store.ports.reports import Totals
from tollkeeper.store.ports.teams import Team

log = logging.getLogger("tollkeeper.live")

REPEATED = 5
"""Ticks after which a reading is sent again though nothing has changed."""
_MOST_READINGS = 3
"""Readings in a row that a settlement may disturb; the last of them is taken as it is."""


class Reading(Struct, frozen=True):
    """What a user has used and has left at one moment. `team` and `team_limits` are None in no team; `refused` are the
    requests that were refused since somebody watches."""

    today: Totals
    month: Totals
    limits: OwnerStatuses
    team: Team | None
    team_limits: OwnerStatuses | None
    queue: UserQueue
    refused: int


Write = Callable[[int, int, Reading], Awaitable[bytes]]
"""Encodes a reading as an event: its number in the stream, the time, and the reading."""


class _Watched:
    """A user whom somebody watches. `settled` and `refused` count their records and refusals since then, `age` the
    ticks since `event` was made, which is empty before the first reading."""

    def __init__(self, user_id: str, totals: RunningTotals) -> None:
        self.user_id = user_id
        self.totals = totals
        self.viewers = 0
        self.settled = 0
        self.refused = 0
        self.ticks = Ticks()
        self.lock = asyncio.Lock()
        self.reading: Reading | None = None
        self.event = b""
        self.age = 0

    def __repr__(self) -> str:
        return f"_Watched({self.user_id}, {self.viewers} viewers)"


class UserLive(Observer):
    """The live view of users and its streams. `totals` makes the running totals of one user; `write` encodes a reading;
    `now` is milliseconds since the epoch."""

    def __init__(
        self,
        totals: Callable[[str], RunningTotals],
        accounts: Accounts,
        usage: LimitUsage,
        pool: Pool,
        now: Callable[[], int],
        *,
        write: Write,
    ) -> None:
        self._totals = totals
        self._accounts = accounts
        self._usage = usage
        self._pool = pool
        self._now = now
        self._write = write
        self._streams = OpenStreams()
        self._watched: dict[str, _Watched] = {}
        self._stopped = False

    def __repr__(self) -> str:
        return f"UserLive({self.streams} streams, {len(self._watched)} users)"

    @property
    def streams(self) -> int:
        """Number of open streams."""
        return self._streams.total

    def settled(self, record: Record, allowance: int | None) -> None:
        watched = self._watched.get(record.user_id)
        if watched is not None:
            watched.settled += 1
            watched.totals.settled(record, allowance)

    def refused(self, refusal: Refusal) -> None:
        watched = self._watched.get(refusal.user_id)
        if watched is not None:
            watched.refused += 1

    async def run(self) -> None:
        """Tick, until cancelled."""
        async for _ in every_second():
            await self.tick()

    async def tick(self) -> None:
        """Read those who are watched, one at a time, and wake up their streams."""
        for watched in list(self._watched.values()):
            if watched.event:
                await self._renew(watched)
                watched.ticks.tick()
            await asyncio.sleep(0)  # others have their turn, however many are watched

    def stop(self) -> None:
        """End all streams, and allow no new ones."""
        self._stopped = True
        for watched in self._watched.values():
            watched.ticks.stop()

    async def open(self, user_id: str, opener: str, words: str) -> None:
        """Open a stream of a user, to be ended by `close`; `words` name the opener. Raises RateLimited when the opener
        has too many already, LedgerUnavailable and StoreError when the totals cannot be read; then there is nothing to
        close."""
        self._streams.open(opener, words)
        watched = self._watched.get(user_id)
        if watched is None:
            watched = self._watched[user_id] = _Watched(user_id, self._totals(user_id))
            if self._stopped:
                watched.ticks.stop()
        watched.viewers += 1
        try:
            async with asyncio.timeout(COMMIT_PATIENCE):
                await watched.totals.keep()
                await self._read(watched)
        except TimeoutError:
            self.close(user_id, opener)
            raise LedgerUnavailable("The ledger cannot be read up to now. Try again soon.") from None
        except BaseException:
            self.close(user_id, opener)
            raise

    def close(self, user_id: str, opener: str) -> None:
        """End a stream that `open` began."""
        self._streams.close(opener)
        watched = self._watched[user_id]
        watched.viewers -= 1
        if not watched.viewers:
            watched.totals.forget()
            del self._watched[user_id]

    async def events(self, user_id: str, check: Callable[[], object]) -> AsyncIterator[bytes]:
        """The events of a stream, each with all there is to say. `check` is called each second, and ends the stream by
        raising one of `rules.errors`."""
        watched = self._watched[user_id]
        sent = b""
        async for _ in watched.ticks.each(check):
            if watched.event is not sent:
                sent = watched.event
                yield sent

    async def _renew(self, watched: _Watched) -> None:
        """Read again. What cannot be read is not sent; a user who is gone has no streams any more."""
        try:
            async with asyncio.timeout(COMMIT_PATIENCE):
                await self._read(watched)
        except NotFound:
            watched.ticks.stop()
        except (GatewayError, StoreError, TimeoutError) as error:
            log.warning("what %s used cannot be read: %s", watched.user_id, error)

    async def _read(self, watched: _Watched) -> None:
        async with watched.lock:
            reading = await self._undisturbed(watched)
            watched.age += 1
            if reading != watched.reading or watched.age >= REPEATED:
                watched.event = await self._write(watched.ticks.number, self._now(), reading)
                watched.reading, watched.age = reading, 0

    async def _undisturbed(self, watched: _Watched) -> Reading:
        for _ in range(_MOST_READINGS):
            settled = watched.settled
            reading = await self._current(watched)
            if settled == watched.settled:
                break
        return reading

    async def _current(self, watched: _Watched) -> Reading:
        user = self._accounts.user(watched.user_id)
        team = None if user.team_id is None else self._accounts.teams.team(user.team_id)
        limits = await self._usage.whole(owner_of(user))
        team_limits = None if team is None else await self._usage.whole(owner_of(team))
        totals = watched.totals
        totals.turn(self._now())
        return Reading(
            totals.today.total.totals(),
            totals.month.total.totals(),
            limits,
            team,
            team_limits,
            self._pool.line.of_user(user.user_id),
            watched.refused,
        )
