"""The server process: uvicorn's loop, our signals.

On SIGTERM or SIGINT it stops accepting, lets what runs finish, cuts what is left after `shutdown_timeout`, and returns:
the exit status is ours to give (uvicorn would raise the signal again and exit 143). A second signal cuts at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from typing import cast

import uvicorn

from tollkeeper.gateway.entry import App
from tollkeeper.gateway.protocol import Connection, Door

_BACKLOG = 4096
_LAST_WORDS = 2.0
"""Seconds that cut requests have to tell their clients and to be settled."""


class Server(uvicorn.Server):
    """`stopping` is called when a stop begins, `cut` ends all requests that run at its end."""

    def __init__(
        self,
        app: App,
        door: Door,
        *,
        keep_alive_timeout: float,
        shutdown_timeout: float,
        stopping: Callable[[], None],
        cut: Callable[[], None],
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=door.protocol,  # type: ignore[arg-type] # anything that makes a protocol will do
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=_BACKLOG,
                timeout_keep_alive=keep_alive_timeout,  # type: ignore[arg-type] # it goes to call_later
                timeout_graceful_shutdown=None,
            )
        )
        self._shutdown_timeout = shutdown_timeout
        self._stopping = stopping
        self._cut = cut
        self.on_open: Callable[[], None] = lambda: None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_open()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping()
        for server in self.servers:
            server.close()
        for listening in sockets or ():
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._wait(self._shutdown_timeout, unless_forced=True)
        self._cut()
        await self._wait(_LAST_WORDS, unless_forced=False)
        for task in list(self.server_state.tasks):
            task.cancel()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_LAST_WORDS)
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    async def _wait(self, seconds: float, *, unless_forced: bool) -> None:
        """Until no request runs and every answer was taken, or the time is up."""
        deadline = asyncio.get_running_loop().time() + seconds
        while self._busy() and asyncio.get_running_loop().time() < deadline:
            if unless_forced and self.force_exit:
                return
            await asyncio.sleep(0.02)

    def _busy(self) -> bool:
        connections = cast("set[Connection]", self.server_state.connections)
        return bool(self.server_state.tasks) or any(connection.unsent for connection in connections)
