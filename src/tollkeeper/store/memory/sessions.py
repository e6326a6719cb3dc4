"""Sessions of signed-in users."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import replace

from tollkeeper.store.memory.audit import append
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.sessions import Session


class MemorySessions:
    """See `ports.SessionStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def load(self) -> list[Session]:
        return sorted(self._tables.sessions.values(), key=lambda session: (session.created_at, session.id))

    async def save(
        self, *, begun: Sequence[Session] = (), ended: Collection[str] = (), audit: AuditEntry | None = None
    ) -> None:
        self._tables.must_be_writable()
        for session_id in ended:
            self._tables.sessions.pop(session_id, None)
        self._tables.sessions |= {session.id: session for session in begun}
        if audit is not None:
            append(self._tables, audit)

    async def touch(self, last_used: Mapping[str, int]) -> None:
        self._tables.must_be_writable()
        sessions = self._tables.sessions
        known = {session_id: at for session_id, at in last_used.items() if session_id in sessions}
        sessions |= {session_id: replace(sessions[session_id], last_used_at=at) for session_id, at in known.items()}
