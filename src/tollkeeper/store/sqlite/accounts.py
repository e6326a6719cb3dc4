"""Users and their keys."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

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

_ALL_USERS = select(schema.users).order_by(schema.users.c.user_id)
_ALL_KEYS = select(schema.keys).order_by(schema.keys.c.created_at, schema.keys.c.id)
_TOUCH = update(schema.keys).where(schema.keys.c.id == bindparam("key")).values(last_used_at=bindparam("at"))


class SqliteAccounts:
    """See `ports.Accounts`. Every call raises StoreError when it is not done."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def load(self) -> tuple[list[User], list[Key]]:
        def read(connection: Connection) -> tuple[list[User], list[Key]]:
            all_users = [User(**_values(row)) for row in connection.execute(_ALL_USERS).mappings()]
            all_keys = [Key(**_values(row)) for row in connection.execute(_ALL_KEYS).mappings()]
            return all_users, all_keys

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


def _values(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {**row, "limits": convert(json.loads(row["limits"]), Limits)}
