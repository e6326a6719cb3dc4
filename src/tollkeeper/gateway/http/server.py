"""The HTTP server: its listening sockets, and graceful shutdown.

On SIGTERM, SIGINT or SIGHUP it stops accepting, lets running requests finish, ends those left after
`shutdown_timeout`, and returns; the exit status is up to the caller. A second signal ends them at once, unless it is
SIGHUP, which a closing terminal sends several times.

In a handover another process takes over the same socket, and no client may notice the change. Closing a connection
while a request is in flight loses that request, and a proxy must not repeat a POST. So a connection is closed by a
response that announces it, or after it was idle for longer than a proxy keeps it.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from tollkeeper.gateway.http.connection import Connection, Handler
from tollkeeper.gateway.http.server_state import ServerState

_BACKLOG = 4096
_SETTLE_TIMEOUT = 2.0
"""Seconds that ended requests have to send their errors and to be settled."""
_TICK = 0.02
HANDOVER_IDLE = 3.0
"""Seconds after which an idle connection is closed in a handover; proxies must close theirs before (docs/operating.md).
"""


class Server:
    """The HTTP server. `handler` handles each request; `stopping` is called when a shutdown begins, `cut` ends all
    requests still running when its time is up."""

    def __init__(
        self,
        state: ServerState,
        handler: Handler,
        *,
        shutdown_timeout: float,
        stopping: Callable[[], None],
        cut: Callable[[], None],
    ) -> None:
        self.state = state
        self.handler = handler
        self._shutdown_timeout = shutdown_timeout
        self._stopping = stopping
        self._cut = cut
        self.on_open: Callable[[], None] = lambda: None
        self._stop_requested = asyncio.Event()
        self._forced = False
        self._handover = False

    def __repr__(self) -> str:
        return f"Server({self.state!r}, {len(self.state.running)} requests)"

    async def serve(self, listening: Sequence[socket.socket], *, handover: bool = False) -> None:
        """Serve these sockets until `stop` is called or a signal arrives. `handover`: the sockets stay open elsewhere,
        and another process continues to serve them."""
        self._handover = handover
        loop = asyncio.get_running_loop()
        with self._signals(loop):
            make = partial(Connection, self.state, self.handler)
            servers = [await loop.create_server(make, sock=sock, backlog=_BACKLOG) for sock in listening]
            self.on_open()
            await self._stop_requested.wait()
            await self._shut(servers)

    def stop(self) -> None:
        """Begin to shut down; a second call stops waiting for requests."""
        self._forced = self._stop_requested.is_set()
        self._stop_requested.set()

    @contextlib.contextmanager
    def _signals(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        handlers: dict[signal.Signals, Callable[[], None]] = {signal.SIGINT: self.stop, signal.SIGTERM: self.stop}
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as under nohup(1)
            handlers[signal.SIGHUP] = self._stop_requested.set
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)

    async def _shut(self, servers: Sequence[asyncio.Server]) -> None:
        state = self.state
        self._stopping()
        for server in servers:
            server.close()
        if self._handover:
            state.drain(HANDOVER_IDLE)
            await asyncio.sleep(_TICK)  # connections accepted just now are set up in the loop's next turn
        else:
            for connection in list(state.connections):
                connection.shutdown()
        await self._wait(self._shutdown_timeout, unless_forced=True)
        self._cut()
        await self._wait(_SETTLE_TIMEOUT, unless_forced=False)
        for task in list(state.running):
            task.cancel()
        if state.running:
            await asyncio.wait(state.running, timeout=_SETTLE_TIMEOUT)
        for connection in list(state.connections):
            connection.abort()

    async def _wait(self, seconds: float, *, unless_forced: bool) -> None:
        """Wait until no request runs and every response is sent (in a handover: all connections closed), or time is
        up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self._busy() and loop.time() < deadline:
            if unless_forced and self._forced:
                return
            await asyncio.sleep(_TICK)

    def _busy(self) -> bool:
        state = self.state
        if state.running or (self._handover and state.connections):
            return True
        return any(connection.unsent for connection in state.connections)
