"""One client of a load: it sends one request at a time, and opens a connection when it has none."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Protocol

from tollkeeper.cli.failure import Failure
from tollkeeper.cli.load.connection import LoadConnection
from tollkeeper.cli.load.measurements import Measurements
from tollkeeper.cli.load.plan import CHAT_PATH, LoadPlan
from tollkeeper.wire.http.address import Address

CONNECT_SECONDS = 10.0
PAUSE_SECONDS = 0.1
"""Pause of a client after a failed connect: without it, a server that is down would fail 10,000 requests a second."""

# The first match counts; each type is a subclass of OSError.
_REASONS: tuple[tuple[type[OSError], str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (TimeoutError, f"no connection within {CONNECT_SECONDS:g} s"),
    (socket.gaierror, "unknown host"),
    (ssl.SSLCertVerificationError, "untrusted certificate"),
    (ssl.SSLError, "TLS failed"),
    (OSError, "no connection"),
)


def connect_error(error: OSError) -> str:
    """Describe why a connection could not be opened."""
    reason = next(reason for kind, reason in _REASONS if isinstance(error, kind))
    return f"{reason}: {error.strerror}" if reason == _REASONS[-1][1] and error.strerror else reason


class Connector:
    """Opens connections to the gateway, all to the same one of its host's addresses."""

    def __init__(self, url: str) -> None:
        """Raises ValueError unless `url` is the HTTP or HTTPS address of a server."""
        self.address = Address(url)
        self._tls = ssl.create_default_context() if self.address.secure else None
        self._host = self.address.host

    async def choose_address(self) -> None:
        """Choose the first address of the host that accepts a connection. Raises Failure when none does."""
        loop, address = asyncio.get_running_loop(), self.address
        error: OSError | None = None
        try:
            found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except OSError as failed:
            error, found = failed, []
        for *_, socket_address in found:
            self._host = str(socket_address[0])
            try:
                transport = await self.connect(asyncio.Protocol)
            except OSError as failed:
                error = failed
            else:
                transport.abort()
                return
        assert error is not None
        raise Failure(f"cannot connect to {address.url}: {connect_error(error)}") from None

    async def connect(self, protocol: Callable[[], asyncio.Protocol]) -> asyncio.Transport:
        """Open a connection. Raises OSError."""
        name = self.address.host if self._tls is not None else None
        opening = asyncio.get_running_loop().create_connection(
            protocol, self._host, self.address.port, ssl=self._tls, server_hostname=name
        )
        transport, _ = await asyncio.wait_for(opening, CONNECT_SECONDS)
        return transport


class OnIdle(Protocol):
    """Callback after each request of a client, with the seconds to pause before the next one."""

    def __call__(self, client: LoadClient, pause: float = 0) -> None: ...


class LoadClient:
    """Sends requests, one at a time; calls `on_idle` when it can take the next one."""

    def __init__(
        self, connector: Connector, plan: LoadPlan, key: str | None, measurements: Measurements, on_idle: OnIdle
    ) -> None:
        self._connector = connector
        self._request = encode_request(connector.address, plan.body, key)
        self._measurements = measurements
        self._on_idle = partial(on_idle, self)
        self._new_connection = partial(LoadConnection, measurements, self._on_idle, stream=plan.stream)
        self._connection: LoadConnection | None = None
        self._opening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open a connection. Raises OSError."""
        connection = self._new_connection()
        await self._connector.connect(lambda: connection)
        self._connection = connection

    def send(self, began: float, now: float) -> None:
        """Send a request. Its latency counts from `began`, and includes the time to connect where that is needed."""
        connection = self._connection
        if connection is None or connection.closed:
            self._opening = asyncio.create_task(self._open_and_send(began))
        else:
            connection.send(self._request, began, now)

    def check_timeout(self, since: float) -> None:
        """Fail the current request if nothing has arrived since then."""
        if self._connection is not None:
            self._connection.check_timeout(since)

    def abort(self) -> None:
        """Close the connection. A request in progress is not counted."""
        if self._opening is not None:
            self._opening.cancel()
        if self._connection is not None:
            self._connection.abort()

    async def _open_and_send(self, began: float) -> None:
        try:
            await self.open()
        except OSError as error:
            self._measurements.add_failure(connect_error(error), perf_counter())
            self._on_idle(PAUSE_SECONDS)
        else:
            assert self._connection is not None
            self._connection.send(self._request, began, perf_counter())


def encode_request(address: Address, body: bytes, key: str | None) -> bytes:
    """Encode a request as bytes. Raises ValueError if the key is not ASCII."""
    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"application/json"),)
    if key is not None:
        headers += ((b"authorization", b"Bearer " + key.encode("ascii")),)
    path = CHAT_PATH if address.url.endswith("/v1") else b"/v1" + CHAT_PATH
    return address.head(b"POST", path, headers, len(body)) + body
