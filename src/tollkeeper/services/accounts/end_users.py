"""End users: the people whom keys act for.

An end user is made when a key that may make them first names the person, and is durable before the request goes on:
its id stands in the record. Those that asked lately are in memory; others are read when they ask again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from tollkeeper.rules.errors import Conflict, Forbidden, LedgerUnavailable, NotFound
from tollkeeper.rules.limits import NO_LIMITS
from tollkeeper.rules.owners import Owner
from tollkeeper.services.accounts.acting import merged_of_end_user
from tollkeeper.services.accounts.owners import owner_of
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.audit.change_queue import ChangeQueue
from tollkeeper.services.limits.changes import LimitsChange, audited_limits
from tollkeeper.store.errors import StoreConflict, StoreError
from tollkeeper.store.ports.accounts import Acting
from tollkeeper.store.ports.end_users import EndUser, EndUserStore

MOST_KNOWN = 50_000
"""End users in memory, of all owners; a further one takes the place of the one that has been there longest."""
_TRIES = 3
"""How often a change is tried while other writers of the same store win."""
_RANDOM_BYTES = 12
Action = Literal["end_user.limits", "end_user.block", "end_user.unblock", "end_user.erase"]


class _Known(Struct, frozen=True):
    """An end user, as an owner of limits."""

    end_user: EndUser
    owner: Owner


class EndUsers:
    """End users of all users. `now` is milliseconds since the epoch.

    `limits_changed` is awaited with an owner before its new limits are saved, and `begun` with a new owner of limits,
    which has used nothing yet; if they raise, nothing is saved. `forgotten` is called with an owner that never came to
    be, and `ended` with the id of an end user whose requests must end now."""

    def __init__(
        self,
        store: EndUserStore,
        now: Callable[[], int],
        *,
        limits_changed: Callable[[Owner], Awaitable[None]],
        begun: Callable[[Owner], Awaitable[None]],
        forgotten: Callable[[Owner], None],
        ended: Callable[[str], None],
    ) -> None:
        self._store = store
        self._now = now
        self._limits_changed = limits_changed
        self._begun = begun
        self._forgotten = forgotten
        self._ended = ended
        self.on_limits_saved: list[Callable[[Owner], None]] = []
        """Called with an owner once its new limits are saved."""
        self.is_open: Callable[[str], bool] = lambda _: True
        """Whether a user's account is open: for another nobody is made, who would outlive its erasure."""
        self._changes = ChangeQueue()
        self._changed = 0
        """Changes so far: what was read before the latest may no longer be so."""
        self._known: dict[str, _Known] = {}
        self._by_value: dict[tuple[str, str], _Known] = {}
        self._searches: dict[tuple[str, str, bool, int], asyncio.Task[_Known]] = {}

    def __repr__(self) -> str:
        return f"EndUsers({len(self._known)} in memory)"

    async def owners(self) -> Iterator[Owner]:
        """Every end user with limits, as owners of these: their usage is counted from the start."""
        return map(owner_of, await self._store.with_limits())

    async def named(self, user_id: str, value: str, acting: Acting) -> Owner:
        """The end user that a user's key calls by this value, made if it is not there yet and the key may make it.

        Raises Forbidden for one that is not there and may not be made, and for one that is blocked; LedgerUnavailable
        where it cannot be read or saved."""
        known = self._by_value.get((user_id, value))
        if known is None:
            known = await self._search(user_id, value, acting)
        _check_active(known.end_user)
        return known.owner

    async def known(self, user_id: str, value: str) -> Owner | None:
        """As `named`, but None where there is none yet: nobody is made."""
        try:
            known = self._by_value.get((user_id, value)) or await self._found(user_id, value)
        except StoreError:
            raise _unavailable() from None
        if known is None:
            return None
        _check_active(known.end_user)
        return known.owner

    async def owner(self, end_user_id: str) -> Owner | None:
        """The end user with this id as an owner of limits; None: there is none. Raises StoreError."""
        known = self._known.get(end_user_id)
        if known is not None:
            return known.owner
        found = await self._store.read(end_user_id)
        return None if found is None else owner_of(found)

    def current(self, owner: Owner) -> Owner:
        """An end user with its present limits. Raises Forbidden where it has been blocked since. One that is no longer
        in memory is as it was: every change brings it there."""
        known = self._known.get(owner.id)
        if known is None:
            return owner
        _check_active(known.end_user)
        return known.owner

    async def of(
        self, user_id: str, *, limit: int, after: str | None, part: str = "", ids: Sequence[str] | None = None
    ) -> list[EndUser]:
        """A page of a user's end users, as `EndUserStore.page`."""
        return await self._store.page(user_id, limit=limit, after=after, part=part, ids=ids)

    async def read(self, end_user_id: str) -> EndUser:
        """The end user with this id. Raises NotFound."""
        found = await self._store.read(end_user_id)
        if found is None:
            raise NotFound(f"There is no end user {end_user_id[:64]!r}.", param="end_user_id")
        return found

    async def values(self, ids: Collection[str]) -> dict[str, str]:
        """What these end users are called, as `EndUserStore.values`."""
        return await self._store.values(ids)

    async def set_limits(self, end_user_id: str, by: Actor, change: LimitsChange) -> EndUser:
        """Merge a change into an end user's limits. Raises NotFound, Unprocessable, and Conflict for an erased one."""

        async def run(end_user: EndUser) -> EndUser:
            limits = merged_of_end_user(end_user.limits, change)
            changed = replace(end_user, limits=limits)
            await self._limits_changed(owner_of(changed))  # a limit without its past usage must not take effect
            return await self._save(changed, by, "end_user.limits", audited_limits(limits))

        return await self._change(end_user_id, run)

    async def set_blocked(self, end_user_id: str, by: Actor, *, blocked: bool) -> EndUser:
        """Block an end user, whose requests end at once, or let it in again. Raises NotFound, and Conflict for an
        erased one."""

        async def run(end_user: EndUser) -> EndUser:
            changed = replace(end_user, status="blocked" if blocked else "active")
            if changed == end_user:
                return end_user
            saved = await self._save(changed, by, "end_user.block" if blocked else "end_user.unblock", {})
            if blocked:
                self._ended(end_user_id)
            return saved

        return await self._change(end_user_id, run)

    async def erase(self, end_user_id: str, by: Actor) -> EndUser:
        """Erase an end user's value: nothing leads from it to the person any more. Its id and records stay; the same
        value will be another end user. Erasing it again changes nothing. Raises NotFound."""

        async def run(end_user: EndUser) -> EndUser:
            if end_user.status == "erased":
                return end_user
            changed = replace(end_user, value=None, limits=NO_LIMITS, status="erased")
            return await self._save(changed, by, "end_user.erase", {})

        return await self._change(end_user_id, run, even_erased=True)

    async def erase_of(self, user_id: str) -> Sequence[str]:
        """Erase the values of all end users of a user. Returns the ids of those that were not erased before."""

        async def run() -> Sequence[str]:
            erased = await self._store.erase_of(user_id)
            self._changed += 1
            for place in [place for place in self._by_value if place[0] == user_id]:
                del self._by_value[place]
            for end_user_id in erased:
                self._known.pop(end_user_id, None)
            return erased

        return await self._changes.run(run)

    async def _search(self, user_id: str, value: str, acting: Acting) -> _Known:
        """Many who name the same person at once share one search, and whoever leaves does not end it."""
        place = (user_id, value, acting.create, acting.most)
        search = self._searches.get(place)
        if search is None:
            search = self._searches[place] = asyncio.create_task(self._find_or_make(user_id, value, acting))
            search.add_done_callback(lambda done: self._searched(place, done))
        return await asyncio.shield(search)

    def _searched(self, place: tuple[str, str, bool, int], search: asyncio.Task[_Known]) -> None:
        del self._searches[place]
        if not search.cancelled():
            search.exception()  # all who asked may have left

    async def _find_or_make(self, user_id: str, value: str, acting: Acting) -> _Known:
        try:
            found = await self._found(user_id, value)
            if found is not None:
                return found
            if not acting.create:
                raise Forbidden(
                    "This key acts only for people who are known already, and the one it names is not. Ask an admin"
                    " to let the key make new end users ('acts_for_create').",
                    code="end_user_unknown",
                )
            return await self._make(user_id, value, acting)
        except StoreError:
            raise _unavailable() from None

    async def _found(self, user_id: str, value: str) -> _Known | None:
        while True:
            before = self._changed
            found = await self._store.find(user_id, value)
            if found is None:
                return None
            known = self._known.get(found.id)
            if known is not None and known.end_user.version >= found.version:
                return known
            owner = owner_of(found)
            if found.limits is not NO_LIMITS:
                await self._limits_changed(owner)  # another process may have made or changed it
            if before == self._changed:  # otherwise it may have been erased while it was read
                return self._put(found, owner)

    async def _make(self, user_id: str, value: str, acting: Acting) -> _Known:
        for _ in range(_TRIES):
            new = EndUser(f"eu_{secrets.token_hex(_RANDOM_BYTES)}", user_id, value, self._now(), acting.limits)
            owner, made, before = owner_of(new), None, self._changed
            await self._begun(owner)
            try:
                if not self.is_open(user_id):  # what is saved before the account is erased goes with it
                    raise Forbidden("The account of this key was closed. Use another key, or ask an admin for one.")
                made = await self._store.add(new, acting.most)
            except StoreConflict:
                continue
            finally:
                if made is None or made.id != new.id:
                    self._forgotten(owner)
            if made is None:
                raise Forbidden(
                    f"This key acts for at most {acting.most} people, and there are as many. Ask an admin to raise"
                    " 'acts_for_max', or to erase end users who no longer come.",
                    code="too_many_end_users",
                )
            if made.id == new.id and before == self._changed:
                return self._put(made, owner)
            break
        found = await self._found(user_id, value)
        if found is None:
            raise StoreError("other writers make and erase this end user again and again")
        return found

    async def _change(
        self, end_user_id: str, change: Callable[[EndUser], Awaitable[EndUser]], *, even_erased: bool = False
    ) -> EndUser:
        async def run() -> EndUser:
            for _ in range(_TRIES):
                end_user = await self.read(end_user_id)
                if end_user.status == "erased" and not even_erased:
                    raise Conflict(
                        "This end user is erased, for good: there is nothing left to change.", code="end_user_erased"
                    )
                try:
                    return await change(end_user)
                except StoreConflict:
                    continue
            raise Conflict(
                "Somebody else changed this at the same time. Look at what it is now, and try again.",
                code="changed_meanwhile",
            )

        return await self._changes.run(run)

    async def _save(self, end_user: EndUser, by: Actor, action: Action, detail: dict[str, Any]) -> EndUser:
        entry = by.entry(self._now(), action, end_user.id, {"user_id": end_user.user_id} | detail)
        saved = await self._store.save(end_user, entry)
        self._changed += 1
        self._drop(end_user.id)
        owner = owner_of(saved)
        if saved.value is not None:
            self._put(saved, owner)
        for call in self.on_limits_saved:
            call(owner)
        return saved

    def _put(self, end_user: EndUser, owner: Owner) -> _Known:
        if len(self._known) >= MOST_KNOWN:
            self._drop(next(iter(self._known)))
        known = self._known[end_user.id] = _Known(end_user, owner)
        assert end_user.value is not None, "one that is erased has no value to be found by"
        self._by_value[end_user.user_id, end_user.value] = known
        return known

    def _drop(self, end_user_id: str) -> None:
        known = self._known.pop(end_user_id, None)
        if known is not None and known.end_user.value is not None:
            self._by_value.pop((known.end_user.user_id, known.end_user.value), None)


def _unavailable() -> LedgerUnavailable:
    return LedgerUnavailable(
        "Whom this request is for cannot be read or saved right now, so it is not relayed. Try again soon."
    )


def _check_active(end_user: EndUser) -> None:
    if end_user.status != "active":
        raise Forbidden(
            "The person whom this request is for is blocked here. Ask an admin to let them in again.",
            code="end_user_blocked",
        )
