"""Users and their keys."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct

from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.events import Event
from tollkeeper.store.ports.external_identities import ExternalIdentity

Role = Literal["admin", "user"]
UserStatus = Literal["active", "suspended", "closed"]
NamedIn = Literal["headers", "body"]


class User(Struct, frozen=True):
    """A user account. `user_id` is unique regardless of case. The password's hash is never printed. `version` is 0
    before the first save and increases by one with each. `team_id` is the team that the user is in, and `team_admin`
    makes them an admin of it. `name`, `address` and `tax_id` are what invoices show; `email` is for mail to the
    user."""

    user_id: str
    role: Role
    status: UserStatus
    name: str | None
    created_at: int
    password_hash: str | None = None
    limits: Limits = NO_LIMITS
    version: int = 0
    team_id: str | None = None
    team_admin: bool = False
    address: str | None = None
    tax_id: str | None = None
    email: str | None = None

    def __repr__(self) -> str:
        return f"User({self.user_id!r}, {self.role}, {self.status})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("user_id", self.user_id), ("role", self.role), ("status", self.status)]


class Acting(Struct, frozen=True):
    """How a key acts for end users of its user. `named_in`: where requests name the person. `create`: an end user is
    made when a name is first seen, as long as the user has fewer than `most`; it gets these `limits`."""

    named_in: NamedIn = "headers"
    create: bool = True
    most: int = 10_000
    limits: Limits = NO_LIMITS


class Key(Struct, frozen=True):
    """An API key of one user, of which only an HMAC (`digest`) is kept, which is never printed. It is invalid from
    `expires_at` or `retires_at` on, where set: its own expiry, and the end of the grace period of a rotation. Once
    `revoked_at` is set it is invalid at any time. `prefix` is the part that may be shown. `origin` is the id of the
    first key in the chain of rotations that led to this one; None: it replaced none. `version` is as a user's. `acting`
    None: it acts for nobody but its user."""

    id: str
    user_id: str
    name: str | None
    prefix: str
    digest: bytes
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None
    last_used_at: int | None = None
    limits: Limits = NO_LIMITS
    retires_at: int | None = None
    origin: str | None = None
    version: int = 0
    acting: Acting | None = None

    @property
    def counter_id(self) -> str:
        """The id under which its usage counts against limits, shared with the keys that it replaced."""
        return self.origin or self.id

    def __repr__(self) -> str:
        return f"Key({self.id!r}, {self.user_id!r}, {self.prefix!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("id", self.id), ("user_id", self.user_id), ("prefix", self.prefix)]


class AccountStore(Protocol):
    async def load(self) -> tuple[list[User], list[Key]]: ...

    async def save(
        self,
        *,
        users: Sequence[User] = (),
        keys: Sequence[Key] = (),
        forgotten: Collection[str] = (),
        ended: Collection[str] = (),
        linked: Sequence[ExternalIdentity] = (),
        audit: AuditEntry,
        also: Sequence[AuditEntry] = (),
        events: Sequence[Event] = (),
    ) -> tuple[list[User], list[Key]]:
        """Insert or replace users and keys, delete other keys (`forgotten`) and sessions (`ended`) by id, save
        identities at OpenID providers (`linked`) and the events, and append the audit entry, in one durable
        transaction; `also` are further entries, where the changes are several. Returns the users and keys with their
        new versions.

        A value replaces only the version that it was derived from: raises StoreConflict, and changes nothing, where
        another writer has changed one of them since, or has made one of the same name; and where a user with an open
        account would be in a team that is closed."""

    async def touch(self, last_used: Mapping[str, int]) -> None:
        """Store when keys (by id) were last used."""
