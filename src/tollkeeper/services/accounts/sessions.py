"""Sessions of users who are signed in.

The browser has a random token in a cookie; memory and store hold only an HMAC of it, so that a session survives a
restart, and a stolen database gives access to none. A session ends a day after its last use, at the latest a week after
it began.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection

from msgspec import Struct
from msgspec.structs import replace

from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.audit.change_queue import ChangeQueue
from tollkeeper.store.ports.sessions import Session, SessionStore

IDLE_MS = 86_400_000
LONGEST_MS = 7 * 86_400_000
MOST = 20
"""The most sessions of a user; another one ends the least recently used."""
_RANDOM_BYTES = 32


class ExternalSession(Struct, frozen=True):
    """Where a session comes from: an OpenID provider, who they are there, its own session, if it names one, and the ID
    token that says so."""

    issuer: str
    subject: str
    sid: str | None = None
    id_token: str | None = None

    def __repr__(self) -> str:
        return f"ExternalSession({self.issuer!r}, {self.subject!r})"


class NewSession(Struct, frozen=True):
    """A new session, with the token for its cookie."""

    session: Session
    token: str

    def __repr__(self) -> str:
        return f"NewSession({self.session.user_id!r}, token=…)"


class Sessions:
    """Sessions, in memory and in the store. `digest` is an HMAC with the pepper. `changes` is the accounts' queue of
    changes, in which sessions begin and end. `credentials_ended` is called with the ids of sessions that have ended."""

    def __init__(
        self,
        store: SessionStore,
        digest: Callable[[str], bytes],
        now: Callable[[], int],
        changes: ChangeQueue,
        credentials_ended: Callable[[Collection[str]], None],
    ) -> None:
        self._store = store
        self._digest = digest
        self._now = now
        self._changes = changes
        self._credentials_ended = credentials_ended
        self._sessions: dict[str, Session] = {}
        self._of: dict[str, set[str]] = {}
        self._used: dict[str, int] = {}
        self._id_tokens: dict[str, str] = {}
        """ID tokens of sessions that began at a provider, until the next start: they are in no database."""

    def __repr__(self) -> str:
        return f"Sessions({len(self._sessions)} of {len(self._of)} users)"

    async def load(self) -> None:
        """Read all sessions from the store. Call it once, at the start."""
        for session in await self._store.load():
            self._put(session)

    def id_of(self, token: str) -> str:
        """The id of the session with this token."""
        return self._digest(f"\0session {token}").hex()

    def csrf_token(self, token: str) -> str:
        """The CSRF token of the session with this token. Pages send it beside the cookie, which other sites can make a
        browser send but cannot read."""
        return self._digest(f"\0csrf {token}").hex()

    def alive(self, session_id: str) -> Session | None:
        """The current session with this id; None when it has ended or never existed."""
        session = self._sessions.get(session_id)
        return session if session is not None and self._now() < ends_at(session) else None

    def touch(self, session: Session) -> Session:
        """Note that a session is used now, and return it with that time."""
        now = self._now()
        used = self._sessions[session.id] = replace(session, last_used_at=now)
        self._used[session.id] = now
        return used

    def id_token(self, session_id: str) -> str | None:
        """The ID token by which a session began; None for a session of a password, and after a restart."""
        return self._id_tokens.get(session_id)

    def of(self, user_id: str) -> list[Session]:
        """The sessions of a user."""
        return [self._sessions[session_id] for session_id in self._of.get(user_id, ())]

    def ids_of(self, user_id: str) -> list[str]:
        """The ids of a user's sessions, expired ones included until `tidy`."""
        return list(self._of.get(user_id, ()))

    async def begin(
        self,
        user_id: str,
        by: Actor,
        *,
        still: Callable[[], None],
        replaces: str | None = None,
        external: ExternalSession | None = None,
    ) -> NewSession:
        """Sign a user in. `still` is called when the change's turn has come, and raises when the user may no longer
        sign in. `replaces` is the browser's previous token: its session ends, whichever user's it was. `external` is
        where they signed in, None: here, with a password."""

        async def change() -> NewSession:
            still()
            now = self._now()
            token = secrets.token_urlsafe(_RANDOM_BYTES)
            session = Session(self.id_of(token), user_id, now, now)
            if external is not None:
                session = replace(session, issuer=external.issuer, subject=external.subject, sid=external.sid)
            ended = {self.id_of(replaces)} & self._sessions.keys() if replaces is not None else set()
            others = [other for other in self.of(user_id) if other.id not in ended]
            others.sort(key=lambda other: other.last_used_at, reverse=True)
            ended |= {other.id for other in others[MOST - 1 :]}
            await self._store.save(begun=[session], ended=ended, audit=by.entry(now, "user.sign_in", user_id))
            self._put(session)
            if external is not None and external.id_token is not None:
                self._id_tokens[session.id] = external.id_token
            self.forget(ended)
            return NewSession(session, token)

        return await self._changes.run(change)

    async def end(self, session_id: str, by: Actor) -> None:
        """End a session of the user who acts: sign out at one browser."""

        async def change() -> None:
            await self._store.save(ended=[session_id], audit=by.entry(self._now(), "user.sign_out", by.name))
            self.forget([session_id])

        await self._changes.run(change)

    async def end_all(self, user_id: str, by: Actor) -> None:
        """End all sessions of a user: sign out everywhere."""

        async def change() -> None:
            ended = self.ids_of(user_id)
            entry = by.entry(self._now(), "user.sign_out_everywhere", user_id, {"sessions": len(ended)})
            await self._store.save(ended=ended, audit=entry)
            self.forget(ended)

        await self._changes.run(change)

    async def end_unless(self, has_way_in: Callable[[str | None], bool]) -> None:
        """End the sessions that began in a way that there is no more. `has_way_in` is called with the issuer of a
        provider, None for passwords."""

        async def change() -> None:
            ended = [session.id for session in self._sessions.values() if not has_way_in(session.issuer)]
            if ended:
                await self._store.save(ended=ended)
                self.forget(ended)

        await self._changes.run(change)

    async def end_of_password(self, user_id: str) -> None:
        """End the sessions that a user's password began."""

        async def change() -> None:
            ended = [session.id for session in self.of(user_id) if session.issuer is None]
            if ended:
                await self._store.save(ended=ended)
                self.forget(ended)

        await self._changes.run(change)

    async def end_external(
        self, issuer: str, *, subject: str | None, sid: str | None, before: int | None = None
    ) -> int:
        """End the sessions that began by this provider, `before` a moment if one is given: those of its own session
        `sid` (and those for which it named none), or without one all of `subject`. Returns how many."""

        def meant(session: Session) -> bool:
            if session.issuer != issuer or subject not in (None, session.subject):
                return False
            if before is not None and session.created_at > before:
                return False
            return sid in (None, session.sid) or (session.sid is None and subject is not None)

        async def change() -> int:
            ended = [session.id for session in self._sessions.values() if meant(session)]
            if ended:
                await self._store.save(ended=ended)
                self.forget(ended)
            return len(ended)

        return await self._changes.run(change)

    def forget(self, ended: Collection[str]) -> None:
        """Drop sessions that were deleted from the store, and end their requests."""
        for session_id in ended:
            session = self._sessions.pop(session_id, None)
            self._used.pop(session_id, None)
            self._id_tokens.pop(session_id, None)
            if session is not None:
                self._of[session.user_id].discard(session_id)
                if not self._of[session.user_id]:
                    del self._of[session.user_id]
        self._credentials_ended(ended)

    async def tidy(self) -> None:
        """Save the last use of sessions, and delete expired ones."""

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
    """Time at which a session expires, unless it is used before, in milliseconds since the epoch."""
    return min(session.created_at + LONGEST_MS, session.last_used_at + IDLE_MS)
