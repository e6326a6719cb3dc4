"""Adapter from an exchange to ASGI apps: the control plane and the pages. (ASGI specification 3.0, HTTP.)"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.gateway.http.request_body import ClientGone
from tollkeeper.gateway.http.responses import Headers
from tollkeeper.services.accounts.credentials import KEY_IN_PATH

log = logging.getLogger("tollkeeper.gateway")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_UNFIT = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


async def serve_asgi(app: App, exchange: Exchange, client: tuple[str, int] | None) -> None:
    """Have an ASGI app handle an exchange. `client` is the address that the app sees. Raises RequestTimeout,
    ClientGone."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": exchange.version,
        "method": exchange.method,
        "scheme": "http",
        "path": exchange.path,
        "raw_path": exchange.raw_path,
        "query_string": exchange.query,
        "root_path": "",
        "headers": exchange.all_headers.copy(),  # those of a known head are shared
        "client": client,
        "server": exchange.local,
    }
    if exchange.secret_in_path is not None:
        scope[KEY_IN_PATH] = exchange.secret_in_path
    conversation = _Conversation(exchange)
    await app(scope, conversation.receive, conversation.send)


class _Conversation:
    """The `receive` and `send` of one ASGI call.

    `_due` is the number of bytes of the response still to come by its own `content-length`, negative where there were
    more, None where it had none. The response to HEAD ends with its head: an app that goes on streaming receives
    `http.disconnect`.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._read = False
        self._due: int | None = None

    async def receive(self) -> Message:
        exchange = self._exchange
        if self._read:
            await exchange.wait_disconnected()
            return {"type": "http.disconnect"}
        try:
            body = await exchange.body.read()
        except ClientGone:
            self._read = True
            return {"type": "http.disconnect"}
        more = exchange.body.has_more
        self._read = not more
        return {"type": "http.request", "body": body, "more_body": more}

    async def send(self, message: Message) -> None:
        exchange = self._exchange
        if message["type"] == "http.response.start":
            headers, self._due = _split_length(message["headers"])
            exchange.begin(message["status"], headers, self._due)
            if exchange.method == "HEAD":
                exchange.end()
            return
        if exchange.complete:
            return
        body = message.get("body", b"")
        if self._due is not None:
            fits = max(0, self._due)
            self._due -= len(body)
            body = body[:fits]  # excess bytes would be read as the response to the next request
        await exchange.content(body)
        if not message.get("more_body", False):
            if self._due:
                log.error("the response to %s %s did not match its content-length", exchange.method, exchange.path)
                exchange.keep_alive = False
            exchange.end()


def _split_length(headers: Headers) -> tuple[Headers, int | None]:
    """Split an app's headers into those to send and the declared length. Raises ValueError for a control character,
    with which a value could inject headers."""
    kept: Headers = []
    length = None
    for name, value in headers:
        if _UNFIT.search(value):
            raise ValueError(f"a control character in the header {name!r}")
        if name.lower() == b"content-length":
            length = int(value)
        else:
            kept.append((name, value))
    return kept, length
