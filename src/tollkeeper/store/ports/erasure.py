"""Forgetting a person."""

from __future__ import annotations

from typing import Protocol

from msgspec.structs import replace

from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.audit import AuditEntry

PERSONAL = ("name", "password_hash", "address", "tax_id", "email", "team_id")
"""What of an account tells who it is, besides its id; and its team, which has a member less."""


class Erasure(Protocol):
    """What is kept of persons apart from the ledger's records."""

    async def erase(self, user: User, audit: AuditEntry) -> User:
        """Forget who a closed account was: keys, sessions, metadata and all else of its own are deleted, the audit log
        no longer names it, and the entry `audit` is appended, likewise without the name. Records and sums stay, under
        the id of the account that is returned, which tells nothing; of an account that was erased before nothing is
        changed. Raises StoreError; then it may be repeated."""

    async def scrub(self) -> None:
        """Remove what is left of deleted rows from the files of the database. Raises StoreError where a long read keeps
        it from that for now."""


def forgotten(user: User, opaque_id: str) -> User:
    """What is left of an account, with its next version."""
    cleared = dict.fromkeys(PERSONAL)
    return replace(user, user_id=opaque_id, version=user.version + 1, team_admin=False, **cleared)
