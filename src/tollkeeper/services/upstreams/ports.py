"""The seam to a server that runs models.

    lease = await client.acquire()        a connection, kept alive or fresh; nothing has been sent yet
    response = await lease.send(...)      the request is sent, and the head of the response has arrived
    while data := await response.read():  its body, as it arrives; or `each` piece in a callback, as it arrives

Each call may raise one of `rules.errors`: UpstreamUnavailable, UpstreamTimeout, UpstreamFailure; their `progress` says
how much of the request was sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from tollkeeper.wire.http.chunks import ChunkPath


class Shortcut(NamedTuple):
    """A way around the reader for content that arrives chunk by chunk: what `path` makes of a chunk is written. It is
    taken until `path` returns None for one."""

    path: ChunkPath
    write: Callable[[bytes], None]


class Response(Protocol):
    """A response after its head has arrived."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> dict[bytes, bytes]:
        """Headers by lower-case name."""

    async def read(self) -> bytes:
        """Content received since the last call, at least one byte; b"" at the proper end. Raises when the response
        broke off."""

    async def each(self, take: Callable[[bytes], bool], shortcut: Callable[[], Shortcut | None] | None = None) -> bool:
        """Call `take` with each piece as it arrives, unless it can go the way that `shortcut` returns, which is called
        after each piece. True: the response is complete. False: `take` returned False, or `stop` was called; call again
        for the rest. Raises as `read` does, and what `take` raises."""

    def stop(self) -> None:
        """Have a running `each` return False."""

    async def read_all(self, limit: int, hold: Callable[[int], None] | None = None) -> bytes | bytearray:
        """The whole body; a bytearray where it came in pieces. `hold` is called with the size received so far as it
        grows; what it raises aborts the response. Raises AnswerTooLong beyond `limit` bytes."""

    def abort(self) -> None:
        """Close the connection at once, which cancels the work behind it. Does nothing once the response has ended."""


class Lease(Protocol):
    """A connection to an upstream, reserved for one request until its response ends or `release` is called."""

    @property
    def sent(self) -> bool:
        """Whether any of a request was written to an open connection, so that the upstream may have received it."""

    async def send(
        self, method: bytes, target: bytes, headers: tuple[tuple[bytes, bytes], ...], body: bytes
    ) -> Response: ...

    def release(self) -> None:
        """Return the connection unused."""


class Client(Protocol):
    """A client of one upstream."""

    async def acquire(self, model: str = "") -> Lease:
        """A connection, kept alive or fresh. The timeouts are those of `model`, a canonical name, where it has some."""

    def redact(self, text: str, /) -> str:
        """A text of the upstream without the secrets of its sign-in."""

    def retire(self) -> None:
        """Keep no connection alive from now on. Those in use are closed when their responses end; requests that hold
        this client may still acquire."""

    async def close(self) -> None:
        """Abort all requests. Returns when every connection is closed."""
