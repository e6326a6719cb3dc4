"""Flow control of one connection: pausing reads from a client, and writes to it."""

from __future__ import annotations

import asyncio

UNREAD = 65_536
"""Unread bytes of a body beyond which reading is paused."""

# Reasons for which reading is paused; it resumes when none is left.
BODY_UNREAD = "the body waits for its reader"
NEXT_UNREAD = "the body of the next request waits for its turn"
BEHIND = "bytes wait behind a request that waits for its turn"
TURN = "bytes wait for their turn to be parsed"
_NONE: frozenset[str] = frozenset()
"""One for all connections: each empty set takes 216 bytes."""


class FlowControl:
    """Flow control of one connection. `pauses` are the reasons for which reading is paused; `write_paused` is set while
    the write buffer is too full."""

    __slots__ = ("_drained", "_loop", "_transport", "pauses", "write_paused")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._drained: asyncio.Future[None] | None = None
        self.pauses: frozenset[str] = _NONE
        self.write_paused = False

    def __repr__(self) -> str:
        return f"FlowControl(pauses={sorted(self.pauses)}, write_paused={self.write_paused})"

    def pause_reading(self, why: str) -> None:
        """Pause reading for the reason `why`."""
        if not self.pauses:
            self._transport.pause_reading()
        self.pauses |= {why}

    def resume_reading(self, *gone: str) -> None:
        """Remove these reasons, and resume reading if none is left."""
        if self.pauses:
            self.pauses = self.pauses.difference(gone) or _NONE
            if not self.pauses and not self._transport.is_closing():
                self._transport.resume_reading()

    def begin_next(self) -> None:
        """Start the next request: its buffered body now waits for its reader, no longer for its turn."""
        if NEXT_UNREAD in self.pauses:
            self.pauses = self.pauses - {NEXT_UNREAD} | {BODY_UNREAD}

    def pause_writing(self) -> None:
        self.write_paused = True

    def resume_writing(self) -> None:
        self.write_paused = False
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    async def drained(self) -> None:
        """Wait until the write buffer has drained, or the client has disconnected."""
        while self.write_paused:
            if self._drained is None or self._drained.done():  # done: the previous waiter was cancelled
                self._drained = self._loop.create_future()
            await self._drained
