"""One upstream: its pool of kept-alive connections, and the one retry."""

from __future__ import annotations

import asyncio
import ssl as tls
from functools import partial

from msgspec import Struct

from tollkeeper.rules.errors import UpstreamTimeout, UpstreamUnavailable
from tollkeeper.services.upstream.address import Address
from tollkeeper.services.upstream.answer import Answer, NothingCameBack
from tollkeeper.services.upstream.http1 import Connection
from tollkeeper.services.upstream.limits import Limits, Timeouts
from tollkeeper.services.upstream.pool import Pool


class Statistics(Struct, frozen=True):
    """One client's connections now (`waiting`: requests in line for one), and what happened since its start: made,
    given out again (`reused`), requests sent a second time (`retried`)."""

    open: int
    idle: int
    in_use: int
    waiting: int
    made: int
    reused: int
    retried: int


class HttpClient:
    """A bounded pool of connections to one upstream. `close` it at the end."""

    def __init__(
        self,
        base_url: str,
        *,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
        max_connections: int = 16_384,
        idle_seconds: float = 60,
        ssl: tls.SSLContext | None = None,
    ) -> None:
        """`base_url` as in Address. An idle connection is closed after `idle_seconds`, or a quarter later. `ssl`
        replaces the default context for https. Raises ValueError for a bad address."""
        self._address = Address(base_url)
        self._ssl = (ssl or tls.create_default_context()) if self._address.secure else None
        self._timeouts = timeouts or Timeouts()
        self._limits = limits or Limits()
        self._idle_seconds = idle_seconds
        self._pool: Pool[Connection] = Pool(max_connections)
        self._connections: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False
        self._emptied: asyncio.Event | None = None
        self._made = 0
        self._reused = 0
        self._retried = 0

    def __repr__(self) -> str:
        return f"HttpClient({self._address!r}, {self._pool!r})"

    async def acquire(self) -> Lease:
        """A connection, kept alive or fresh; waits its turn when all are in use. End it by `send` or `release`.

        Raises UpstreamUnavailable (503) when no connection can be made, UpstreamTimeout (504) when that takes too long.
        """
        if self._closed:
            raise _stopping()
        connection = await self._pool.take()
        # A connection handed over by another request may have ended since.
        if connection is not None and not connection.closed:
            self._reused += 1
            return Lease(self, connection)
        try:
            return Lease(self, await self._connect())
        except BaseException:
            self._pool.give(None)
            raise

    def statistics(self) -> Statistics:
        pool = self._pool
        return Statistics(
            open=len(self._connections),
            idle=pool.idle,
            in_use=pool.in_use,
            waiting=pool.waiting,
            made=self._made,
            reused=self._reused,
            retried=self._retried,
        )

    async def close(self) -> None:
        """Abort what runs, send away who waits. Returns when every socket is closed."""
        self._closed = True
        self._pool.refuse(_stopping)
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._connections:
            self._emptied = self._emptied or asyncio.Event()
            for connection in tuple(self._connections):
                connection.abort()
            await self._emptied.wait()

    # ── for the lease ───────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def address(self) -> Address:
        return self._address

    def give_back(self, connection: Connection | None) -> None:
        """End of a lease, with its connection when that can be used again."""
        if connection is not None:
            loop = asyncio.get_running_loop()
            connection.idle_since = loop.time()
            if self._sweeper is None:
                self._sweeper = loop.call_later(self._idle_seconds, self._sweep)
        self._pool.give(connection)

    async def reconnect(self) -> Connection:
        """A fresh connection in the place of a kept-alive one that had ended."""
        self._retried += 1
        return await self._connect()

    # ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        make = partial(Connection, loop, self._timeouts, self._limits, self._lost)
        address = self._address
        try:
            async with asyncio.timeout(self._timeouts.connect):
                _, connection = await loop.create_connection(make, address.host, address.port, ssl=self._ssl)
        except TimeoutError as error:
            seconds = self._timeouts.connect
            raise UpstreamTimeout(f"No connection to the upstream within {seconds:g} s. Try again later.") from error
        except tls.SSLError as error:
            raise UpstreamUnavailable(
                "No TLS connection to the upstream: its certificate or protocol fails."
            ) from error
        except OSError as error:
            raise UpstreamUnavailable(
                "No connection to the upstream can be made: it may be down. Try again later.", status=503
            ) from error
        if self._closed:
            connection.abort()
            raise _stopping()
        self._made += 1
        if not connection.closed:
            self._connections.add(connection)
        return connection

    def _lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._pool.discard(connection)
        if self._emptied is not None and not self._connections:
            self._emptied.set()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        newest = loop.time() - self._idle_seconds
        for connection in self._pool.expire(lambda idle: idle.idle_since <= newest):
            connection.abort()
        self._sweeper = loop.call_later(self._idle_seconds / 4, self._sweep) if self._pool.idle else None


class Lease:
    """One connection for one request."""

    __slots__ = ("_client", "_connection", "_held", "sent")

    def __init__(self, client: HttpClient, connection: Connection) -> None:
        self.sent = False
        """Whether any of a request was given to a connection that stood."""
        self._client = client
        self._connection: Connection | None = connection
        self._held = True

    def __repr__(self) -> str:
        return f"Lease({self._connection or ('sent' if self._held else 'ended')})"

    async def send(
        self, method: bytes, target: bytes, headers: tuple[tuple[bytes, bytes], ...], body: bytes = b""
    ) -> Answer:
        """Send a request; its answer, once the whole head is there. `host`, `accept-encoding` and `content-length`
        are set here; `headers` are sent as they are.

        On a kept-alive connection that ended before the first byte of an answer, the request is sent once more on a
        fresh one: the upstream closed it at that moment, as it may. Raises UpstreamUnavailable (502; 503 when no fresh
        connection can be made) and UpstreamTimeout (504). A cancelled call closes the connection.
        """
        connection = self._connection
        if connection is None:
            raise RuntimeError("a lease is for one request")
        try:
            head = self._client.address.head(method, target, headers, len(body))
        except ValueError:
            self.release()
            raise
        self._connection = None
        reused = connection.served > 0
        bodiless = method == b"HEAD"
        try:
            try:
                answer = self._start(connection, head, body, bodiless)
                await answer.head()
            except NothingCameBack:
                if not reused:
                    raise
                connection = await self._client.reconnect()
                answer = self._start(connection, head, body, bodiless)
                await answer.head()
        except BaseException:
            self._end(None)
            raise
        return answer

    def _start(self, connection: Connection, head: bytes, body: bytes, bodiless: bool) -> Answer:
        answer = connection.start(head, body, self._end, bodiless=bodiless)
        self.sent = True
        return answer

    def release(self) -> None:
        """Give the connection back unused. Does nothing once `send` was called."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._end(None if connection.closed else connection)

    def _end(self, connection: Connection | None) -> None:
        if self._held:
            self._held = False
            self._client.give_back(connection)


def _stopping() -> UpstreamUnavailable:
    return UpstreamUnavailable("The gateway is stopping. Try again later.", status=503)
