"""One client: it has a key, asks one thing at a time, and opens a connection when it has none."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Protocol

from tollkeeper.cli.failure import Failure
from tollkeeper.cli.load.connection import Connection
from tollkeeper.cli.load.job import TARGET, Job
from tollkeeper.cli.load.tally import Tally
from tollkeeper.services.upstream.address import Address

CONNECT_SECONDS = 10.0
PAUSE_SECONDS = 0.1
"""A client that found nobody waits so long: else a server that is gone would fail ten thousand requests a second."""

# The first that fits; each is an OSError.
_WORDS: tuple[tuple[type[OSError], str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (TimeoutError, f"no connection within {CONNECT_SECONDS:g} s"),
    (socket.gaierror, "no such host"),
    (ssl.SSLCertVerificationError, "a certificate that is not trusted"),
    (ssl.SSLError, "no TLS"),
    (OSError, "no connection"),
)


def in_words(error: OSError) -> str:
    """Why there is no connection."""
    words = next(words for kind, words in _WORDS if isinstance(error, kind))
    return f"{words}: {error.strerror}" if words == _WORDS[-1][1] and error.strerror else words


class Place:
    """Where connections go: one address of the gateway's name, the first of them that takes one."""

    def __init__(self, url: str) -> None:
        """Raises ValueError for what is not the http(s) address of a server."""
        self.address = Address(url)
        self._tls = ssl.create_default_context() if self.address.secure else None
        self._host = self.address.host

    async def find(self) -> None:
        """Raises Failure when nobody is there."""
        loop, address = asyncio.get_running_loop(), self.address
        error: OSError | None = None
        try:
            found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except OSError as failed:
            error, found = failed, []
        for *_, place in found:
            self._host = str(place[0])
            try:
                transport = await self.connect(asyncio.Protocol)
            except OSError as failed:
                error = failed
            else:
                transport.abort()
                return
        assert error is not None
        raise Failure(f"nobody answers at {address.url}: {in_words(error)}") from None

    async def connect(self, protocol: Callable[[], asyncio.Protocol]) -> asyncio.Transport:
        """Raises OSError."""
        name = self.address.host if self._tls is not None else None
        making = asyncio.get_running_loop().create_connection(
            protocol, self._host, self.address.port, ssl=self._tls, server_hostname=name
        )
        transport, _ = await asyncio.wait_for(making, CONNECT_SECONDS)
        return transport


class Free(Protocol):
    """To be told of each request that has ended, and for how long the client pauses."""

    def __call__(self, client: Client, pause: float = 0) -> None: ...


class Client:
    """One that asks one thing at a time, again and again; `free` is told when it can."""

    def __init__(self, place: Place, job: Job, key: str | None, tally: Tally, free: Free) -> None:
        self._place = place
        self._request = request(place.address, job.body, key)
        self._tally = tally
        self._free = partial(free, self)
        self._connect = partial(Connection, tally, self._free, streams=job.stream)
        self._connection: Connection | None = None
        self._opening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Have a connection. Raises OSError."""
        connection = self._connect()
        await self._place.connect(lambda: connection)
        self._connection = connection

    def send(self, began: float, now: float) -> None:
        """A request whose latency counts from `began`; with it the time to connect, where there is need to."""
        connection = self._connection
        if connection is None or connection.closed:
            self._opening = asyncio.create_task(self._open_and_send(began))
        else:
            connection.send(self._request, began, now)

    def watch(self, since: float) -> None:
        if self._connection is not None:
            self._connection.watch(since)

    def give_up(self) -> None:
        """Close; what is under way counts as nothing."""
        if self._opening is not None:
            self._opening.cancel()
        if self._connection is not None:
            self._connection.give_up()

    async def _open_and_send(self, began: float) -> None:
        try:
            await self.open()
        except OSError as error:
            self._tally.fault(in_words(error), perf_counter())
            self._free(PAUSE_SECONDS)
        else:
            assert self._connection is not None
            self._connection.send(self._request, began, perf_counter())


def request(address: Address, body: bytes, key: str | None) -> bytes:
    """The bytes of a request. Raises ValueError for a key that cannot be in a header."""
    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"application/json"),)
    if key is not None:
        headers += ((b"authorization", b"Bearer " + key.encode("ascii")),)
    target = TARGET if address.url.endswith("/v1") else b"/v1" + TARGET
    return address.head(b"POST", target, headers, len(body)) + body
