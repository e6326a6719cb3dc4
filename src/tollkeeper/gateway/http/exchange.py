"""One request and its response."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hmac import compare_digest

from tollkeeper.gateway.http.channel import Channel, KnownKey
from tollkeeper.gateway.http.flow_control import BODY_UNREAD
from tollkeeper.gateway.http.request_body import ClientGone, RequestBody
from tollkeeper.gateway.http.responses import Headers, error_response, response_head
from tollkeeper.rules.errors import GatewayError, RequestTimeout, RequestTooLarge
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.services.requests.dispatched import DispatchedRequest
from tollkeeper.services.requests.idempotency import RunningClaim
from tollkeeper.wire.request import Endpoint

_PIECE = 262_144
LINGER = 1.0
"""Seconds for which a response is read on after its client disconnected, once the finish reason was relayed."""
MAX_KEPT_KEY = 256
"""The longest key, in characters, of which a connection keeps the digest."""
_BODILESS = frozenset({204, 304})


def _same(one: str, other: str) -> bool:
    """Whether two keys are the same, in constant time: other clients may come by the same proxy."""
    return compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def _nobody() -> None:
    """Nobody is to be interrupted."""


class Exchange:
    """One request and its response.

    `path` is decoded, `raw_path` as received; `headers` are by lower-case name, `all_headers` in their order with
    repeated ones. The router sets `secret_in_path`, the key that the path held, and `extra`, headers for any response.
    `created_at` is milliseconds since the epoch, the moment in `request_id`.
    """

    __slots__ = (
        "_channel",
        "_chunked",
        "_flow",
        "_last_call",
        "_request_id",
        "_watched",
        "all_headers",
        "body",
        "caller",
        "claim",
        "complete",
        "created_at",
        "cut",
        "dialect",
        "disconnected",
        "endpoint",
        "error_event",
        "extra",
        "finish_on_disconnect",
        "headers",
        "interrupt",
        "keep_alive",
        "linger_on_disconnect",
        "method",
        "model",
        "path",
        "query",
        "raw_path",
        "run",
        "secret_in_path",
        "started",
        "task",
        "version",
    )

    task: asyncio.Task[None]
    """The task that handles the exchange, set by the connection."""
    endpoint: Endpoint
    """The requested endpoint of `dialect`; the router sets both where the path is relayed."""

    def __init__(
        self,
        channel: Channel,
        method: str,
        path: str,
        raw_path: bytes,
        query: bytes,
        headers: Headers,
        by_name: dict[bytes, bytes],
        version: str,
        *,
        keep_alive: bool,
    ) -> None:
        self._channel = channel
        self._flow = channel.flow
        self.method = method
        self.path = path
        self.raw_path = raw_path
        self.query = query
        self.all_headers = headers
        self.headers = by_name
        self.version = version
        self.keep_alive = keep_alive
        self.secret_in_path: str | None = None
        self.extra: Headers = []
        self.body = RequestBody(channel, version, by_name)
        self._watched = False
        self._chunked = False
        self._last_call: asyncio.TimerHandle | None = None
        self._request_id: str | None = None
        self.created_at = channel.server.now()
        self.dialect = channel.server.dialect
        """The API that the client speaks, which also shapes its errors."""
        self.started = False
        """Whether the head of the response was written."""
        self.complete = False
        """Whether all of the response was written."""
        self.error_event: Callable[[GatewayError], bytes] | None = None
        """Format of an error inside content that has begun; None where the content cannot carry one."""
        self.disconnected = False
        self.caller: Caller | None = None
        """Whose key or session it carries, valid or not; None: nobody's that is known."""
        self.model = ""
        """The model that it asks for, by the client's name; "": none, or it is not known yet."""
        self.run: DispatchedRequest | None = None
        self.claim: RunningClaim | None = None
        """The claim to its idempotency key; None: it has no key."""
        self.linger_on_disconnect = False
        """Set once the finish reason was relayed: the request then goes on for `LINGER` after a disconnect."""
        self.finish_on_disconnect = False
        """Set when the response is read to its end even after a disconnect, because it is charged anyway."""
        self.interrupt: Callable[[], None] = _nobody
        """Called when the client disconnects, or lags so far behind that whoever pushes should wait for `drained`."""
        self.cut: GatewayError | None = None
        """The error with which this exchange was ended from outside."""

    def __repr__(self) -> str:
        return (
            f"Exchange({self.request_id}, started={self.started}, disconnected={self.disconnected}, cut={self.cut!r})"
        )

    # Life

    @property
    def request_id(self) -> str:
        if self._request_id is None:
            self._request_id = self._channel.server.new_request_id(self.created_at)
        return self._request_id

    def digest_of(self, key: str, digest: Callable[[str], bytes]) -> bytes:
        """The digest of the key that the request carries. The connection keeps the last one, since most send a single
        key and a digest takes 11,000 instructions. So the key stays in memory for as long as the connection, as it may
        in its buffers, unless it is so long that many connections would fill the memory."""
        channel = self._channel
        if len(key) > MAX_KEPT_KEY:
            return digest(key)
        last = channel.last_key
        if last is None or not _same(last.key, key):
            last = channel.last_key = KnownKey(key, digest(key), self._sole_authorization())
        return last.digest

    def repeated_key(self) -> KnownKey | None:
        """The key of the connection's last request, where this one carries it in the very same header, as most do: that
        takes 1,500 instructions, and to read the headers for a key 9,000. None: it must be read."""
        last = self._channel.last_key
        if last is None or last.header is None:
            return None
        header = self._sole_authorization()
        # In constant time: other clients may come by the same proxy.
        return last if header is not None and compare_digest(last.header, header) else None

    def _sole_authorization(self) -> bytes | None:
        """The `authorization`, where nothing else in this request may be a key."""
        headers = self.headers
        if (
            b"x-api-key" in headers
            or b"api-key" in headers
            or self.secret_in_path is not None
            or len(headers) != len(self.all_headers)  # one of them is repeated
        ):
            return None
        header = headers.get(b"authorization")
        return header if header is not None and len(header) <= MAX_KEPT_KEY else None

    @property
    def peer(self) -> tuple[str, int] | None:
        """Address of the other end of the connection."""
        return self._channel.peer

    @property
    def local(self) -> tuple[str, int] | None:
        """Address of this end."""
        return self._channel.local

    @property
    def unsent(self) -> int:
        """Bytes of the response waiting to be written, not counting those in the kernel's buffer."""
        return self._channel.unsent

    def watch(self) -> None:
        """Cancel the task when the client disconnects, from now on: the body is complete."""
        self._watched = True
        if self.disconnected:
            self.task.cancel()
        if self._flow.pauses:  # by a large body; on a paused connection a disconnect goes unnoticed
            self._flow.resume_reading(BODY_UNREAD)

    def arrive(self) -> None:
        """Date the request to now, when it is complete: limits count it from this moment on."""
        self.date(self._channel.server.now())

    def date(self, at: int) -> None:
        """Set the time from which limits count the request, and which its id contains."""
        if at != self.created_at:
            self.created_at = at
            self._request_id = None

    def close(self) -> None:
        """End the exchange; a disconnect from now on has no effect."""
        self._watched = False
        # These refer back to it. Without them all of a request is freed at once, and not by a collection much later.
        self.run, self.interrupt, self.error_event = None, _nobody, None
        if self._last_call is not None:
            self._last_call.cancel()
        self.body.close()
        if self.claim is not None:
            self.claim.release()
        channel = self._channel
        channel.server.running.discard(self.task)
        if not (self.complete or self.disconnected):  # a partial response can only be marked by a broken connection
            channel.abort()

    def end_with(self, error: GatewayError) -> None:
        """End the exchange from outside, with `error` for the client."""
        if self.cut is None:
            self.cut = error
            self.task.cancel()

    # Called by the connection

    def on_disconnect(self) -> None:
        """Handle the disconnect of the client."""
        self.disconnected = True
        self.interrupt()
        self.body.fail(ClientGone())
        if not self._watched or self.finish_on_disconnect:
            return
        if self.linger_on_disconnect:
            self._last_call = self._channel.loop.call_later(LINGER, self.task.cancel)
        else:
            self.task.cancel()

    def release_head(self) -> None:
        """Let go of the headers of the request, and of what parsed them, once its stream has begun: that may last for
        long, and nothing reads them any more."""
        self._channel.release_parser()
        self.all_headers = []
        self.headers = self.body.headers = {}

    def fail_body(self, error: GatewayError) -> None:
        """Give up the rest of the body, and everything behind it on the connection."""
        self.keep_alive = False
        self.body.fail(error)

    # The request

    def decode(self) -> None:
        """Decode the body as its Content-Encoding says, wherever it is read. Raises UnsupportedCoding."""
        if self.body.decode([value for name, value in self.all_headers if name == b"content-encoding"]):
            # The headers on coding and length no longer apply.
            gone = (b"content-encoding", b"content-length")
            self.all_headers = [header for header in self.all_headers if header[0] not in gone]
            self.headers = self.body.headers = dict(self.all_headers)

    async def wait_disconnected(self) -> None:
        """Wait until the client has disconnected, or its response is complete."""
        while not (self.disconnected or self.complete):
            self._flow.resume_reading(BODY_UNREAD)  # on a paused connection a disconnect goes unnoticed
            await self.body.changed()

    # The response

    def last_event(self, error: GatewayError) -> bytes:
        """The event for an error in a stream that has begun, as the dialect has it."""
        format_event = self.dialect.error_event
        return b"" if format_event is None else format_event(error, self.request_id)

    async def respond(self, status: int, headers: Headers, body: bytes | bytearray) -> None:
        """Send a whole response."""
        head = self._head(status, headers, None if status in _BODILESS else len(body))
        if self.method == "HEAD":
            body = b""
        if len(body) <= _PIECE and not self.disconnected:
            self._channel.write(head + body)
        elif not self.disconnected:
            self._channel.write(head)
            await self.content(body)
        self._finish()

    def begin(self, status: int, headers: Headers, length: int | None = None) -> None:
        """Send the head of a response. Content of `length` bytes follows, or, where that is None, chunks up to `end`;
        for HTTP/1.0 the content lasts until the connection ends."""
        framed = length is not None or status in _BODILESS or self.method == "HEAD"
        self._chunked = not framed and self.version == "1.1"
        if self._chunked:
            headers = [*headers, (b"transfer-encoding", b"chunked")]
        head = self._head(status, headers, length)
        if not self.disconnected:
            self._channel.write(head)

    def push(self, data: bytes) -> bool:
        """Send a piece of the content. Returns False when the caller should wait for `drained` before the next."""
        if self.disconnected or not data or self.method == "HEAD":
            return True
        self._channel.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        return not self._flow.write_paused

    @property
    def write_chunk(self) -> Callable[[bytes], None] | None:
        """Sends bytes of whole chunks as they are, up to the next interrupt; None: they must go through `push`."""
        direct = self._chunked and not self.disconnected and not self._flow.write_paused
        return self._channel.write if direct else None

    async def content(self, data: bytes | bytearray) -> None:
        """Send content of any size in pieces, at the client's pace."""
        for start in range(0, len(data), _PIECE):
            await self.drained()
            self.push(data if isinstance(data, bytes) and len(data) <= _PIECE else bytes(data[start : start + _PIECE]))

    async def drained(self) -> None:
        """Wait until the write buffer has drained; a client that stalls for too long is disconnected."""
        if not self._flow.write_paused:
            return
        try:
            async with asyncio.timeout(self._channel.server.stall_timeout):
                await self._flow.drained()
        except TimeoutError:
            self.disconnected = True
            self._channel.abort()
            self.task.cancel()  # as if the client had disconnected
            await asyncio.sleep(0)

    def end(self) -> None:
        """Send the end of the response."""
        if self._chunked and not self.disconnected:
            self._channel.write(b"0\r\n\r\n")
        self._finish()

    async def fail(self, error: GatewayError) -> None:
        """Send an error in the form that is still possible: a response, a last event, or a broken connection."""
        if self.disconnected:
            return
        if self.error_event is not None:
            self.push(self.error_event(error))
            self.end()
        elif self.started:
            self._channel.abort()  # a partial response can only be marked by a broken connection
        else:
            status, headers, body = error_response(error, self.dialect, self.request_id, self._channel.server.now())
            if isinstance(error, RequestTimeout | RequestTooLarge):
                self.keep_alive = False
            await self.respond(status, headers, body)

    def _head(self, status: int, headers: Headers, length: int | None) -> bytes:
        self.started = True
        self.body.unanswered = False
        request_id = self.request_id.encode()
        headers = [*headers, *self.extra]
        for name in self.dialect.request_id_headers:
            headers.append((name, request_id))
        if not self.keep_alive:
            headers.append((b"connection", b"close"))
        return response_head(status, headers, self._channel.server.date(), length)

    def _finish(self) -> None:
        """Mark the response as complete."""
        self.complete = True
        self.body.drop()
        if not self.disconnected:
            self._channel.response_sent()
