"""The body of a request, as it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from io import BytesIO

from tollkeeper.gateway.http.channel import Channel
from tollkeeper.gateway.http.flow_control import BODY_UNREAD
from tollkeeper.gateway.memory import MemoryBudget
from tollkeeper.rules.errors import GatewayError, RequestTimeout, RequestTooLarge
from tollkeeper.wire.http.content_coding import Decoder, decoder_of

_DECODED_AT_ONCE = 262_144
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ClientGone(Exception):
    """The client disconnected before its request was complete; nobody waits for a response."""


class RequestBody:
    """The body of one request. `headers` are the request's; `more` is set while some of it has not arrived,
    `unanswered` while no response has begun, so that `100 Continue` may be sent."""

    __slots__ = (
        "_budget",
        "_channel",
        "_deadline",
        "_decoder",
        "_dropped",
        "_fault",
        "_held",
        "_parts",
        "_unread",
        "_version",
        "_waiter",
        "headers",
        "more",
        "unanswered",
    )

    def __init__(self, channel: Channel, version: str, headers: Mapping[bytes, bytes]) -> None:
        self._channel = channel
        self._version = version
        self.headers = headers
        self._parts: list[bytes] = []
        self._unread = 0
        self._fault: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._deadline: float | None = None
        self._decoder: Decoder | None = None
        self._budget: MemoryBudget | None = None
        self._held = 0
        self._dropped = False
        """Whether the body is discarded unread."""
        self.more = True
        self.unanswered = True

    def __repr__(self) -> str:
        return f"RequestBody({self._unread} bytes unread, more={self.more}, {self._held} held)"

    # Called by the connection

    def feed(self, data: bytes) -> int:
        """Add a piece of the body. Returns how many bytes are unread."""
        if self._dropped:
            return 0
        self._parts.append(data)
        self._unread += len(data)
        if self._waiter is not None:
            self._wake()
        return self._unread

    def feed_end(self) -> None:
        """Mark the body as complete."""
        self.more = False
        if self._waiter is not None:
            self._wake()

    def fail(self, error: Exception) -> None:
        """Fail the body: the rest of it will not arrive."""
        if self._fault is None:
            self._fault = error
        self._wake()

    # Reading

    async def read(self) -> bytes:
        """Return what arrived since the last call, b"" at the end. Raises BadRequest where the body does not match its
        Content-Encoding, RequestTimeout, ClientGone."""
        if self._decoder is not None:
            return await self._read_decoded(self._decoder)
        return await self._read_sent()

    @property
    def has_more(self) -> bool:
        """Whether `read` may return more."""
        return self.more or self._decoder is not None

    def decode(self, codings: list[bytes]) -> bool:
        """Decode the body by its Content-Encoding headers from now on. Returns whether there is anything to decode.
        Raises UnsupportedCoding."""
        self._decoder = decoder_of(",".join(coding.decode("latin-1") for coding in codings))
        return self._decoder is not None

    async def read_all(self, limit: int, budget: MemoryBudget) -> bytes:
        """Read the whole body; it counts against `budget` until the body is closed.

        Raises BadRequest, RequestTooLarge, RequestTimeout, ServerOverloaded, ClientGone.
        """
        declared = self.headers.get(b"content-length")
        if declared is not None and b"expect" in self.headers and int(declared) > limit:
            raise _too_large(limit)  # the client waits for permission before it sends
        self._budget = budget
        if not self.more and len(self._parts) == 1 and self._decoder is None and len(self._parts[0]) <= limit:
            first = self._parts.pop()  # all of it has come in one piece, as mostly: that saves four coroutines
            self._unread = 0
            self.hold(len(first))
            return first
        first, whole = b"", None
        while part := await self.read():
            if self._held + len(part) > limit:
                await self._skip(limit)
                raise _too_large(limit)
            self.hold(len(part))
            if not first:
                first = part
            else:
                if whole is None:
                    # It grows as the body arrives, and returns its content without a copy: joining 20 MB at the end
                    # would block the event loop for up to 20 ms.
                    whole = BytesIO()
                    whole.write(first)
                whole.write(part)
        return first if whole is None else whole.getvalue()

    def hold(self, size: int) -> None:
        """Account for `size` more bytes that are kept in memory for this request. Raises ServerOverloaded."""
        if self._budget is not None and size > 0:
            self._budget.take(size)
            self._held += size

    def drop(self) -> None:
        """Discard the rest of the body: nobody reads it from now on."""
        self._dropped = True
        self._parts.clear()
        if self._waiter is not None:
            self._wake()

    def close(self) -> None:
        """Release the memory that the body holds."""
        if self._budget is not None:
            self._budget.give_back(self._held)
            self._held = 0

    async def changed(self) -> None:
        """Wait for the next event: a piece, the end, a disconnect, or that the body is discarded."""
        self._waiter = self._channel.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _read_decoded(self, decoder: Decoder) -> bytes:
        while True:
            # A thread for each piece costs more than the first pieces do.
            offload = decoder.decoded >= _DECODED_AT_ONCE
            piece = await asyncio.to_thread(decoder.take) if offload else decoder.take()
            if piece is not None:
                return piece
            sent = await self._read_sent()
            if not sent:
                decoder.finish()
                self._decoder = None
                return b""
            decoder.feed(sent)

    async def _read_sent(self) -> bytes:
        if not self._parts and self.more:
            await self._await_piece()
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._unread = 0
        return data

    async def _await_piece(self) -> None:
        channel = self._channel
        if self._deadline is None:
            self._deadline = channel.loop.time() + channel.server.body_timeout
            expects_continue = self._version == "1.1" and self.headers.get(b"expect", b"").lower() == b"100-continue"
            if expects_continue and self.unanswered and self._fault is None:  # HTTP/1.0 has no interim responses
                channel.write(_CONTINUE)
        try:
            async with asyncio.timeout_at(self._deadline):
                while not self._parts and self.more:
                    if self._fault is not None:
                        raise self._fault
                    channel.flow.resume_reading(BODY_UNREAD)
                    await self.changed()
        except TimeoutError:
            raise RequestTimeout("The body of the request did not come in time. Send it whole.") from None

    async def _skip(self, limit: int) -> None:
        """Read on for a while and discard it: a client that is cut off while it writes never sees our response."""
        skipped = 0
        while skipped < 2 * limit and (part := await self._read_sent()):
            skipped += len(part)


def _too_large(limit: int) -> GatewayError:
    return RequestTooLarge(f"The body is over {limit} bytes. Send a smaller one.")
