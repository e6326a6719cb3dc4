"""Changes to many users at once: to whether they are suspended, and to their limits.

Each user is changed as a whole or not at all, with audit entries of their own. They are saved some at a time, so that
other changes and the requests have their turn in between. Limits may be large: they are compared, merged and written
down in a thread, once for all users who have the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from tollkeeper.rules.errors import Conflict, NotFound, Unprocessable
from tollkeeper.rules.limits import Limits
from tollkeeper.services.accounts.changes.keys import AccountKeys
from tollkeeper.services.accounts.events import events_of
from tollkeeper.services.accounts.owners import owner_of
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.limits.changes import LimitsContents, audited_limits
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.audit import AuditEntry

_AT_ONCE = 50
"""Users who are saved in one transaction."""
_MODELS_AT_ONCE = 500
"""Models with limits of their own whose counters are made before other tasks have their turn."""
MOST_FIGURES = 200_000
"""Figures of limits, before and after, that one change may hold in memory: what many users have counts once."""
Skipped = Literal[
    "not_found",
    "account_closed",
    "own_account",
    "changed_meanwhile",
    "invalid_limits",
    "too_many_limits",
    "not_saved",
]
"""Why a user stays as they are."""


class UserStep(Struct, frozen=True):
    """What is to become of one user. `status` and `limits` None: they stay. `limits` makes the new ones of the present
    ones; it may raise Unprocessable. `state`: only where that is still the account's (`state_of`). `limit_template` is
    where the limits are from, and `undo` whether the step takes one back, for the audit log."""

    user_id: str
    status: Literal["active", "suspended"] | None = None
    limits: Callable[[Limits], Limits] | None = None
    state: str | None = None
    limit_template: str | None = None
    undo: bool = False


class BulkResult(Struct):
    """What was changed, each user as they were and as they are; what is `unchanged` was so already."""

    changed: list[tuple[User, User]] = field(default_factory=list)
    unchanged: int = 0
    skipped: dict[str, Skipped] = field(default_factory=dict)


def state_of(user: User) -> str:
    """What tells an account as it is from itself after any change, and from another that gets its id."""
    return f"{user.version}.{user.created_at:x}"


class BulkChanges(AccountKeys):
    """Accounts whose users are changed many at once."""

    async def change_many(self, steps: Sequence[UserStep], by: Actor, *, dry_run: bool = False) -> BulkResult:
        """Take the steps, of different users, or with `dry_run` only say what they would change. Where the store cannot
        be written, or other writers keep winning, the rest is skipped; raises StoreError or Conflict if nobody was
        changed before."""
        whole, made = BulkResult(), _NewLimits()
        for start in range(0, len(steps), _AT_ONCE):
            some = steps[start : start + _AT_ONCE]
            try:
                part = await (self._decided(some, by, made) if dry_run else self._take(some, by, made))
            except (StoreError, Conflict):
                if not whole.changed:
                    raise
                whole.skipped |= {step.user_id: "not_saved" for step in steps[start:]}
                break
            whole.changed += part.changed
            whole.unchanged += part.unchanged
            whole.skipped |= part.skipped
        return whole

    async def _take(self, steps: Sequence[UserStep], by: Actor, made: _NewLimits) -> BulkResult:
        by_user = {step.user_id.lower(): step for step in steps}

        async def change() -> BulkResult:
            part = await self._decided(steps, by, made)
            if part.changed:
                users = await self._save_each(part.changed, by, by_user)
                part.changed = [(before, after) for (before, _), after in zip(part.changed, users, strict=True)]
            return part

        return await self._change(change)

    async def _decided(self, steps: Sequence[UserStep], by: Actor, made: _NewLimits) -> BulkResult:
        def decide() -> BulkResult:
            part = BulkResult()
            for step in steps:
                found = self._outcome(step, by, made)
                if isinstance(found, str):
                    part.skipped[step.user_id] = found
                elif found[0] == found[1]:
                    part.unchanged += 1
                else:
                    part.changed.append(found)
            return part

        return await asyncio.to_thread(decide)

    def _outcome(self, step: UserStep, by: Actor, made: _NewLimits) -> tuple[User, User] | Skipped:
        """A user as they are and as the step would have them, or why it is not taken."""
        try:
            before = self.user(step.user_id)
        except NotFound:
            return "not_found"
        # Before all else: whoever was to be changed may be another person, of whom nothing is said.
        if step.state not in (None, state_of(before)):
            return "changed_meanwhile"
        if before.status == "closed":
            return "account_closed"
        # Admins could not undo it, being locked out.
        if step.status == "suspended" and before.user_id.lower() == by.name.lower():
            return "own_account"
        limits = before.limits if step.limits is None else made.of(step.limits, before.limits)
        if isinstance(limits, str):
            return limits
        return before, replace(before, status=step.status or before.status, limits=limits)

    async def _save_each(
        self, changed: Sequence[tuple[User, User]], by: Actor, steps: dict[str, UserStep]
    ) -> list[User]:
        """Save users in one transaction, each with their entries, and apply the changes in memory."""
        limited = [after for before, after in changed if after.limits is not before.limits]
        # Before saving: a limit without its past usage must not take effect, now or at the next start.
        for some in _light(limited):
            await asyncio.gather(*(self._limits_changed(owner_of(user)) for user in some))
        entries = await asyncio.to_thread(_entries, by, self._now(), changed, steps)
        events = events_of(self._outbox, by, changed, ())
        saved, _ = await self._store.save(
            users=[after for _, after in changed], audit=entries[0], also=entries[1:], events=events
        )
        self._put(saved)
        if events:
            self._outbox.saved()
        for user in limited:
            for call in self.on_limits_saved:
                call(owner_of(user))
        for (before, _), after in zip(changed, saved, strict=True):
            if after.status != "active" and before.status == "active":
                self._suspended(after.user_id)
        return saved


class _NewLimits:
    """The new limits of users, made once for all who have the same and take the same step."""

    def __init__(self) -> None:
        self._contents = LimitsContents()
        self._made: dict[tuple[int, bytes], Limits | Skipped] = {}
        self._figures = 0

    def of(self, make: Callable[[Limits], Limits], present: Limits) -> Limits | Skipped:
        """The new limits: the very object that they are where nothing changes. `make` must live as long as this."""
        key = id(make), self._contents.of(present)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self._make(make, present)
        return present if found == present else found

    def _make(self, make: Callable[[Limits], Limits], present: Limits) -> Limits | Skipped:
        if self._figures > MOST_FIGURES:
            return "too_many_limits"
        try:
            wanted = make(present)
        except Unprocessable:
            return "invalid_limits"  # too many models together with those there are, say
        if wanted != present:
            self._figures += present.figures + wanted.figures
        return wanted


def _light(users: Sequence[User]) -> Iterator[Sequence[User]]:
    """Users, as many at a time as have limits on few models."""
    some: list[User] = []
    models = 0
    for user in users:
        models += len(user.limits.models)
        if some and models > _MODELS_AT_ONCE:
            yield some
            some, models = [], len(user.limits.models)
        some.append(user)
    yield some


def _entries(by: Actor, now: int, changed: Sequence[tuple[User, User]], steps: dict[str, UserStep]) -> list[AuditEntry]:
    """The audit entries of a change: one of the status, one of the limits."""
    found = []
    shown: dict[int, dict[str, object]] = {}
    for before, after in changed:
        step = steps[after.user_id.lower()]
        more = {"undo": True, "bulk": True} if step.undo else {"bulk": True}
        if after.status != before.status:
            found.append(by.entry(now, "user.update", after.user_id, {"status": after.status, **more}))
        if after.limits is not before.limits:
            if id(after.limits) not in shown:
                shown[id(after.limits)] = audited_limits(after.limits)
            template = {} if step.limit_template is None else {"limit_template": step.limit_template}
            found.append(by.entry(now, "user.limits", after.user_id, {**shown[id(after.limits)], **template, **more}))
    return found
