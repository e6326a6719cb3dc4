"""The seam to a server that runs models.

    lease = await client.acquire()        a connection, kept alive or fresh; nothing has been sent yet
    answer = await lease.send(...)        the request is out, the head of the answer is in
    while data := await answer.read():    its body, as it comes; or `each` of its pieces, at the moment it comes

Each call raises one of `rules.errors`: UpstreamUnavailable, UpstreamTimeout, UpstreamFailure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Answer(Protocol):
    """An answer whose head has come."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> dict[bytes, bytes]:
        """By lower-case name."""

    async def read(self) -> bytes:
        """What has come since the last call, at least one byte; b"" at the proper end. Raises when it broke off."""

    async def each(self, take: Callable[[bytes], bool]) -> bool:
        """Give each piece to `take` at the moment that it comes. True: that was all. False: `take` gave False; call
        again for the rest. Raises as `read` does, and what `take` raises."""

    async def read_all(self, limit: int) -> bytes:
        """The whole body. Raises UpstreamFailure when it is larger than `limit` bytes."""

    def abort(self) -> None:
        """Close the connection at once, which cancels the work behind it. Does nothing once the answer has ended."""


class Lease(Protocol):
    """A connection to an upstream, ours until the answer ended or it is given back."""

    @property
    def sent(self) -> bool:
        """Whether any of a request was given to a connection that stood: then the upstream may have it."""

    async def send(
        self, method: bytes, target: bytes, headers: tuple[tuple[bytes, bytes], ...], body: bytes
    ) -> Answer: ...

    def release(self) -> None:
        """Give it back unused."""


class Client(Protocol):
    """One upstream."""

    async def acquire(self) -> Lease: ...
