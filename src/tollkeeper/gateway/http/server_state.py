"""State shared by all connections of one server: settings, clock, open connections."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from email.utils import formatdate
from typing import Protocol

from tollkeeper.gateway.http.turns import ByteTurns
from tollkeeper.wire.dialect import AnyDialect

PARSED_IN_A_TURN = 262_144
"""Bytes of heads and chunks that are parsed in one turn of the event loop, over all connections: a few milliseconds."""


class OpenConnection(Protocol):
    """A connection, as the server sees it."""

    @property
    def unsent(self) -> int:
        """Bytes of responses waiting to be written, not counting those in the kernel's buffer."""

    def shutdown(self) -> None:
        """Close, after the response in progress if there is one."""

    def drain(self) -> None:
        """Close after the last request received, if its response can still announce that; else after the next one, or
        when none comes."""

    def abort(self) -> None:
        """Close at once, discarding whatever is still unsent."""


class ServerState:
    """State shared by all connections. Timeouts are seconds; `per_address` 0 means no limit; `now` is milliseconds
    since the epoch, and `new_request_id` makes an id from such a time. `dialect` shapes errors on paths of no
    dialect."""

    def __init__(
        self,
        *,
        dialect: AnyDialect,
        head_timeout: float,
        body_timeout: float,
        keep_alive_timeout: float,
        stall_timeout: float,
        per_address: int,
        now: Callable[[], int],
        new_request_id: Callable[[int], str],
    ) -> None:
        self.dialect = dialect
        self.head_timeout = head_timeout
        self.body_timeout = body_timeout
        self.keep_alive_timeout = keep_alive_timeout
        self.stall_timeout = stall_timeout
        self.per_address = per_address
        self.now = now
        self.new_request_id = new_request_id
        self.connections: set[OpenConnection] = set()
        self.running: set[asyncio.Task[None]] = set()
        self.draining = False
        self.responses_sent = 0
        self.addresses: Counter[str] = Counter()
        self.parsing = ByteTurns(PARSED_IN_A_TURN)
        self._second = 0
        self._date = b""

    def __repr__(self) -> str:
        return f"ServerState({len(self.connections)} connections from {len(self.addresses)} addresses)"

    def drain(self, idle: float) -> None:
        """Close every connection with its next response, or after `idle` seconds without a request."""
        self.draining = True
        self.keep_alive_timeout = min(self.keep_alive_timeout, idle)
        for connection in list(self.connections):
            connection.drain()

    def date(self) -> bytes:
        """Value of a response's Date header (RFC 9110, 6.6.1), formatted once a second."""
        second = self.now() // 1000
        if second != self._second:
            self._second = second
            self._date = formatdate(second, usegmt=True).encode()
        return self._date
