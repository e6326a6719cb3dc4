"""Connections to PostgreSQL, and SQLAlchemy engines over them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psycopg.errors import Error
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from tollkeeper.store.errors import StoreError

LOCK_WAIT = 10.0
"""Seconds that a statement waits for the lock of another writer."""
_STATEMENT_S = 120
"""Seconds after which the server ends a statement by itself: of a client that does not answer any more, say."""
_CONNECT_S = 5
_SILENCE_MS = 10_000
"""Milliseconds after which a connection whose other end says nothing counts as broken."""


def open_engine(url: str, *, threads: int = 1, read_only: bool = False, lock_wait: float = LOCK_WAIT) -> Engine:
    """An engine over at most `threads` connections. Its transactions see one state of the database from their first
    statement to their last. Raises StoreError for a URL that is none; connects to nothing yet."""
    try:
        address = make_url(url).set(drivername="postgresql+psycopg")
    except ArgumentError:
        raise StoreError("the address of the database is no URL of PostgreSQL") from None  # it may have a password
    engine = create_engine(
        address,
        pool_size=threads,
        max_overflow=0,
        isolation_level="REPEATABLE READ",
        hide_parameters=True,  # among them are digests and password hashes
        connect_args={
            "application_name": "tollkeeper",
            "connect_timeout": _CONNECT_S,
            "keepalives_idle": _CONNECT_S,
            "tcp_user_timeout": _SILENCE_MS,
        },
    )
    event.listen(engine, "connect", _prepared(read_only, lock_wait))
    return engine


def _prepared(read_only: bool, lock_wait: float) -> Callable[[Any, object], None]:
    settings = {
        "lock_timeout": f"{lock_wait * 1000:.0f}",
        "statement_timeout": f"{_STATEMENT_S * 1000}",
        "idle_in_transaction_session_timeout": f"{_STATEMENT_S * 1000}",
        "timezone": "UTC",
    }

    def prepare(connection: Any, _: object) -> None:
        connection.autocommit = True
        for name, value in settings.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        connection.autocommit = False
        connection.read_only = read_only

    return prepare


def plain_reason(error: BaseException) -> str:
    """The server's message in one line, without the statement, and without the values that it may name in details."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    message = error.diag.message_primary if isinstance(error, Error) else None
    lines = (message or str(error)).strip().splitlines()
    return " ".join(lines[0].split()) if lines else type(error).__name__
