"""Fetching images by URL. Nothing of the client's request is sent along, and the response is bounded."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable

import httpcore2

from tollkeeper.rules.errors import InvalidImage
from tollkeeper.services.outbound.lookup import SystemLookup
from tollkeeper.services.outbound.network import AddressRefused, GuardedNetwork, Resolve
from tollkeeper.services.outbound.target import InvalidTarget, Target, parse_target
from tollkeeper.wire.images.bounds import MAX_BYTES, HoldBytes, ignore_held
from tollkeeper.wire.images.urls import too_large

MAX_REDIRECTS = 3
REDIRECTS = (301, 302, 303, 307, 308)
HEADERS = (
    ("accept", "image/png, image/jpeg, image/webp, image/gif"),
    ("accept-encoding", "identity"),
    ("user-agent", "Tollkeeper"),
    ("connection", "close"),
)
FAILURES = (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, OSError, AddressRefused)
UNFETCHED = (
    "The image could not be fetched: its URL, and every redirect, must lead to a public server on port 80 or 443 that "
    "answers properly, with a valid certificate where it is https. Otherwise send the image as a base64 data: URL."
)
"""One message for every network failure, so that it reveals nothing about the network behind the gateway."""


class Fetcher:
    """Fetches images. `allow` lists exceptions (`host:port`) to the rules on ports and addresses; `timeout` is seconds
    for a whole fetch, redirects included; `max_bytes` bounds the body. `resolve` and `network`, by default the
    system's, are used only for what these rules allow."""

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

    async def fetch(self, url: str, hold: HoldBytes = ignore_held) -> bytes:
        """Fetch the bytes at `url`, unchecked. `hold` is called with the size of each piece. Raises InvalidImage."""
        try:
            target = parse_target(url)
            async with asyncio.timeout(self._timeout):
                return await self._follow(target, hold)
        except InvalidTarget as error:
            raise InvalidImage(f"The image URL {error}") from None
        except TimeoutError:
            raise InvalidImage(
                f"The image did not arrive within {self._timeout:g} seconds: send it as a base64 data: URL."
            ) from None
        except FAILURES:
            raise InvalidImage(UNFETCHED) from None

    async def _follow(self, target: Target, hold: HoldBytes) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            found = await self._get(target, hold)
            if isinstance(found, bytes):
                return found
            target = found
        raise InvalidImage(f"The image URL redirects more than {MAX_REDIRECTS} times: send the last address itself.")

    async def _get(self, target: Target, hold: HoldBytes) -> bytes | Target:
        """The body, or the target of a redirect. Each connection serves one request, so that users never share one."""
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
        """The TLS context that verifies certificates; loaded at its first use, in a thread, since that is slow."""
        if self._ssl is None:
            self._ssl = await asyncio.to_thread(httpcore2.default_ssl_context)
        return self._ssl

    async def _body(self, response: httpcore2.Response, length: str, hold: HoldBytes) -> bytes:
        if length.isdecimal() and int(length) > self._max_bytes:
            raise too_large(self._max_bytes)
        body = bytearray()
        async for chunk in response.aiter_stream():
            hold(len(chunk))
            body += chunk
            if len(body) > self._max_bytes:
                raise too_large(self._max_bytes)
        return bytes(body)
