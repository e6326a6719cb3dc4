"""Alerts on budgets: each threshold is reported when the use reaches it.

A settlement only notes whose it was. Once a second the budgets of those are compared with what their counters say, so
that a request pays next to nothing, whatever the number of thresholds. What is open is looked at every half a minute as
well, since a window may empty without any request; at the start all budgets are, since a process may have been killed
between a settlement and its alert.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from tollkeeper.rules.alerts import EXHAUSTED, is_budget, is_reached, reached, window_of
from tollkeeper.rules.limits import COUNTED, NO_LIMITS, Limits
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.owners import END_USER, KEY, TEAM, USER, Owner, Owners, Scope
from tollkeeper.rules.times import format_time, month_bounds
from tollkeeper.services.alerts.book import AlertBook
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.services.ledger.observers import Observer
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.alerts import Alert, AlertKey
from tollkeeper.store.ports.counters import LimitStatus
from tollkeeper.store.ports.records import Record

log = logging.getLogger("tollkeeper.alerts")

CHECK_EVERY = 1.0
"""Seconds between two checks of the budgets that were used."""
SWEEP_EVERY = 30
"""Checks between two looks at all that is open."""
_AT_ONCE = 50
"""Owners checked before the event loop serves others."""
EVERYONE = "everyone"
"""The kind of the owner of the installation's budget."""
WHOLE_BUDGET = "cost_usd_per_month"
OWNER_KINDS = frozenset(kind.name for kind in (USER, KEY, TEAM, END_USER))
"""The kinds of owners of all other budgets."""


class BudgetUse(Protocol):
    """The status of limits (`services/limits/usage.py`)."""

    async def of(self, owner: Owner) -> Mapping[str, LimitStatus]:
        """By name, of the limits on all models."""

    async def by_model(self, owner: Owner) -> Mapping[str, Mapping[str, LimitStatus]]:
        """By model and name, of the limits on single models."""


class LimitOwners(Protocol):
    """The owners of limits, as they are now (`services/accounts/directory.py`)."""

    async def owners_of_use(
        self, user_id: str, key_id: str | None, team_id: str | None, end_user_id: str | None
    ) -> Owners:
        """Those whose limits counted what a user used, with a key or in a session, in a team and for an end user; those
        that are gone are left out. Raises StoreError."""

    async def limit_owner(self, kind: str, owner_id: str, user_id: str | None) -> Owner | None:
        """One of them, `user_id` being the user that it is or belongs to; None: it is gone. Raises StoreError."""

    def has_user(self, user_id: str) -> bool: ...


class BudgetAlerts(Observer):
    """Reports thresholds of budgets. `default` are the percentages of owners whose limits name none. `whole_budget`:
    pico-dollars that everyone together should cost a month, at most; None: there is no such budget. `spent`: what
    everyone has cost since a moment. `now` is milliseconds since the epoch."""

    def __init__(
        self,
        book: AlertBook,
        outbox: Outbox,
        use: BudgetUse,
        owners: LimitOwners,
        now: Callable[[], int],
        *,
        default: Sequence[int],
        whole_budget: int | None = None,
        spent: Callable[[int], Awaitable[int]],
    ) -> None:
        self._book = book
        self._outbox = outbox
        self._use = use
        self._owners = owners
        self._now = now
        self._default = tuple(default)
        self._whole_budget = whole_budget
        self._spent = spent
        self._used: set[tuple[str, str | None, str | None, str | None]] = set()
        """Whose use is to be looked at: a user, with a key, in a team, for an end user."""
        self._touched: dict[Scope, str | None] = {}
        """Owners to be looked at, and the user that each is or belongs to."""
        self._refused: set[tuple[Scope, str]] = set()
        self._sweep_in = SWEEP_EVERY
        self._whole_due = True
        self._failing = False

    def __repr__(self) -> str:
        return f"BudgetAlerts({len(self._used)} used, {len(self._touched)} to be looked at, {self._book!r})"

    def settled(self, record: Record, allowance: int | None) -> None:  # noqa: ARG002 (an observer's)
        self._used.add((record.user_id, record.key_id, record.team_id, record.end_user_id))

    def exhausted(self, owners: Owners, scope: Scope, name: str) -> None:
        """A budget has refused a request."""
        for owner in owners:
            if owner.scope == scope[:2] and is_budget(name):
                self._refused.add((scope, name))
                self.touch(owner)

    def touch(self, owner: Owner) -> None:
        """Check the budgets of an owner, whose limits may have changed."""
        self._touched[owner.scope] = owner.users[0] if owner.users else None

    def touch_all(self, owners: Iterable[Owner]) -> None:
        """Check the budgets of all these owners, of whom most have none."""
        for owner in owners:
            if _has_budget(owner.limits):
                self.touch(owner)

    def forget(self, user_id: str) -> None:
        """Look no more at the budgets of a user who was erased."""
        self._used = {used for used in self._used if used[0] != user_id}
        self._touched = {scope: whose for scope, whose in self._touched.items() if whose != user_id}

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            try:
                await self.check()
            except Exception:
                log.exception("budgets cannot be checked for alerts by a fault of the gateway; it is tried again")
            await asyncio.sleep(CHECK_EVERY)

    async def check(self) -> None:
        """Check the budgets that were used or changed since the last time, and in turn all that have open alerts. What
        the database does not take is checked again."""
        used, self._used = self._used, set()
        touched, self._touched = self._touched, {}
        refused, self._refused = self._refused, set()
        whole = self._whole_due or bool(used)
        try:
            if await self._sweep(touched):
                whole = True
            for count, use in enumerate(list(used), 1):
                for owner in await self._owners.owners_of_use(*use):
                    if _has_budget(owner.limits):
                        touched.setdefault(owner.scope, use[0] if owner.users else None)
                used.remove(use)
                if count % _AT_ONCE == 0:
                    await asyncio.sleep(0)
            for count, (scope, user_id) in enumerate(list(touched.items()), 1):
                await self._look_at(scope, user_id, refused)
                del touched[scope]
                if count % _AT_ONCE == 0:
                    await asyncio.sleep(0)
            if whole:
                self._whole_due = False
                await self._check_whole()
        except StoreError as error:
            if not self._failing:
                log.warning("budgets cannot be checked for alerts; it will be tried again: %s", error)
            self._failing = True
            self._used |= used
            self._touched = touched | self._touched
            self._refused |= refused
            self._whole_due = whole
        else:
            self._failing = False

    async def _sweep(self, touched: dict[Scope, str | None]) -> bool:
        """Add the owners of all open alerts to those to be looked at, where it is time for it; whether it was."""
        self._sweep_in -= 1
        if self._sweep_in > 0:
            return False
        await self._book.load()
        self._sweep_in = SWEEP_EVERY
        for alert in self._book.all():
            if alert.kind in OWNER_KINDS:
                touched.setdefault((alert.kind, alert.id), alert.user_id)
        return True

    async def _look_at(self, scope: Scope, user_id: str | None, refused: set[tuple[Scope, str]]) -> None:
        """Check one owner. A fault with one of them is not to silence the alerts of all others."""
        kind, owner_id = scope
        try:
            owner = await self._owners.limit_owner(kind, owner_id, user_id)
            if owner is not None:
                await self._check(owner, refused)
            elif over := [alert.key for alert in self._book.of(kind, owner_id)]:
                await self._book.close(over)
        except StoreError:
            raise
        except Exception:
            log.exception("the budgets of %s cannot be checked for alerts", " ".join(scope))

    async def _check(self, owner: Owner, refused: set[tuple[Scope, str]]) -> None:
        limits = owner.limits
        percentages = self._default if limits.alerts is None else limits.alerts
        found: dict[tuple[str, str], LimitStatus] = {}
        if percentages and _has_budget(limits):
            found = {("", name): status for name, status in (await self._use.of(owner)).items() if is_budget(name)}
            if limits.models:
                for model, statuses in (await self._use.by_model(owner)).items():
                    found |= {(model, name): status for name, status in statuses.items() if is_budget(name)}
        refusing = {
            (model, name) for model, name in found if ((*owner.scope, model) if model else owner.scope, name) in refused
        }
        await self._compare(owner.kind.name, owner.id, owner, found, percentages, refusing)

    async def _check_whole(self) -> None:
        found: dict[tuple[str, str], LimitStatus] = {}
        if self._whole_budget is not None and self._default:
            since, until = month_bounds(self._now())
            used = await self._spent(since)
            found["", WHOLE_BUDGET] = LimitStatus(WHOLE_BUDGET, self._whole_budget, used, 0, until if used else None)
        await self._compare(EVERYONE, "", None, found, self._default, set())

    async def _compare(
        self,
        kind: str,
        owner_id: str,
        owner: Owner | None,
        found: Mapping[tuple[str, str], LimitStatus],
        percentages: Sequence[int],
        refusing: set[tuple[str, str]],
    ) -> None:
        """Open and close the alerts of one owner, so that they say what is `found`."""
        now = self._now()
        wanted: dict[AlertKey, int] = {}
        for (model, name), status in found.items():
            floors = reached(status.used, status.limit, percentages, refuses=(model, name) in refusing)
            wanted |= {AlertKey(kind, owner_id, model, name, percent): floor for percent, floor in floors.items()}
        over = []
        for alert in self._book.of(kind, owner_id):
            kept = found.get((alert.model, alert.name))
            if kept is None or alert.percent not in percentages or not self._still(alert, kept, now):
                over.append(alert.key)
        if closed := [key for key in over if key not in wanted]:
            await self._book.close(closed)
        for key, floor in wanted.items():
            if (known := self._book.get(key)) is None or key in over:
                window = window_of(COUNTED[key.name].span, now)
                if known is None or known.window < window:
                    await self._open(key, floor, window, owner, found[key.model, key.name])

    @staticmethod
    def _still(alert: Alert, status: LimitStatus, now: int) -> bool:
        """Whether an alert still says what is so: the use is over its floor, in the same window."""
        same_window = alert.window >= window_of(COUNTED[alert.name].span, now)
        return same_window and is_reached(status.used, status.limit, alert.floor)

    async def _open(self, key: AlertKey, floor: int, window: int, owner: Owner | None, status: LimitStatus) -> None:
        whose = _Whose() if owner is None else _whose(owner)
        if whose.user_id is not None and not self._owners.has_user(whose.user_id):
            # The user is being erased, or was: no row may name them again. If it fails, they are looked at again.
            self._touched[key.kind, key.id] = whose.user_id
            return
        is_money = COUNTED[key.name].quantity == "cost"
        data: dict[str, object] = {
            "owner": key.kind,
            "user_id": whose.user_id,
            "key_id": whose.key_id,
            "team_id": whose.team_id,
            "end_user_id": whose.end_user_id,
            "limit": key.name,
            "model": key.model or None,
            "percent": key.percent,
            "value": format_usd(status.limit) if is_money else status.limit,
            "used": format_usd(status.used) if is_money else status.used,
            "resets_at": None if status.resets_at is None else format_time(status.resets_at),
        }
        event = self._outbox.event(
            "budget.exhausted" if key.percent == EXHAUSTED else "budget.threshold",
            data,
            user_id=whose.user_id,
            team_id=whose.team_id,
        )
        alert = Alert(*key, window, floor, event.at, event.id, whose.user_id, whose.team_id)
        await self._book.open(alert, event)


class _Whose(NamedTuple):
    """The ids of an owner. Keys and end users are of a user, too."""

    user_id: str | None = None
    key_id: str | None = None
    team_id: str | None = None
    end_user_id: str | None = None


def _whose(owner: Owner) -> _Whose:
    if owner.kind is TEAM:
        return _Whose(team_id=owner.id)
    return _Whose(
        owner.users[0],
        key_id=owner.keys[-1] if owner.kind is KEY else None,
        end_user_id=owner.id if owner.kind is END_USER else None,
    )


def _has_budget(limits: Limits) -> bool:
    return limits is not NO_LIMITS and (
        any(map(is_budget, limits.counts))
        or any(is_budget(name) for counts in limits.models.values() for name in counts)
    )
