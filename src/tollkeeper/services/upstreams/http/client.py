"""HTTP client of one upstream: a pool of kept-alive connections, and one retry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from msgspec import Struct

from tollkeeper.rules.errors import UpstreamFailure, UpstreamUnavailable
from tollkeeper.services.upstreams.http.bounds import ClientBounds, Timeouts
from tollkeeper.services.upstreams.http.connection import UpstreamConnection
from tollkeeper.services.upstreams.http.connector import Connector
from tollkeeper.services.upstreams.http.deadlines import Deadlines
from tollkeeper.services.upstreams.http.pool import Pool
from tollkeeper.services.upstreams.http.response import Response, UpstreamDisconnected
from tollkeeper.services.upstreams.redaction import Redactor
from tollkeeper.wire.http.address import Address
from tollkeeper.wire.http.proxies import Proxies


class Statistics(Struct, frozen=True):
    """Statistics of one client. Now: connections that are `open`, `idle`, `in_use`, and requests `waiting` for one.
    Since its start: connections `made` and `reused`, and requests `retried`."""

    open: int
    idle: int
    in_use: int
    waiting: int
    made: int
    reused: int
    retried: int


class HttpClient:
    """A client of one upstream with a bounded pool of connections. Call `close` at the end."""

    def __init__(
        self,
        base_url: str,
        *,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        timeouts: Timeouts | None = None,
        model_timeouts: Mapping[str, Timeouts] | None = None,
        ca_file: str | None = None,
        proxies: Proxies | None = None,
        is_paid: bool = False,
        redact: Callable[[str], str] | None = None,
        limits: ClientBounds | None = None,
        max_connections: int = 16_384,
        idle_seconds: float = 60,
    ) -> None:
        """`base_url` and `headers` are as in Address, `ca_file` as in `tls_context`. `model_timeouts` replace
        `timeouts` for requests for these models. `is_paid`: a request that may have been served must not be sent
        again. `redact` takes secrets out of texts of the upstream. An idle connection is closed after `idle_seconds`,
        or up to a quarter later. Raises ValueError for a bad address."""
        self._connector = Connector(base_url, headers, ca_file, proxies or Proxies({}))
        self._timeouts = timeouts or Timeouts()
        self._model_timeouts = model_timeouts or {}
        self.is_paid = is_paid
        self.redact = redact or Redactor(())
        self._limits = limits or ClientBounds()
        self._idle_seconds = idle_seconds
        self._pool: Pool[UpstreamConnection] = Pool(max_connections)
        self._connections: set[UpstreamConnection] = set()
        self._deadlines = Deadlines(self._connections)
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False
        self._retired = False
        self._emptied: asyncio.Event | None = None
        self._made = 0
        self._reused = 0
        self._retried = 0

    def __repr__(self) -> str:
        return f"HttpClient({self._connector.address!r}, {self._pool!r})"

    async def acquire(self, model: str = "") -> Lease:
        """Reserve a connection, kept alive or fresh; waits in line when all are in use. End it by `send` or `release`.
        The timeouts are those of `model`, a canonical name, where it has some.

        Raises UpstreamUnavailable (503) when no connection can be made, UpstreamTimeout (504) when that takes too long.
        """
        if self._closed:
            raise _stopping()
        timeouts = self._model_timeouts.get(model, self._timeouts)
        connection = self._pool.take_idle() or await self._pool.take()
        # A connection handed over by another request may have ended since.
        if connection is not None and not connection.closed:
            self._reused += 1
            return Lease(self, connection, timeouts)
        try:
            return Lease(self, await self._connect(timeouts), timeouts)
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

    def retire(self) -> None:
        """Keep no connection alive from now on: idle ones are closed at once, those in use when their responses end.
        Requests that hold this client may still acquire."""
        self._retired = True
        for connection in self._pool.expire(lambda _: True):
            connection.abort()

    async def close(self) -> None:
        """Abort all requests, those waiting in line included. Returns when every socket is closed."""
        self._closed = True
        self._pool.refuse(_stopping)
        self._deadlines.close()
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
        return self._connector.address

    def give_back(self, connection: UpstreamConnection | None) -> None:
        """Take the connection of an ended lease back; None: it cannot be used again."""
        if connection is not None and self._retired:
            connection.abort()
            connection = None
        if connection is not None:
            connection.idle_since = connection.loop.time()
            if self._sweeper is None:
                self._sweeper = connection.loop.call_later(self._idle_seconds, self._sweep)
        self._pool.give(connection)

    async def reconnect(self, timeouts: Timeouts) -> UpstreamConnection:
        """Make a fresh connection in place of one that has ended."""
        self._retried += 1
        return await self._connect(timeouts)

    # ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _connect(self, timeouts: Timeouts) -> UpstreamConnection:
        make = partial(UpstreamConnection, asyncio.get_running_loop(), self._limits, self._lost, self._deadlines)
        connection = await self._connector.connect(make, timeouts.connect)
        if self._closed:
            connection.abort()
            raise _stopping()
        self._made += 1
        if not connection.closed:
            self._connections.add(connection)
        return connection

    def _lost(self, connection: UpstreamConnection) -> None:
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
    """A connection reserved for one request."""

    __slots__ = ("_client", "_connection", "_held", "_timeouts", "sent")

    def __init__(self, client: HttpClient, connection: UpstreamConnection, timeouts: Timeouts) -> None:
        self.sent = False
        """Whether any of a request was written to an open connection."""
        self._client = client
        self._connection: UpstreamConnection | None = connection
        self._timeouts = timeouts
        self._held = True

    def __repr__(self) -> str:
        return f"Lease({self._connection or ('sent' if self._held else 'ended')})"

    async def send(
        self, method: bytes, target: bytes, headers: tuple[tuple[bytes, bytes], ...], body: bytes = b""
    ) -> Response:
        """Send a request, and return its response once the whole head has arrived. `host`, `accept-encoding` and
        `content-length` are set here; `headers` are sent as they are.

        When the connection ends before the first byte of a response, the request is sent once more on a fresh one if
        that is safe. It is where the upstream cannot have the whole request, and for an upstream that is not paid also
        where the connection was a kept-alive one, since the upstream may close that at any moment. One that is paid
        may have served a whole request, and charged for it (RFC 9110, 9.2.2; RFC 9112, 9.3.1).

        Raises UpstreamUnavailable (502; 503 when no fresh connection can be made) and UpstreamTimeout (504); `progress`
        is that of the attempt that got further. Cancelling the call closes the connection.
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
                if reused and self._client.is_paid:
                    connection.check_open()
                response = self._start(connection, head, body, bodiless)
                await response.head()
            except UpstreamDisconnected as ended:
                if ended.progress == "whole" and (self._client.is_paid or not reused):
                    raise
                response = await self._send_again(head, body, bodiless, ended)
        except BaseException:
            self._end(None)
            raise
        return response

    async def _send_again(self, head: bytes, body: bytes, bodiless: bool, ended: UpstreamDisconnected) -> Response:
        try:
            connection = await self._client.reconnect(self._timeouts)
            response = self._start(connection, head, body, bodiless)
            await response.head()
        except UpstreamFailure as error:
            if ended.progress == "whole" or error.progress == "nothing":
                error.progress = ended.progress
            raise
        return response

    def _start(self, connection: UpstreamConnection, head: bytes, body: bytes, bodiless: bool) -> Response:
        response = connection.start(head, body, self._end, self._timeouts, bodiless=bodiless)
        self.sent = True
        return response

    def release(self) -> None:
        """Return the connection unused. Does nothing once `send` was called."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._end(None if connection.closed else connection)

    def _end(self, connection: UpstreamConnection | None) -> None:
        if self._held:
            self._held = False
            self._client.give_back(connection)


def _stopping() -> UpstreamUnavailable:
    return UpstreamUnavailable("The gateway is stopping. Try again later.", status=503, progress="nothing")
