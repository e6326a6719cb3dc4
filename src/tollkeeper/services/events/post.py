"""One request to the receiver of a webhook.

It goes to a vetted address only (`services/outbound/network.py`), by https unless the operator allows the address; no
redirect is followed, and of the answer only the status counts.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable

import httpcore2
from msgspec import Struct

from tollkeeper.services.outbound.lookup import SystemLookup
from tollkeeper.services.outbound.network import AddressRefused, GuardedNetwork, Resolve, is_address, is_public
from tollkeeper.services.outbound.target import InvalidTarget, Target, parse_target

TIMEOUT = 10.0
"""Seconds for a whole request, the look-up of the name included."""
MAX_ANSWER_BYTES = 64 * 1024
"""Bytes of an answer that are read, so that the receiver sees its answer taken; the rest is cut off."""
_REFUSED = (
    "its address is refused: it must be public and on port 443 (or 80), unless the setting webhook_allow lists it"
)


class Outcome(Struct, frozen=True):
    """What came of a try. `status`: that of the answer; None: there was none, and `error` says why."""

    status: int | None = None
    error: str | None = None

    @property
    def delivered(self) -> bool:
        return self.error is None


class Poster:
    """Sends requests to receivers. `allow` lists exceptions (`host:port`) to the rules on schemes, ports and addresses.
    `resolve` and `network`, by default the system's, are used only for what these rules allow."""

    def __init__(
        self,
        allow: Iterable[str] = (),
        *,
        timeout: float = TIMEOUT,
        resolve: Resolve | None = None,
        ssl_context: ssl.SSLContext | None = None,
        network: httpcore2.AsyncNetworkBackend | None = None,
    ) -> None:
        self._allow = frozenset(allow)
        self._network = GuardedNetwork(self._allow, resolve or SystemLookup(), network or httpcore2.AnyIOBackend())
        self._timeout = timeout
        self._ssl = ssl_context

    def __repr__(self) -> str:
        return f"Poster({self._network!r}, {self._timeout:g} s)"

    def target(self, url: str) -> Target:
        """The target of a URL, as far as it can be vetted without asking anybody. Raises InvalidTarget."""
        target = parse_target(url)
        if target.address in self._allow:
            return target
        if target.scheme != "https":
            raise InvalidTarget("must begin with https://, unless the setting webhook_allow lists its host:port.")
        if is_address(target.host) and not is_public(target.host):
            raise InvalidTarget("must lead to a public address, unless the setting webhook_allow lists its host:port.")
        return target

    async def post(self, url: str, headers: list[tuple[str, str]], body: bytes) -> Outcome:
        """Send a request. It is delivered where the answer is a 2xx."""
        try:
            async with asyncio.timeout(self._timeout):
                status = await self._post(self.target(url), headers, body)
        except TimeoutError:
            return Outcome(error=f"no answer within {self._timeout:g} seconds")
        except AddressRefused:
            return Outcome(error=_REFUSED)
        except InvalidTarget as error:
            return Outcome(error=f"its URL {error}")
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, OSError) as error:
            return Outcome(error=f"no answer: {str(error)[:200] or type(error).__name__}")
        if 200 <= status < 300:
            return Outcome(status)
        redirects = ", and redirects are not followed" if 300 <= status < 400 else ""
        return Outcome(status, f"it answered {status}{redirects}")

    async def _post(self, target: Target, headers: list[tuple[str, str]], body: bytes) -> int:
        origin = httpcore2.Origin(target.scheme.encode(), target.host.encode(), target.port)
        context = await self._trust() if target.scheme == "https" else None
        async with httpcore2.AsyncHTTPConnection(origin, context, network_backend=self._network) as connection:
            url = httpcore2.URL(scheme=origin.scheme, host=origin.host, port=target.port, target=target.path)
            sent = [("host", target.authority), *headers, ("content-length", str(len(body))), ("connection", "close")]
            response = await connection.handle_async_request(httpcore2.Request("POST", url, headers=sent, content=body))
            size = 0
            async for part in response.aiter_stream():
                size += len(part)
                if size > MAX_ANSWER_BYTES:
                    break
            return response.status

    async def _trust(self) -> ssl.SSLContext:
        """The TLS context that verifies certificates; loaded at its first use, in a thread, since that is slow."""
        if self._ssl is None:
            self._ssl = await asyncio.to_thread(httpcore2.default_ssl_context)
        return self._ssl
