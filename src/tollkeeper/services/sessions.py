"""Who is signed in at which browser.

The browser has a random secret in a cookie; here is only an HMAC of it, in memory and in the store, so that a session
outlives a restart and a stolen database opens none. A session ends a day after its last use, at the latest a week after
it began.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection

from msgspec import Struct
from msgspec.structs import replace

from tollkeeper.services.audit import Actor
from tollkeeper.services.changes import Changes
from tollkeeper.store import ports
from tollkeeper.store.ports import Session

IDLE_MS = 86_400_000
LONGEST_MS = 7 * 86_400_000
MOST = 20
"""Sessions of one user; where one more begins, the one that was used least recently ends."""
_RANDOM_BYTES = 32


class NewSession(Struct, frozen=True):
    """A session just begun, with the secret for its cookie."""

    session: Session
    token: str

    def __repr__(self) -> str:
        return f"NewSession({self.session.user_id!r}, token=…)"


class Sessions:
    """`digest` is an HMAC with the pepper. `changes` are those of the accounts: sessions begin and end in turn with
    them. `cut` is told the ids of sessions that ended just now."""

    def __init__(
        self,
        store: ports.Sessions,
        digest: Callable[[str], bytes],
        now: Callable[[], int],
        changes: Changes,
        cut: Callable[[Collection[str]], None],
    ) -> None:
        self._store = store
        self._digest = digest
        self._now = now
        self._changes = changes
        self._cut = cut
        self._sessions: dict[str, Session] = {}
        self._of: dict[str, set[str]] = {}
        self._used: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"Sessions({len(self._sessions)} of {len(self._of)} users)"

    async def load(self) -> None:
        """Read everything from the store; once, before anyone asks."""
        for session in await self._store.load():
            self._put(session)

    def id_of(self, token: str) -> str:
        """The id of the session whose cookie holds this."""
        return self._digest(f"\0session {token}").hex()

    def csrf_token(self, token: str) -> str:
        """What pages must send beside that cookie, which other sites' pages can make a browser send but not read."""
        return self._digest(f"\0csrf {token}").hex()

    def alive(self, session_id: str) -> Session | None:
        """As it is now; None when it is over, or never was."""
        session = self._sessions.get(session_id)
        return session if session is not None and self._now() < ends_at(session) else None

    def touch(self, session: Session) -> Session:
        """It is used now."""
        now = self._now()
        used = self._sessions[session.id] = replace(session, last_used_at=now)
        self._used[session.id] = now
        return used

    def of(self, user_id: str) -> list[Session]:
        """A user's sessions."""
        return [self._sessions[session_id] for session_id in self._of.get(user_id, ())]

    def ids_of(self, user_id: str) -> list[str]:
        """The ids of a user's sessions."""
        return list(self._of.get(user_id, ()))

    async def begin(
        self, user_id: str, by: Actor, *, still: Callable[[], None], replaces: str | None = None
    ) -> NewSession:
        """Sign a user in. `still` raises when they may no longer be, by then; `replaces` is the token that the browser
        had: its session ends, whosever it was."""

        async def change() -> NewSession:
            still()
            now = self._now()
            token = secrets.token_urlsafe(_RANDOM_BYTES)
            session = Session(self.id_of(token), user_id, now, now)
            ended = {self.id_of(replaces)} & self._sessions.keys() if replaces is not None else set()
            others = [other for other in self.of(user_id) if other.id not in ended]
            others.sort(key=lambda other: other.last_used_at, reverse=True)
            ended |= {other.id for other in others[MOST - 1 :]}
            await self._store.save(begun=[session], ended=ended, audit=by.entry(now, "user.sign_in", user_id))
            self._put(session)
            self.forget(ended)
            return NewSession(session, token)

        return await self._changes.run(change)

    async def end(self, session_id: str) -> None:
        """Sign out at one browser."""

        async def change() -> None:
            await self._store.save(ended=[session_id])
            self.forget([session_id])

        await self._changes.run(change)

    async def end_all(self, user_id: str, by: Actor) -> None:
        """Sign a user out everywhere."""

        async def change() -> None:
            ended = self.ids_of(user_id)
            entry = by.entry(self._now(), "user.sign_out_everywhere", user_id, {"sessions": len(ended)})
            await self._store.save(ended=ended, audit=entry)
            self.forget(ended)

        await self._changes.run(change)

    def forget(self, ended: Collection[str]) -> None:
        """The store no longer has these; what runs under them ends."""
        for session_id in ended:
            session = self._sessions.pop(session_id, None)
            self._used.pop(session_id, None)
            if session is not None:
                self._of[session.user_id].discard(session_id)
                if not self._of[session.user_id]:
                    del self._of[session.user_id]
        self._cut(ended)

    async def tidy(self) -> None:
        """Save when sessions were last used, and delete those that are over."""

        async def change() -> None:
            used, self._used = self._used, {}
            try:
                await self._store.touch(used)
            except BaseException:
                self._used = used | self._used
                raise
            now = self._now()
            over = [session.id for session in self._sessions.values() if now >= ends_at(session)]
            if over:
                await self._store.save(ended=over)
                self.forget(over)

        await self._changes.run(change)

    def _put(self, session: Session) -> None:
        self._sessions[session.id] = session
        self._of.setdefault(session.user_id, set()).add(session.id)


def ends_at(session: Session) -> int:
    """The moment from which it opens nothing, unless it is used before."""
    return min(session.created_at + LONGEST_MS, session.last_used_at + IDLE_MS)
