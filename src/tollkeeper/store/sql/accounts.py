"""Users and their keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import to_builtins
from msgspec.structs import asdict, replace
from sqlalchemy import Connection, Table, bindparam, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from tollkeeper.store.errors import StoreConflict
from tollkeeper.store.ports.accounts import Acting, Key, User
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.events import Event
from tollkeeper.store.ports.external_identities import ExternalIdentity
from tollkeeper.store.sql import schema
from tollkeeper.store.sql.audit import append
from tollkeeper.store.sql.events import append_events
from tollkeeper.store.sql.external_identities import put_identities
from tollkeeper.store.sql.limits import limits_of, limits_text
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.sessions import end_sessions

T = TypeVar("T")
A = TypeVar("A", User, Key)

# In the order of the fields, so that a row is the arguments of a value.
_ALL_USERS = select(*(schema.users.c[name] for name in User.__struct_fields__)).order_by(schema.users.c.user_id)
_ALL_KEYS = select(*(schema.keys.c[name] for name in Key.__struct_fields__)).order_by(
    schema.keys.c.created_at, schema.keys.c.id
)
_FORGET = delete(schema.keys).where(schema.keys.c.id == bindparam("key"))
_TOUCH = update(schema.keys).where(schema.keys.c.id == bindparam("key")).values(last_used_at=bindparam("at"))
_IS_OPEN = select(exists().where(schema.teams.c.team_id == bindparam("team"), schema.teams.c.closed_at.is_(None)))


def _nothing_besides(*_: object) -> None:
    pass


class SqlAccounts:
    """See `ports.AccountStore`. Every call raises StoreError when it fails. `besides` is called with the ids of new
    users, in the transaction that saves them."""

    def __init__(
        self,
        writer: Runner,
        reader: Runner,
        besides: Callable[[Connection, Collection[str]], None] = _nothing_besides,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._besides = besides

    async def load(self) -> tuple[list[User], list[Key]]:
        def read(connection: Connection) -> tuple[list[User], list[Key]]:
            one, limits = Interned[Any](lambda text: text), Interned(limits_of)
            users = [
                User(
                    *[one[row[0]], one[row[1]], one[row[2]], *row[3:6], limits[row[6]], row[7]],
                    *[None if row[8] is None else one[row[8]], *row[9:]],
                )
                for row in connection.execute(_ALL_USERS)
            ]
            keys = [
                Key(*[row[0], one[row[1]], *row[2:9], limits[row[9]], *row[10:13], _acting_of(row[13])])
                for row in connection.execute(_ALL_KEYS)
            ]
            return users, keys

        return await self._reader.run(read)

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
        def write(connection: Connection) -> tuple[list[User], list[Key]]:
            _check_teams(connection, users)
            saved = (
                [_put(connection, schema.users, user) for user in users],
                [_put(connection, schema.keys, key) for key in keys],
            )
            self._besides(connection, [user.user_id for user in users if not user.version])
            if forgotten:
                connection.execute(_FORGET, [{"key": key} for key in forgotten])
            end_sessions(connection, ended)
            put_identities(connection, linked)
            for entry in (audit, *also):
                append(connection, entry)
            append_events(connection, events)
            return saved

        return await self._writer.run(write)

    async def touch(self, last_used: Mapping[str, int]) -> None:
        if not last_used:
            return
        rows = [{"key": key, "at": at} for key, at in last_used.items()]
        await self._writer.run(lambda connection: connection.execute(_TOUCH, rows))


def _put(connection: Connection, table: Table, value: A) -> A:
    """Insert a new value, or replace the version that it was derived from."""
    saved = replace(value, version=value.version + 1)
    row = asdict(saved) | {"limits": limits_text(value.limits)}
    if isinstance(saved, Key):
        row["acting"] = None if saved.acting is None else _acting_text(saved.acting)
    if not value.version:
        try:
            connection.execute(insert(table), row)
        except IntegrityError:
            raise StoreConflict("a user or key of this name was made by another writer") from None
        return saved
    (identity,) = table.primary_key.columns
    statement = update(table).where(identity == row[identity.name], table.c.version == value.version)
    if connection.execute(statement.values(row)).rowcount != 1:
        raise StoreConflict("a user or key was changed by another writer after it was read")
    return saved


def _check_teams(connection: Connection, users: Sequence[User]) -> None:
    """Raises StoreConflict where a user would be in a team that another writer has closed."""
    for team in {user.team_id for user in users if user.team_id is not None and user.status != "closed"}:
        if not connection.execute(_IS_OPEN, {"team": team}).scalar():
            raise StoreConflict("a user is to be in a team that another writer has closed")


# Not msgspec's own JSON: limits of cost may be integers beyond 64 bits, which it does not write.
def _acting_text(acting: Acting) -> str:
    return json.dumps(to_builtins(acting))


def _acting_of(text: str | None) -> Acting | None:
    return None if text is None else msgspec.json.decode(text, type=Acting)


class Interned(dict[str, T]):
    """One object for each distinct text: for 10,000 users and keys, which have much in common, this halves the
    memory."""

    def __init__(self, made: Callable[[str], T]) -> None:
        self._made = made

    def __missing__(self, text: str) -> T:
        made = self[text] = self._made(text)
        return made
