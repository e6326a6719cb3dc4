"""The server process: who listens, and how it ends.

On SIGTERM or SIGINT it stops accepting, lets what runs finish, cuts what is left after `shutdown_timeout`, and returns:
the exit status is the caller's to give. A second signal cuts at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from tollkeeper.gateway.protocol import Connection, Door

_BACKLOG = 4096
_LAST_WORDS = 2.0
"""Seconds that cut requests have to tell their clients and to be settled."""
_TICK = 0.02


class Server:
    """`stopping` is called when a stop begins, `cut` ends all requests that run at its end."""

    def __init__(
        self, door: Door, *, shutdown_timeout: float, stopping: Callable[[], None], cut: Callable[[], None]
    ) -> None:
        self.door = door
        self._shutdown_timeout = shutdown_timeout
        self._stopping = stopping
        self._cut = cut
        self.on_open: Callable[[], None] = lambda: None
        self._stop_asked = asyncio.Event()
        self._forced = False

    def __repr__(self) -> str:
        return f"Server({self.door!r}, {len(self.door.running)} requests)"

    async def serve(self, listening: Sequence[socket.socket]) -> None:
        """Answer what comes in there, until `stop` is called or the process gets SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        with self._signals(loop):
            make = partial(Connection, self.door)
            servers = [await loop.create_server(make, sock=sock, backlog=_BACKLOG) for sock in listening]
            self.on_open()
            await self._stop_asked.wait()
            await self._shut(servers)

    def stop(self) -> None:
        """Begin to stop; asked a second time, wait for nobody."""
        self._forced = self._stop_asked.is_set()
        self._stop_asked.set()

    @contextlib.contextmanager
    def _signals(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def _shut(self, servers: Sequence[asyncio.Server]) -> None:
        door = self.door
        self._stopping()
        for server in servers:
            server.close()
        for connection in list(door.connections):
            connection.shutdown()
        await self._wait(self._shutdown_timeout, unless_forced=True)
        self._cut()
        await self._wait(_LAST_WORDS, unless_forced=False)
        for task in list(door.running):
            task.cancel()
        if door.running:
            await asyncio.wait(door.running, timeout=_LAST_WORDS)
        for connection in list(door.connections):
            connection.abort()

    async def _wait(self, seconds: float, *, unless_forced: bool) -> None:
        """Until no request runs and every answer was taken, or the time is up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self._busy() and loop.time() < deadline:
            if unless_forced and self._forced:
                return
            await asyncio.sleep(_TICK)

    def _busy(self) -> bool:
        return bool(self.door.running) or any(connection.unsent for connection in self.door.connections)
