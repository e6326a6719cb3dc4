"""Users and their keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import convert, to_builtins
from msgspec.structs import asdict
from sqlalchemy import Connection, Table, bindparam, select, update
from sqlalchemy.dialects.sqlite import insert

from tollkeeper.rules.limits import Limits
from tollkeeper.store.ports import AuditEntry, Key, User
from tollkeeper.store.sqlite import schema
from tollkeeper.store.sqlite.audit import append
from tollkeeper.store.sqlite.readers import Readers
from tollkeeper.store.sqlite.sessions import end_sessions
from tollkeeper.store.sqlite.writer import Writer

T = TypeVar("T")

# In the order of the fields: a row is what a value is made of.
_ALL_USERS = select(*(schema.users.c[name] for name in User.__struct_fields__)).order_by(schema.users.c.user_id)
_ALL_KEYS = select(*(schema.keys.c[name] for name in Key.__struct_fields__)).order_by(
    schema.keys.c.created_at, schema.keys.c.id
)
_TOUCH = update(schema.keys).where(schema.keys.c.id == bindparam("key")).values(last_used_at=bindparam("at"))


class SqliteAccounts:
    """See `ports.Accounts`. Every call raises StoreError when it is not done."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def load(self) -> tuple[list[User], list[Key]]:
        def read(connection: Connection) -> tuple[list[User], list[Key]]:
            one, limits = _Shared[Any](lambda text: text), _Shared(_limits)
            users = [
                User(*[one[row[0]], one[row[1]], one[row[2]], *row[3:6], limits[row[6]]])
                for row in connection.execute(_ALL_USERS)
            ]
            keys = [
                Key(*[row[0], one[row[1]], *row[2:9], limits[row[9]], *row[10:]])
                for row in connection.execute(_ALL_KEYS)
            ]
            return users, keys

        return await self._readers.run(read)

    async def save(
        self,
        *,
        users: Sequence[User] = (),
        keys: Sequence[Key] = (),
        ended: Collection[str] = (),
        audit: AuditEntry,
    ) -> None:
        def write(connection: Connection) -> None:
            _put(connection, schema.users, users)
            _put(connection, schema.keys, keys)
            end_sessions(connection, ended)
            append(connection, audit)

        await self._writer.run(write)

    async def touch(self, last_used: Mapping[str, int]) -> None:
        if not last_used:
            return
        rows = [{"key": key, "at": at} for key, at in last_used.items()]
        await self._writer.run(lambda connection: connection.execute(_TOUCH, rows))


def _put(connection: Connection, table: Table, values: Iterable[User | Key]) -> None:
    rows: list[dict[str, Any]] = [asdict(value) | {"limits": _text(value.limits)} for value in values]
    if rows:
        statement = insert(table)
        identity = list(table.primary_key.columns)
        others = {column.name: statement.excluded[column.name] for column in table.columns if column not in identity}
        connection.execute(statement.on_conflict_do_update(index_elements=identity, set_=others), rows)


# Not msgspec's own JSON: limits of cost may be whole numbers beyond 64 bits, which it does not write.
def _text(limits: Limits) -> str:
    return json.dumps(to_builtins(limits))


def _limits(text: str) -> Limits:
    return convert(json.loads(text), Limits)


class _Shared(dict[str, T]):
    """One object for each text: of 10,000 users and keys, who have much in common, that takes half of the memory."""

    def __init__(self, made: Callable[[str], T]) -> None:
        self._made = made

    def __missing__(self, text: str) -> T:
        made = self[text] = self._made(text)
        return made
