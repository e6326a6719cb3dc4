"""The audit log: each entry is appended in the transaction of its change."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Connection, insert, select

from tollkeeper.store.ports.audit import ALL_ENTRIES, SIGN_IN_ACTIONS, AuditEntry, AuditFilter
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import audit

_APPEND = insert(audit)


class SqlAudit:
    """See `ports.Audit`. Every call raises StoreError when it fails."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def add(self, entry: AuditEntry) -> None:
        await self._writer.run(lambda connection: append(connection, entry))

    async def entries(self, *, limit: int, after: int | None, which: AuditFilter = ALL_ENTRIES) -> list[AuditEntry]:
        query = select(audit).where(*_conditions(which)).order_by(audit.c.id.desc()).limit(limit)
        if after is not None:
            query = query.where(audit.c.id < after)
        return await self._reader.run(lambda connection: [entry_of(*row) for row in connection.execute(query)])


def _conditions(which: AuditFilter) -> Iterator[ColumnElement[bool]]:
    if which.actor is not None:
        yield audit.c.actor == which.actor
    if which.action is not None:
        yield audit.c.action == which.action
    if which.targets:
        yield audit.c.target.in_(which.targets)
    if which.of_class is not None:
        is_sign_in = audit.c.action.in_(SIGN_IN_ACTIONS)
        yield is_sign_in if which.of_class == "sign_in" else ~is_sign_in
    if which.since is not None:
        yield audit.c.at >= which.since
    if which.until is not None:
        yield audit.c.at < which.until


def append(connection: Connection, entry: AuditEntry) -> None:
    """Append an entry. Its `id` is ignored; the database assigns the next one."""
    values = asdict(entry)
    del values["id"]
    connection.execute(_APPEND, values)


def entry_of(given: int, at: int, actor: str, action: str, target: str, detail: str, address: str | None) -> AuditEntry:
    """The entry from a row with all columns."""
    return AuditEntry(at, actor, action, target, detail, address, given)
