"""Fetches an image that a client named by its URL. Nothing of the client's goes along, and what comes is bounded."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable

import httpcore2

from tollkeeper.rules.errors import InvalidImage
from tollkeeper.services.images.bounds import MAX_BYTES, Hold, unheld
from tollkeeper.services.images.guard import GuardedNetwork, Refused, Resolve
from tollkeeper.services.images.lookup import SystemLookup
from tollkeeper.services.images.target import Target, parse_target
from tollkeeper.wire.images import too_large

MAX_REDIRECTS = 3
REDIRECTS = (301, 302, 303, 307, 308)
HEADERS = (
    ("accept", "image/png, image/jpeg, image/webp, image/gif"),
    ("accept-encoding", "identity"),
    ("user-agent", "Tollkeeper"),
    ("connection", "close"),
)
FAILURES = (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, OSError, Refused)
UNFETCHED = (
    "The image could not be fetched: its URL, and every redirect, must lead to a public server on port 80 or 443 that "
    "answers properly, with a valid certificate where it is https. Otherwise send the image as a base64 data: URL."
)
"""One text for every failure on the way to a server, so that it tells nothing about the network behind the gateway."""


class Fetcher:
    """`allow` lists `host:port` exceptions from the rules on ports and addresses; `timeout` is seconds for all of one
    fetch, redirects included; `max_bytes` bounds the body. The guard stands before `resolve` and `network`, which
    are the system's unless told otherwise."""

    def __init__(
        self,
        allow: Iterable[str] = (),
        *,
        timeout: float = 10.0,
        max_bytes: int = MAX_BYTES,
        resolve: Resolve | None = None,
        ssl_context: ssl.SSLContext | None = None,
        network: httpcore2.AsyncNetworkBackend | None = None,
    ) -> None:
        self._network = GuardedNetwork(allow, resolve or SystemLookup(), network or httpcore2.AnyIOBackend())
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._ssl = ssl_context

    def __repr__(self) -> str:
        return f"Fetcher({self._network!r}, {self._timeout:g} s, {self._max_bytes:,} bytes)"

    async def fetch(self, url: str, hold: Hold = unheld) -> bytes:
        """The bytes at `url`, whatever they are; `hold` is told of each piece. Raises InvalidImage."""
        target = parse_target(url)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._follow(target, hold)
        except TimeoutError:
            raise InvalidImage(
                f"The image did not arrive within {self._timeout:g} seconds: send it as a base64 data: URL."
            ) from None
        except FAILURES:
            raise InvalidImage(UNFETCHED) from None

    async def _follow(self, target: Target, hold: Hold) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._ask(target, hold)
            if isinstance(answer, bytes):
                return answer
            target = answer
        raise InvalidImage(f"The image URL redirects more than {MAX_REDIRECTS} times: send the last address itself.")

    async def _ask(self, target: Target, hold: Hold) -> bytes | Target:
        """The body, or where the server says it is. A connection serves one request: none is shared between users."""
        origin = httpcore2.Origin(target.scheme.encode(), target.host.encode(), target.port)
        context = await self._trust() if target.scheme == "https" else None
        async with httpcore2.AsyncHTTPConnection(origin, context, network_backend=self._network) as connection:
            url = httpcore2.URL(scheme=origin.scheme, host=origin.host, port=target.port, target=target.path)
            request = httpcore2.Request("GET", url, headers=[("host", target.authority), *HEADERS])
            response = await connection.handle_async_request(request)
            headers = {name.lower(): value.decode("utf-8", "replace") for name, value in response.headers}
            if response.status in REDIRECTS and b"location" in headers:
                return target.follow(headers[b"location"])
            if response.status != 200:
                raise InvalidImage(f"The server of the image answered {response.status}, not 200: check the URL.")
            if headers.get(b"content-encoding", "identity").lower() != "identity":
                raise InvalidImage(
                    "The server of the image compresses what it was asked to send as it is: send base64."
                )
            return await self._body(response, headers.get(b"content-length", ""), hold)

    async def _trust(self) -> ssl.SSLContext:
        """What certificates are checked against: read when the first has to be, off the loop, as it takes long."""
        if self._ssl is None:
            self._ssl = await asyncio.to_thread(httpcore2.default_ssl_context)
        return self._ssl

    async def _body(self, response: httpcore2.Response, told: str, hold: Hold) -> bytes:
        if told.isdecimal() and int(told) > self._max_bytes:
            raise too_large(self._max_bytes)
        body = bytearray()
        async for chunk in response.aiter_stream():
            hold(len(chunk))
            body += chunk
            if len(body) > self._max_bytes:
                raise too_large(self._max_bytes)
        return bytes(body)
