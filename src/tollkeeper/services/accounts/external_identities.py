"""Which user a person at an OpenID provider is.

A person is known by the provider's issuer and their `sub` there, never by an e-mail address: whoever could have one
entered at a provider would take over the account of that name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from tollkeeper.rules.errors import Conflict, NotFound, Unprocessable
from tollkeeper.services.accounts.accounts import Accounts
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.audit.change_queue import ChangeQueue
from tollkeeper.store.ports.accounts import Role, User
from tollkeeper.store.ports.external_identities import ExternalIdentity, ExternalIdentityStore

MOST_OF_A_USER = 20
"""The most identities of one user."""


class ExternalIdentities:
    """Identities in memory and in the store. `now` is milliseconds since the epoch."""

    def __init__(self, store: ExternalIdentityStore, accounts: Accounts, now: Callable[[], int]) -> None:
        self._store = store
        self._accounts = accounts
        self._now = now
        self._changes = ChangeQueue()
        self._identities: dict[tuple[str, str], ExternalIdentity] = {}

    def __repr__(self) -> str:
        return f"ExternalIdentities({len(self._identities)})"

    async def load(self) -> None:
        """Read all identities from the store. Call it once, at the start."""
        self._identities = {(each.issuer, each.subject): each for each in await self._store.load()}

    def forget(self, user_id: str) -> None:
        """Drop the identities of a user who was erased."""
        for each in self.of(user_id):
            del self._identities[each.issuer, each.subject]

    def user_of(self, issuer: str, subject: str) -> User | None:
        """The user that a person at a provider is, whatever its status; None for somebody unknown."""
        found = self._identities.get((issuer, subject))
        return None if found is None else self._accounts.user(found.user_id)

    def of(self, user_id: str) -> list[ExternalIdentity]:
        """The identities of a user, oldest first."""
        return [each for each in self._identities.values() if each.user_id == user_id]

    async def link(self, user_id: str, issuer: str, subject: str, by: Actor) -> ExternalIdentity:
        """Let a person at a provider sign in as an existing user. Linking the same again changes nothing. Raises
        NotFound, and Conflict where the person is another user, the account is closed, or has too many identities."""

        async def change() -> ExternalIdentity:
            user = self._accounts.user(user_id)
            known = self._identities.get((issuer, subject))
            if known is not None:
                if known.user_id != user.user_id:
                    raise Conflict(
                        f"This identity is that of {known.user_id!r}. Remove it there first.", param="subject"
                    )
                return known
            if user.status == "closed":
                raise Conflict(
                    f"The account {user.user_id!r} is closed, for good. Make a new user.", code="account_closed"
                )
            if len(self.of(user.user_id)) >= MOST_OF_A_USER:
                raise Conflict(f"{user.user_id!r} has {MOST_OF_A_USER} identities, the most. Remove one first.")
            identity = ExternalIdentity(issuer, subject, user.user_id, self._now())
            await self._store.save(identity, by.entry(self._now(), "user.link", user.user_id, _audited(identity)))
            self._identities[issuer, subject] = identity
            return identity

        return await self._changes.run(change)

    async def unlink(self, user_id: str, identity_id: str, by: Actor) -> ExternalIdentity:
        """Remove an identity of a user, and end the sessions that it began. Raises NotFound."""

        async def change() -> ExternalIdentity:
            user = self._accounts.user(user_id)
            identity = next((each for each in self.of(user.user_id) if id_of(each) == identity_id), None)
            if identity is None:
                raise NotFound(f"{user.user_id!r} has no identity {identity_id[:64]!r}.", param="identity_id")
            entry = by.entry(self._now(), "user.unlink", user.user_id, _audited(identity))
            await self._store.delete(identity.issuer, identity.subject, entry)
            del self._identities[identity.issuer, identity.subject]
            return identity

        removed = await self._changes.run(change)
        await self._accounts.sessions.end_external(removed.issuer, subject=removed.subject, sid=None)
        return removed

    async def create_user(
        self, names: Iterable[str], issuer: str, subject: str, by: Actor, *, role: Role, name: str | None
    ) -> User:
        """Create the user that a person at a provider is from now on: under the first of these ids that can be had.
        Somebody who became known meanwhile keeps their user. Raises Conflict when there is none."""

        async def change() -> User:
            known = self.user_of(issuer, subject)
            if known is not None:
                return known
            for user_id in names:
                try:
                    user, identity = await self._accounts.add_external_user(
                        user_id, by, role=role, name=name, issuer=issuer, subject=subject
                    )
                except (Conflict, Unprocessable):  # taken, or of a form that is the gateway's own
                    continue
                self._identities[issuer, subject] = identity
                return user
            raise Conflict("Every user_id that fits this person is taken. Ask an admin to link the identity.")

        return await self._changes.run(change)


def id_of(identity: ExternalIdentity) -> str:
    """The id of an identity in the API: short, and fit for a path, which a `sub` need not be."""
    return "idn_" + hashlib.sha256(f"{identity.issuer}\0{identity.subject}".encode()).hexdigest()[:24]


def _audited(identity: ExternalIdentity) -> dict[str, object]:
    return {"issuer": identity.issuer, "subject": identity.subject}
