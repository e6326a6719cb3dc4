"""Identities: what the ledger keeps of persons, apart from its records.

Records, and the sums of them, hold the opaque id of a user and a salted digest of a request's metadata, so that the
chain over them names nobody. Whose id it is, and the metadata itself, are in rows of their own: once these are erased,
a person is forgotten, while every record, sum and hash stays as it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection, event, insert

from tollkeeper.store.sql import schema

USER_PREFIX = "u_"
SALT_BYTES = 16


class Identity(NamedTuple):
    """A row of `identities`: an opaque id, and the user id that it stands for."""

    id: str
    user_id: str


class Identities:
    """The identities of one database, in memory. Only its writer adds to them; readers on other threads may look up at
    any time. An id that is not known stands for itself, and so does that of a user who was erased."""

    def __init__(self, rows: Iterable[tuple[str, str | None]] = ()) -> None:
        self.ids: dict[str, str] = {}
        """Opaque ids by user id."""
        self._user_ids: dict[str, str] = {}
        self.add(Identity(opaque, opaque if user_id is None else user_id) for opaque, user_id in rows)

    def __repr__(self) -> str:
        return f"Identities({len(self.ids)} users)"

    def id_of(self, user_id: str) -> str:
        """The opaque id of a user."""
        return self.ids.get(user_id, user_id)

    def user_id_of(self, opaque: str) -> str:
        """The user id that an opaque id stands for."""
        return self._user_ids.get(opaque, opaque)

    def knows(self, opaque: str) -> bool:
        """Whether an opaque id is one of these, also of a person who was forgotten."""
        return opaque in self._user_ids

    def new(self, user_ids: Collection[str]) -> list[Identity]:
        """Identities, with random ids, for those of these users who have none. They still have to be added."""
        unknown = [user_id for user_id in user_ids if user_id not in self.ids and user_id not in self._user_ids]
        return [Identity(USER_PREFIX + secrets.token_hex(12), user_id) for user_id in unknown]

    def add(self, identities: Iterable[Identity]) -> None:
        for each in identities:
            self._user_ids[each.id] = each.user_id
            self.ids[each.user_id] = each.id

    def remove(self, identities: Iterable[Identity]) -> None:
        for each in identities:
            self.ids.pop(each.user_id, None)
            self._user_ids.pop(each.id, None)

    def forget(self, identity: Identity) -> None:
        """Let an opaque id stand for itself from now on, and its user for nobody."""
        self.remove([identity])
        self.add([Identity(identity.id, identity.id)])


def put_identity(connection: Connection, identities: Identities, user_id: str) -> str:
    """The opaque id of a user, who gets one where they have none yet: what is kept of them before their first record
    must be found again after it. It goes again if the writer's transaction is rolled back."""
    make_identities(connection, identities, [user_id])
    return identities.id_of(user_id)


def make_identities(connection: Connection, identities: Identities, user_ids: Collection[str]) -> None:
    """The same for several users."""
    new = identities.new(user_ids)
    if new:
        connection.execute(insert(schema.identities), [each._asdict() for each in new])
        event.listen(connection, "rollback", lambda _: identities.remove(new), once=True)
        identities.add(new)


class MetadataRow(NamedTuple):
    """A row of `record_metadata`: the metadata of one request, and the salt of its digest."""

    request_id: str
    salt: bytes
    metadata: str


def metadata_row(request_id: str, metadata: str) -> MetadataRow:
    """A new row, with a random salt."""
    return MetadataRow(request_id, secrets.token_bytes(SALT_BYTES), metadata)


def digest_of(salt: bytes, metadata: str) -> str:
    """The digest that a record holds in place of its metadata: SHA-256 of the salt and the text in UTF-8, as hex
    digits. Raises UnicodeEncodeError for half a surrogate pair."""
    return sha256(salt + metadata.encode()).hexdigest()
