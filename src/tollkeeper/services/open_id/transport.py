"""Requests to OpenID providers: JSON in answers, bounded in time and size, redirects not followed."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import httpcore2

from tollkeeper.services.open_id.ports import ProviderUnavailable
from tollkeeper.wire.http.proxies import Proxies

TIMEOUT = 10.0
"""Seconds for a whole request."""
MOST_BYTES = 512_000
_AT_ONCE = 20
"""Requests to one provider at a time; others wait."""
_HEADERS = (("accept", "application/json"), ("accept-encoding", "identity"), ("user-agent", "Tollkeeper"))
_FAILURES = (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, OSError)

Headers = Sequence[tuple[str, str]]


class Transport:
    """Asks one provider. `proxies` are those of the environment."""

    def __init__(
        self, proxies: Proxies, *, timeout: float = TIMEOUT, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._proxies = proxies
        self._timeout = timeout
        self._ssl = ssl_context
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def __repr__(self) -> str:
        return f"Transport({self._timeout:g} s, {self._proxies!r})"

    async def get(self, url: str, headers: Headers = ()) -> dict[str, Any]:
        """The JSON object at an address. Raises ProviderUnavailable."""
        status, body = await self._ask("GET", url, headers, None)
        if status != 200:
            raise ProviderUnavailable(f"{_shown(url)} answered {status}")
        return body

    async def post(self, url: str, form: str, headers: Headers = ()) -> tuple[int, dict[str, Any]]:
        """Send a form, and return the status and the JSON object of the answer. Raises ProviderUnavailable."""
        headers = [*headers, ("content-type", "application/x-www-form-urlencoded")]
        return await self._ask("POST", url, headers, form.encode())

    async def _ask(self, method: str, url: str, headers: Headers, content: bytes | None) -> tuple[int, dict[str, Any]]:
        try:
            async with asyncio.timeout(self._timeout), self._turns:
                status, body = await self._exchange(method, url, headers, content)
        except TimeoutError:
            raise ProviderUnavailable(f"{_shown(url)} did not answer within {self._timeout:g} s") from None
        except _FAILURES as error:
            raise ProviderUnavailable(f"{_shown(url)} cannot be reached: {type(error).__name__}") from None
        except ValueError as error:  # of a proxy in the environment
            raise ProviderUnavailable(str(error)) from None
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            raise ProviderUnavailable(f"{_shown(url)} answered {status} without JSON") from None
        if not isinstance(value, dict):
            raise ProviderUnavailable(f"{_shown(url)} answered {status} without a JSON object")
        return status, value

    async def _exchange(self, method: str, url: str, headers: Headers, content: bytes | None) -> tuple[int, bytes]:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        proxy = self._proxies.choose(parts.hostname or "", port, secure=secure)
        through = None if proxy is None else httpcore2.Proxy(f"http://{proxy.host}:{proxy.port}", headers=proxy.headers)
        context = await self._trust() if secure else None
        # A connection serves one request: sign-ins are seldom, and nothing is kept between people.
        async with httpcore2.AsyncConnectionPool(context, through, max_connections=1) as pool:
            sent = [*_HEADERS, *headers]
            async with pool.stream(method, url, headers=sent, content=content) as answer:
                body = bytearray()
                async for part in answer.aiter_stream():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise ProviderUnavailable(f"{_shown(url)} answered with over {MOST_BYTES} bytes")
                return answer.status, bytes(body)

    async def _trust(self) -> ssl.SSLContext:
        """The TLS context that verifies certificates; loaded at its first use, in a thread, since that is slow."""
        if self._ssl is None:
            self._ssl = await asyncio.to_thread(httpcore2.default_ssl_context)
        return self._ssl


def _shown(url: str) -> str:
    """An address without its query."""
    return url.partition("?")[0][:200]
