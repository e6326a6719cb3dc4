"""Sessions of signed-in users."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import asdict
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.sessions import Session
from tollkeeper.store.sql.audit import append
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import sessions

_ALL = select(sessions).order_by(sessions.c.created_at, sessions.c.id)
_END = delete(sessions).where(sessions.c.id == bindparam("session"))
_TOUCH = update(sessions).where(sessions.c.id == bindparam("session")).values(last_used_at=bindparam("at"))


class SqlSessions:
    """See `ports.SessionStore`. Every call raises StoreError when it fails."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def load(self) -> list[Session]:
        return await self._reader.run(lambda connection: [Session(*row) for row in connection.execute(_ALL)])

    async def save(
        self, *, begun: Sequence[Session] = (), ended: Collection[str] = (), audit: AuditEntry | None = None
    ) -> None:
        def write(connection: Connection) -> None:
            end_sessions(connection, ended)
            if begun:
                connection.execute(insert(sessions), [asdict(session) for session in begun])
            if audit is not None:
                append(connection, audit)

        await self._writer.run(write)

    async def touch(self, last_used: Mapping[str, int]) -> None:
        if not last_used:
            return
        rows = [{"session": session_id, "at": at} for session_id, at in last_used.items()]
        await self._writer.run(lambda connection: connection.execute(_TOUCH, rows))


def end_sessions(connection: Connection, ended: Collection[str]) -> None:
    """Delete sessions by id, inside a transaction; missing ones are no error."""
    if ended:
        connection.execute(_END, [{"session": session_id} for session_id in ended])
