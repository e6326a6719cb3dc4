"""Entry point of every request: checks that it may come in, and routes it to a plane.

The data plane has one path table; everything else goes to the control plane. A key in the path (`/k/<key>/…`) is
removed before anything else sees the path.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import NamedTuple

from tollkeeper.gateway.context import GatewayContext
from tollkeeper.gateway.cors import cors_headers
from tollkeeper.gateway.counting import count
from tollkeeper.gateway.guard import Guard
from tollkeeper.gateway.handle import handle
from tollkeeper.gateway.http.asgi import App, serve_asgi
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.gateway.http.forwarded import TrustedProxies
from tollkeeper.gateway.http.request_body import ClientGone
from tollkeeper.gateway.http.responses import Headers
from tollkeeper.gateway.http.turns import Turns
from tollkeeper.gateway.lookups import rows_of
from tollkeeper.gateway.paths import not_relayed, read_path
from tollkeeper.gateway.refusals import refusal_of
from tollkeeper.rules.errors import BadRequest, GatewayError, InternalError, MethodNotAllowed, NotFound
from tollkeeper.wire.dialect import AnyDialect, Lookup
from tollkeeper.wire.request import Endpoint, spellings

log = logging.getLogger("tollkeeper.gateway")

Handler = Callable[[GatewayContext, Exchange], Awaitable[None]]

_MAX_CLIENT_ID = 512
_IN_A_TURN = 4
"""Requests of the control plane that may begin in one turn of the event loop: each takes about a millisecond."""
_NO_REFERRER = (b"referrer-policy", b"no-referrer")


class Row(NamedTuple):
    """A relayed path: the method it accepts (GET includes HEAD), its dialect and endpoint, and its handler."""

    method: str
    dialect: AnyDialect
    endpoint: Endpoint
    handler: Handler


class Router:
    """Router of all requests: relayed paths to their handlers, pages to `portal`, everything else to `control`.

    `trusted` are the addresses and networks of trusted proxies.
    """

    def __init__(
        self,
        context: GatewayContext,
        control: App,
        portal: App,
        guard: Guard,
        *,
        dialects: Sequence[AnyDialect],
        trusted: Collection[str],
    ) -> None:
        self._context = context
        self._control = control
        self._portal = portal
        self._guard = guard
        self._proxies = TrustedProxies(trusted)
        self._turns = Turns(_IN_A_TURN)
        self._control_dialect = dialects[0]
        """That of the control plane's errors."""
        self._prefixes = [
            (spelled, dialect) for dialect in dialects for prefix in dialect.prefixes for spelled in spellings(prefix)
        ]
        self.table: dict[str, Row] = {}
        self._model_paths: dict[str, tuple[AnyDialect, Endpoint, Callable[..., Awaitable[None]]]] = {}
        """Handlers of a single model, by the prefix of its path."""
        self._behind_key: dict[str, Row] = {}
        """Paths that are there only where a key stands in front of them."""
        for dialect in dialects:
            for endpoint in dialect.endpoints:
                row = Row("POST", dialect, endpoint, count if endpoint.counts else handle)
                self.table |= dict.fromkeys(spellings(endpoint.path), row)
            for lookup in dialect.lookups:
                self._add_lookup(dialect, lookup)

    async def __call__(self, exchange: Exchange) -> None:
        """Handle one request to its end; errors become responses here."""
        read_path(exchange)
        row = self._row(exchange)
        if row is not None:
            exchange.dialect, exchange.endpoint = row.dialect, row.endpoint
        else:
            self._choose_dialect(exchange)
        try:
            self._check_access(exchange)
            if b"content-encoding" in exchange.headers:
                exchange.decode()
            if self._preflight(exchange):
                await exchange.respond(204, [], b"")
            elif row is not None:
                if exchange.method != row.method and (exchange.method, row.method) != ("HEAD", "GET"):
                    allow = "GET, HEAD" if row.method == "GET" else row.method
                    raise MethodNotAllowed(f"This path takes {row.method} only.", allow=allow)
                await row.handler(self._context, exchange)
            elif (error := not_relayed(exchange)) is not None:
                raise error
            elif exchange.dialect is not self._control_dialect:
                raise NotFound(f"There is no {exchange.method} {exchange.path[:200]}. GET /docs lists every path.")
            else:
                pages = exchange.path == "/ui" or exchange.path.startswith("/ui/")
                client = self._proxies.client(exchange.peer, exchange.all_headers)
                await self._turns.begin()
                await serve_asgi(self._portal if pages else self._control, exchange, client)
        except GatewayError as error:
            await self._fail(exchange, row, error)
        except asyncio.CancelledError:
            if exchange.cut is not None:
                await self._fail(exchange, row, exchange.cut)
            elif not exchange.disconnected:
                raise
        except ClientGone:
            pass
        except Exception:
            log.exception("request %s failed", exchange.request_id)
            await self._fail(exchange, row, InternalError("The gateway failed. Give its operator the x-request-id."))
        finally:
            exchange.close()

    def _check_access(self, exchange: Exchange) -> None:
        """Check the Host and the origin of a request, whatever key it carries. Raises BadRequest, Forbidden."""
        headers = exchange.headers
        exchange.extra = self._extra_headers(headers, exchange.secret_in_path)
        if len(headers) != len(exchange.all_headers) and sum(name == b"host" for name, _ in exchange.all_headers) > 1:
            raise BadRequest("The request has more than one Host. Send one.")
        self._guard.check(exchange.method, exchange.path, headers)

    def _row(self, exchange: Exchange) -> Row | None:
        path = exchange.path
        row = self.table.get(path)
        if row is None and exchange.secret_in_path is not None:
            row = self._behind_key.get(path)
        if row is None:
            for prefix, (dialect, endpoint, show) in self._model_paths.items():
                if path.startswith(prefix):
                    return Row("GET", dialect, endpoint, partial(show, name=path[len(prefix) :]))
        return row

    def _add_lookup(self, dialect: AnyDialect, lookup: Lookup) -> None:
        for found in rows_of(lookup):
            endpoint = Endpoint(found.path, streams=False, generates=False)
            for path in spellings(found.path):
                if found.of_one:
                    self._model_paths[path.removesuffix("{id}")] = (dialect, endpoint, found.handler)
                else:
                    table = self._behind_key if found.behind_key else self.table
                    table[path] = Row(found.method, dialect, endpoint, found.handler)

    def _choose_dialect(self, exchange: Exchange) -> None:
        """Have errors on a path without an endpoint be those of the API that it belongs to."""
        for prefix, dialect in self._prefixes:
            if exchange.path.startswith(prefix) and exchange.path[len(prefix) :][:1] in ("", "/"):
                exchange.dialect = dialect
                break

    async def _fail(self, exchange: Exchange, row: Row | None, error: GatewayError) -> None:
        if exchange.run is None or not exchange.run.was_sent:
            endpoint = row.endpoint.path if row else "other"
            self._context.observers.refused(refusal_of(self._context, exchange, endpoint, error))
        try:
            await exchange.fail(error)
        except asyncio.CancelledError:
            if not exchange.disconnected:
                raise

    def _extra_headers(self, headers: dict[bytes, bytes], secret_in_path: str | None) -> Headers:
        extra: Headers = [] if secret_in_path is None else [_NO_REFERRER]
        client_id = headers.get(b"x-client-request-id")
        if client_id is not None and len(client_id) <= _MAX_CLIENT_ID and client_id.isascii():
            extra.append((b"x-client-request-id", client_id))
        if b"origin" in headers and (origin := self._guard.allowed_origin(headers)) is not None:
            extra += cors_headers(origin, headers)
        return extra

    def _preflight(self, exchange: Exchange) -> bool:
        return (
            exchange.method == "OPTIONS"
            and b"access-control-request-method" in exchange.headers
            and self._guard.allowed_origin(exchange.headers) is not None
        )
