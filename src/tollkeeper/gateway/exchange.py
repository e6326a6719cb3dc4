"""One request and its answer, as the data plane sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from tollkeeper.gateway.answers import EVENT_STREAM, Headers, error_answer
from tollkeeper.gateway.protocol import Connection
from tollkeeper.rules.errors import (
    GatewayError,
    InvalidKey,
    RequestTimeout,
    RequestTooLarge,
    ServerOverloaded,
)
from tollkeeper.services.cookies import caller_by_cookie
from tollkeeper.services.directory import Caller, Directory
from tollkeeper.services.runs import Run
from tollkeeper.wire.openai import shape_error
from tollkeeper.wire.sse import as_event

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_PIECE = 262_144
LINGER = 1.0
"""Seconds that an answer is read on after its client left, once the finish reason was relayed."""


class ClientGone(Exception):
    """The client left before its request was whole; nobody waits for an answer."""


class Bodies:
    """Bytes of request bodies in memory, bounded in all."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def __repr__(self) -> str:
        return f"Bodies({self.held} of {self.limit} bytes)"

    def take(self, size: int) -> None:
        if self.held + size > self.limit:
            raise ServerOverloaded("Too many large requests are in memory. Try again soon.", retry_after=1)
        self.held += size

    def give_back(self, size: int) -> None:
        self.held -= size


class Exchange:
    """`headers` are by lower-case name; `path` no longer holds a key; `secret_in_path` is the one it held.

    `created_at` is milliseconds since the epoch by `now`, the moment in `request_id`, which `mint` makes.
    `body_timeout`: seconds for the whole body. `stall_timeout`: seconds that a client may go without reading before it
    is cut off.
    """

    def __init__(
        self,
        scope: Mapping[str, Any],
        receive: Receive,
        send: Send,
        *,
        mint: Callable[[int], str],
        now: Callable[[], int],
        headers: Mapping[bytes, bytes],
        secret_in_path: str | None,
        extra: Headers,
        body_timeout: float,
        stall_timeout: float,
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._connection, self._cycle = cast(
            "tuple[Connection, RequestResponseCycle]", scope["extensions"]["tollkeeper"]
        )
        self._secret_in_path = secret_in_path
        self._extra = extra
        self._body_timeout = body_timeout
        self._stall_timeout = stall_timeout
        self._deadline: float | None = None
        self._streaming = False
        self._body_bytes = 0
        self._bodies: Bodies | None = None
        self._task = cast("asyncio.Task[None]", asyncio.current_task())
        self._last_call: asyncio.TimerHandle | None = None
        self.headers = headers
        self._mint = mint
        self._now = now
        self.created_at = now()
        self.request_id = mint(self.created_at)
        self.started = False
        self.gone = False
        self.run: Run | None = None
        self.reads_on = False
        """Set once the finish reason was relayed: a client that leaves then does not cancel at once."""
        self.stays = False
        """Set when the answer is to be read to its end whoever leaves: it is charged anyway."""
        self.cut: GatewayError | None = None
        """Why the operator ended this exchange."""

    def __repr__(self) -> str:
        return f"Exchange({self.request_id}, started={self.started}, gone={self.gone}, cut={self.cut!r})"

    # Life

    def watch(self) -> None:
        """The body is there; from now on this task is cancelled when the client goes away."""
        self._connection.on_lost = self._lost
        # uvicorn stops reading at each large piece of a body, and a connection that is not read never tells of its end.
        self._connection.flow.resume_reading()

    def arrive(self) -> None:
        """The request is whole, and of this moment: what limits count of it, they count from now on."""
        now = self._now()
        if now != self.created_at:
            self.created_at = now
            self.request_id = self._mint(now)

    def close(self) -> None:
        """The exchange is over; a client that leaves from now on is nobody's business."""
        if self._connection.on_lost == self._lost:
            self._connection.on_lost = None
        if self._last_call is not None:
            self._last_call.cancel()
        if self._bodies is not None:
            self._bodies.give_back(self._body_bytes)

    def end_with(self, error: GatewayError) -> None:
        """End it from outside: the client is told `error`."""
        if self.cut is None:
            self.cut = error
            self._task.cancel()

    def _lost(self) -> None:
        self.gone = True
        if self.stays:
            return
        if self.reads_on:
            self._last_call = asyncio.get_running_loop().call_later(LINGER, self._task.cancel)
        else:
            self._task.cancel()

    # The request

    def secret(self) -> str | None:
        """The one key that the request carries, if it does. Raises InvalidKey when it carries two that differ."""
        found: set[str] = set()
        if self._secret_in_path is not None:
            found.add(self._secret_in_path)
        for name, value in self._scope["headers"]:
            if name == b"authorization":
                scheme, _, secret = value.decode("latin-1").partition(" ")
                if scheme.lower() != "bearer":
                    raise InvalidKey("The Authorization header is not of the form 'Bearer <key>'.")
                found.add(secret.strip())
            elif name == b"x-api-key":
                found.add(value.decode("latin-1").strip())
        if len(found) > 1:
            raise InvalidKey("The request carries two keys that differ. Send one.")
        return found.pop() if found else None

    def caller(self, accounts: Directory) -> Caller:
        """Who asks: by a key or, where there is none, by the cookie of a session. Raises InvalidKey, NotSignedIn,
        AccountSuspended, Forbidden."""
        secret = self.secret()
        if secret is not None:
            return accounts.identify(secret)
        caller = caller_by_cookie(accounts, self._scope["method"], self._scope["headers"], guarded=True)
        if caller is None:
            raise InvalidKey("No key was sent. Send 'Authorization: Bearer <key>'.")
        return caller

    async def receive(self) -> Message:
        """The next piece of the body; all of it must come before its deadline. Raises RequestTimeout."""
        if not self._cycle.more_body:
            return await self._receive()  # it is there
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + self._body_timeout
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError:
            raise RequestTimeout("The body of the request did not come in time. Send it whole.") from None

    async def body(self, *, limit: int, bodies: Bodies) -> bytes:
        """The whole body, kept in account until the exchange is over.

        Raises RequestTooLarge, RequestTimeout, ServerOverloaded, ClientGone.
        """
        declared = self.headers.get(b"content-length")
        if declared is not None and int(declared) > limit and self.headers.get(b"expect"):
            raise _too_large(limit)  # it asks before it sends
        self._bodies = bodies
        parts: list[bytes] = []
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            part = message["body"]
            if self._body_bytes + len(part) > limit:
                await self._drain(limit)
                raise _too_large(limit)
            self.hold(len(part))
            parts.append(part)
            if not message["more_body"]:
                return parts[0] if len(parts) == 1 else b"".join(parts)

    def hold(self, size: int) -> None:
        """Account for `size` more bytes that this exchange keeps in memory. Raises ServerOverloaded."""
        if self._bodies is not None and size > 0:
            self._bodies.take(size)
            self._body_bytes += size

    async def _drain(self, limit: int) -> None:
        """Read on a while and drop it: a client that is cut off while it writes never sees our answer."""
        dropped = 0
        while dropped < 2 * limit:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            dropped += len(message["body"])
            if not message["more_body"]:
                return

    # The answer

    async def forward(self, message: Message) -> None:
        """Pass on an ASGI message of the control plane, with our headers in its head."""
        if message["type"] == "http.response.start":
            self.started = True
            added = [(b"x-request-id", self.request_id.encode()), *self._extra]
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await self._pass(message)

    async def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """Send one whole answer."""
        self.started = True
        head = [*headers, (b"content-length", b"%d" % len(body)), (b"x-request-id", self.request_id.encode())]
        await self._send({"type": "http.response.start", "status": status, "headers": head + self._extra})
        await self._write(body, more=False)

    async def stream(self, events: bytes, headers: Headers) -> None:
        """Send events, and the head of the answer before the first."""
        if not self.started:
            self.started = self._streaming = True
            head = [
                (b"content-type", EVENT_STREAM),
                (b"cache-control", b"no-cache"),
                (b"x-accel-buffering", b"no"),  # nginx would gather events otherwise
                (b"x-request-id", self.request_id.encode()),
                *headers,
            ]
            await self._send({"type": "http.response.start", "status": 200, "headers": head + self._extra})
        await self._write(events, more=True)

    async def end_stream(self, last: bytes) -> None:
        await self._write(last, more=False)

    async def fail(self, error: GatewayError) -> None:
        """Tell the client of an error, in whichever way is left."""
        if self.gone:
            return
        if self._streaming:
            await self.end_stream(as_event(shape_error(error)))
        elif self.started:
            self._connection.abort()  # half an answer that was promised whole: only a broken connection says so
        else:
            status, headers, body = error_answer(error, self.request_id)
            self.started = True
            if isinstance(error, RequestTimeout | RequestTooLarge):
                headers.append((b"connection", b"close"))
            await self._send({"type": "http.response.start", "status": status, "headers": headers + self._extra})
            await self._write(body, more=False)

    async def _write(self, body: bytes, *, more: bool) -> None:
        """Write in pieces, each when the client has taken enough of those before."""
        for start in range(0, len(body) - _PIECE, _PIECE):
            await self._write_piece(body[start : start + _PIECE], more=True)
        last = (len(body) - 1) // _PIECE * _PIECE if body else 0
        await self._write_piece(body[last:] if last else body, more=more)

    async def _write_piece(self, body: bytes, *, more: bool) -> None:
        await self._pass({"type": "http.response.body", "body": body, "more_body": more})

    async def _pass(self, message: Message) -> None:
        """Send it when the client has taken enough of what went before; one that takes nothing for long is cut off."""
        if not self._connection.flow.write_paused:
            await self._send(message)
            return
        try:
            async with asyncio.timeout(self._stall_timeout):
                await self._send(message)
        except TimeoutError:
            self.gone = True
            self._connection.abort()
            self._task.cancel()  # as if it had left
            await asyncio.sleep(0)


def _too_large(limit: int) -> GatewayError:
    return RequestTooLarge(f"The body is over {limit} bytes. Send a smaller one.")
