"""The identities of a database that other processes add to and forget, too."""

from __future__ import annotations

from threading import Lock

from sqlalchemy import Connection, text

from tollkeeper.store.sql.identities import Identities, Identity

_SINCE = text("SELECT id, user_id, changed FROM identities WHERE changed > :seen ORDER BY changed")


class SharedIdentities(Identities):
    """See `Identities`. Every transaction begins with `refresh`, so that it knows whom its rows are about."""

    def __init__(self) -> None:
        super().__init__()
        self._seen = 0
        self._lock = Lock()

    def refresh(self, connection: Connection) -> None:
        """Read what changed since the last time. May be called from any thread."""
        rows = connection.execute(_SINCE, {"seen": self._seen}).all()
        if not rows:
            return
        with self._lock:  # another thread may have read more meanwhile, which must not be undone
            for opaque, user_id, changed in rows:
                if changed <= self._seen:
                    continue
                self._seen = changed
                known = self.user_id_of(opaque)
                if user_id is None and known != opaque:
                    self.forget(Identity(opaque, known))
                else:
                    self.add([Identity(opaque, opaque if user_id is None else user_id)])
