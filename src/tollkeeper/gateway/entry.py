"""The one ASGI app: who may knock, and which plane answers.

One path table for the data plane; everything else goes to the control plane. A key in the path (`/k/<key>/…`) is taken
out before anything else sees the path.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from functools import partial
from typing import Any, NamedTuple

from tollkeeper.gateway.answers import Headers
from tollkeeper.gateway.exchange import ClientGone, Exchange, Receive, Send
from tollkeeper.gateway.guard import Guard, forwarded_client
from tollkeeper.gateway.handle import handle
from tollkeeper.gateway.house import House
from tollkeeper.gateway.listing import list_models, show_model
from tollkeeper.rules.errors import BadRequest, GatewayError, InternalError, MethodNotAllowed, NotFound
from tollkeeper.wire.openai import CHAT, COMPLETIONS, EMBEDDINGS

log = logging.getLogger("tollkeeper.gateway")

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Answer = Callable[[House, Exchange], Awaitable[None]]

_MODELS = ("/v1/models", "/models")
_MAX_CLIENT_ID = 512
_NO_REFERRER = (b"referrer-policy", b"no-referrer")


class Row(NamedTuple):
    """A relayed path: the method it takes, what metrics call it, who answers."""

    method: str
    label: str
    answer: Answer


class Entry:
    """`control` answers what the data plane does not, `portal` the pages; `mint` makes request ids of moments,
    `trusted` are proxies."""

    def __init__(
        self,
        house: House,
        control: App,
        portal: App,
        guard: Guard,
        mint: Callable[[int], str],
        *,
        trusted: Collection[str],
    ) -> None:
        self._house = house
        self._control = control
        self._portal = portal
        self._guard = guard
        self._mint = mint
        self._trusted = frozenset(trusted)
        self._table: dict[str, Row] = {}
        for endpoint in (CHAT, COMPLETIONS, EMBEDDINGS):
            row = Row("POST", endpoint.path, partial(handle, endpoint=endpoint))
            self._table |= {endpoint.path: row, endpoint.path.removeprefix("/v1"): row}
        self._table |= dict.fromkeys(_MODELS, Row("GET", _MODELS[0], list_models))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = dict(scope["headers"])
        path, secret = _without_key(scope["path"])
        row = self._row(path)
        bounds = self._house.bounds
        exchange = Exchange(
            scope,
            receive,
            send,
            mint=self._mint,
            now=self._house.now,
            headers=headers,
            secret_in_path=secret,
            extra=self._extra_headers(headers, secret),
            body_timeout=bounds.body_timeout,
            stall_timeout=bounds.client_stall_timeout,
        )
        label = row.label if row else "other"
        try:
            if len(headers) != len(scope["headers"]) and _repeats(scope["headers"], b"host"):
                raise BadRequest("The request has more than one Host. Send one.")
            self._guard.check(scope["method"], path, headers)
            if self._preflight(scope, headers):
                await exchange.answer(204, [], b"")
            elif row is not None:
                if scope["method"] != row.method:
                    raise MethodNotAllowed(f"This path takes {row.method} only.", allow=row.method)
                await row.answer(self._house, exchange)
            elif secret is not None:
                raise NotFound("A key in the path opens the relayed paths only, and this is none of them.")
            elif path == "/ui" or path.startswith("/ui/"):
                await self._portal(scope, exchange.receive, exchange.forward)
            else:
                scope["client"] = forwarded_client(scope["client"], headers, self._trusted)
                await self._control(scope, exchange.receive, exchange.forward)
        except GatewayError as error:
            await self._fail(exchange, label, error)
        except asyncio.CancelledError:
            if exchange.cut is not None:
                await self._fail(exchange, label, exchange.cut)
            elif not exchange.gone:
                raise
        except ClientGone:
            pass
        except Exception:
            log.exception("request %s failed", exchange.request_id)
            await self._fail(exchange, label, InternalError("The gateway failed. Tell its operator the x-request-id."))
        finally:
            exchange.close()

    def _row(self, path: str) -> Row | None:
        row = self._table.get(path)
        if row is None:
            for prefix in _MODELS:
                if path.startswith(prefix + "/"):
                    return Row("GET", "/v1/models/{id}", partial(show_model, name=path[len(prefix) + 1 :]))
        return row

    async def _fail(self, exchange: Exchange, label: str, error: GatewayError) -> None:
        if exchange.run is None or not exchange.run.dispatched:
            self._house.metrics.refused(label, error.code or str(error.status))
        try:
            await exchange.fail(error)
        except asyncio.CancelledError:
            if not exchange.gone:
                raise

    def _extra_headers(self, headers: dict[bytes, bytes], secret_in_path: str | None) -> Headers:
        extra: Headers = [] if secret_in_path is None else [_NO_REFERRER]
        client_id = headers.get(b"x-client-request-id")
        if client_id is not None and len(client_id) <= _MAX_CLIENT_ID and client_id.isascii():
            extra.append((b"x-client-request-id", client_id))
        origin = self._guard.shares_with(headers)
        if origin is not None:
            extra += [
                (b"access-control-allow-origin", origin),
                (b"access-control-expose-headers", b"x-request-id, x-cost-usd, openai-processing-ms, retry-after"),
                (b"vary", b"origin"),
            ]
            if b"access-control-request-method" in headers:
                extra += [
                    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
                    (b"access-control-allow-headers", headers.get(b"access-control-request-headers", b"authorization")),
                    (b"access-control-max-age", b"600"),
                ]
        return extra

    def _preflight(self, scope: Scope, headers: dict[bytes, bytes]) -> bool:
        return (
            scope["method"] == "OPTIONS"
            and b"access-control-request-method" in headers
            and self._guard.shares_with(headers) is not None
        )


def _repeats(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bool:
    return sum(given == name for given, _ in headers) > 1


def _without_key(path: str) -> tuple[str, str | None]:
    """The path, and the key that stood in front of it."""
    if not path.startswith("/k/"):
        return path, None
    secret, _, rest = path[3:].partition("/")
    return "/" + rest, secret
