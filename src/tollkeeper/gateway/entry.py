"""Where every request enters: who may knock, and which plane answers.

One path table for the data plane; everything else goes to the control plane. A key in the path (`/k/<key>/…`) is taken
out before anything else sees the path.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import NamedTuple

from tollkeeper.gateway.answers import Headers
from tollkeeper.gateway.asgi import App, serve_asgi
from tollkeeper.gateway.exchange import ClientGone, Exchange
from tollkeeper.gateway.guard import Guard, forwarded_client
from tollkeeper.gateway.handle import handle
from tollkeeper.gateway.house import House
from tollkeeper.gateway.listing import list_models, show_model
from tollkeeper.rules.errors import BadRequest, GatewayError, InternalError, MethodNotAllowed, NotFound
from tollkeeper.wire.openai import CHAT, COMPLETIONS, EMBEDDINGS

log = logging.getLogger("tollkeeper.gateway")

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
    """`control` answers what the data plane does not, `portal` the pages; `trusted` are proxies."""

    def __init__(self, house: House, control: App, portal: App, guard: Guard, *, trusted: Collection[str]) -> None:
        self._house = house
        self._control = control
        self._portal = portal
        self._guard = guard
        self._trusted = frozenset(trusted)
        self.table: dict[str, Row] = {}
        for endpoint in (CHAT, COMPLETIONS, EMBEDDINGS):
            row = Row("POST", endpoint.path, partial(handle, endpoint=endpoint))
            self.table |= {endpoint.path: row, endpoint.path.removeprefix("/v1"): row}
        self.table |= dict.fromkeys(_MODELS, Row("GET", _MODELS[0], list_models))

    async def __call__(self, exchange: Exchange) -> None:
        """Answer one request."""
        if exchange.path.startswith("/k/"):
            exchange.secret_in_path, exchange.path = _key_and_rest(exchange.path)
        row = self._row(exchange.path)
        try:
            self._let_in(exchange)
            if self._preflight(exchange):
                await exchange.answer(204, [], b"")
            elif row is not None:
                if exchange.method != row.method:
                    raise MethodNotAllowed(f"This path takes {row.method} only.", allow=row.method)
                await row.answer(self._house, exchange)
            elif exchange.secret_in_path is not None:
                raise NotFound("A key in the path opens the relayed paths only, and this is none of them.")
            else:
                pages = exchange.path == "/ui" or exchange.path.startswith("/ui/")
                client = forwarded_client(exchange.peer, exchange.headers, self._trusted)
                await serve_asgi(self._portal if pages else self._control, exchange, client)
        except GatewayError as error:
            await self._fail(exchange, row, error)
        except asyncio.CancelledError:
            if exchange.cut is not None:
                await self._fail(exchange, row, exchange.cut)
            elif not exchange.gone:
                raise
        except ClientGone:
            pass
        except Exception:
            log.exception("request %s failed", exchange.request_id)
            await self._fail(exchange, row, InternalError("The gateway failed. Tell its operator the x-request-id."))
        finally:
            exchange.close()

    def _let_in(self, exchange: Exchange) -> None:
        """Raises BadRequest and Forbidden, whatever key it carries."""
        headers = exchange.headers
        exchange.extra = self._extra_headers(headers, exchange.secret_in_path)
        if len(headers) != len(exchange.all_headers) and sum(name == b"host" for name, _ in exchange.all_headers) > 1:
            raise BadRequest("The request has more than one Host. Send one.")
        self._guard.check(exchange.method, exchange.path, headers)

    def _row(self, path: str) -> Row | None:
        row = self.table.get(path)
        if row is None:
            for prefix in _MODELS:
                if path.startswith(prefix + "/"):
                    return Row("GET", "/v1/models/{id}", partial(show_model, name=path[len(prefix) + 1 :]))
        return row

    async def _fail(self, exchange: Exchange, row: Row | None, error: GatewayError) -> None:
        if exchange.run is None or not exchange.run.dispatched:
            self._house.metrics.refused(row.label if row else "other", error.code or str(error.status))
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
        if b"origin" in headers and (origin := self._guard.shares_with(headers)) is not None:
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

    def _preflight(self, exchange: Exchange) -> bool:
        return (
            exchange.method == "OPTIONS"
            and b"access-control-request-method" in exchange.headers
            and self._guard.shares_with(exchange.headers) is not None
        )


def _key_and_rest(path: str) -> tuple[str, str]:
    """The key that stands in front of a path, and the path."""
    secret, _, rest = path[3:].partition("/")
    return secret, "/" + rest
