"""Changes to many users at once: to whether they are suspended, and to their limits.

Each user is changed as a whole or not at all, with an audit entry of their own. They are saved some at a time, so that
other changes and the requests have their turn in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from tollkeeper.rules.errors import NotFound, Unprocessable
from tollkeeper.rules.limits import Limits
from tollkeeper.services.accounts.changes.keys import AccountKeys
from tollkeeper.services.accounts.changes.saving import Action
from tollkeeper.services.accounts.events import events_of
from tollkeeper.services.accounts.owners import owner_of
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.limits.changes import audited_limits
from tollkeeper.store.ports.accounts import User

_AT_ONCE = 50
"""Users who are saved in one transaction."""
Skipped = Literal["not_found", "account_closed", "own_account", "changed_meanwhile", "invalid_limits"]
"""Why a user stays as they are."""


class UserStep(Struct, frozen=True):
    """What is to become of one user. `status` and `limits` None: they stay. `limits` makes the new ones of the present
    ones; it may raise Unprocessable. `version`: only where the account is still of it. `detail` goes into the audit
    entry."""

    user_id: str
    status: Literal["active", "suspended"] | None = None
    limits: Callable[[Limits], Limits] | None = None
    version: int | None = None
    detail: Mapping[str, object] = {}


class BulkResult(Struct):
    """What was changed, each user as they were and as they are; what is `unchanged` was so already."""

    changed: list[tuple[User, User]] = field(default_factory=list)
    unchanged: int = 0
    skipped: dict[str, Skipped] = field(default_factory=dict)


class BulkChanges(AccountKeys):
    """Accounts whose users are changed many at once."""

    async def change_many(self, steps: Sequence[UserStep], by: Actor, *, dry_run: bool = False) -> BulkResult:
        """Take the steps, of different users, or with `dry_run` only say what they would change. Raises StoreError
        where the store cannot be written; the steps before it were taken."""
        whole = BulkResult()
        for start in range(0, len(steps), _AT_ONCE):
            some = steps[start : start + _AT_ONCE]
            part = self._decided(some, by) if dry_run else await self._take(some, by)
            whole.changed += part.changed
            whole.unchanged += part.unchanged
            whole.skipped |= part.skipped
            await asyncio.sleep(0)
        return whole

    async def _take(self, steps: Sequence[UserStep], by: Actor) -> BulkResult:
        details = {step.user_id.lower(): step.detail for step in steps}

        async def change() -> BulkResult:
            part = self._decided(steps, by)
            if part.changed:
                users = await self._save_each(part.changed, by, details)
                part.changed = [(before, after) for (before, _), after in zip(part.changed, users, strict=True)]
            return part

        return await self._change(change)

    def _decided(self, steps: Sequence[UserStep], by: Actor) -> BulkResult:
        part = BulkResult()
        for step in steps:
            found = self._outcome(step, by)
            if isinstance(found, str):
                part.skipped[step.user_id] = found
            elif found[0] == found[1]:
                part.unchanged += 1
            else:
                part.changed.append(found)
        return part

    def _outcome(self, step: UserStep, by: Actor) -> tuple[User, User] | Skipped:
        """A user as they are and as the step would have them, or why it is not taken."""
        try:
            before = self.user(step.user_id)
        except NotFound:
            return "not_found"
        if before.status == "closed":
            return "account_closed"
        if step.version not in (None, before.version):
            return "changed_meanwhile"
        # Admins could not undo it, being locked out.
        if step.status == "suspended" and before.user_id.lower() == by.name.lower():
            return "own_account"
        try:
            limits = before.limits if step.limits is None else step.limits(before.limits)
        except Unprocessable:
            return "invalid_limits"  # too many models together with those there are, say
        return before, replace(before, status=step.status or before.status, limits=limits)

    async def _save_each(
        self, changed: Sequence[tuple[User, User]], by: Actor, details: Mapping[str, Mapping[str, object]]
    ) -> list[User]:
        """Save users in one transaction, each with an entry, and apply the changes in memory."""
        limited = [after for before, after in changed if after.limits != before.limits]
        # Before saving: a limit without its past usage must not take effect, now or at the next start.
        await asyncio.gather(*(self._limits_changed(owner_of(user)) for user in limited))
        now = self._now()
        entries = [by.entry(now, *_audited(before, after, details[after.user_id.lower()])) for before, after in changed]
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


def _audited(before: User, after: User, more: Mapping[str, object]) -> tuple[Action, str, dict[str, object]]:
    """The action, target and detail of the audit entry of a change."""
    detail: dict[str, object] = {} if after.status == before.status else {"status": after.status}
    if after.limits != before.limits:
        detail |= audited_limits(after.limits)
    action: Action = "user.limits" if after.status == before.status else "user.update"
    return action, after.user_id, detail | dict(more) | {"bulk": True}
