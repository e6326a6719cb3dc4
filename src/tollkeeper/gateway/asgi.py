"""An exchange as ASGI apps see it: the control plane and the pages. (ASGI specification 3.0, HTTP.)"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tollkeeper.gateway.answers import Headers
from tollkeeper.gateway.exchange import ClientGone, Exchange

log = logging.getLogger("tollkeeper.gateway")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_UNFIT = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


async def serve_asgi(app: App, exchange: Exchange, client: tuple[str, int] | None) -> None:
    """Let an app answer. `client` is who asks, as the app shall see it. Raises RequestTimeout, ClientGone."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": exchange.version,
        "method": exchange.method,
        "scheme": "http",
        "path": exchange.path,
        "raw_path": exchange.raw_path,
        "query_string": exchange.query,
        "root_path": "",
        "headers": exchange.all_headers,
        "client": client,
        "server": exchange.local,
    }
    conversation = _Conversation(exchange)
    await app(scope, conversation.receive, conversation.send)


class _Conversation:
    """`due`: bytes that the answer has still to hold, by its own `content-length`, below 0 where it had more; None: it
    gave none."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._read = False
        self._due: int | None = None

    async def receive(self) -> Message:
        exchange = self._exchange
        if self._read:
            await exchange.left()
            return {"type": "http.disconnect"}
        try:
            body = await exchange.read()
        except ClientGone:
            self._read = True
            return {"type": "http.disconnect"}
        self._read = not exchange.more_body
        return {"type": "http.request", "body": body, "more_body": exchange.more_body}

    async def send(self, message: Message) -> None:
        exchange = self._exchange
        if message["type"] == "http.response.start":
            headers, self._due = _own(message["headers"])
            exchange.begin(message["status"], headers, self._due)
            return
        body = message.get("body", b"")
        if self._due is not None and exchange.method != "HEAD":
            fits = max(0, self._due)
            self._due -= len(body)
            body = body[:fits]  # more would be read as the answer to the next request
        await exchange.content(body)
        if not message.get("more_body", False):
            if self._due and exchange.method != "HEAD":
                log.error("an answer to %s %s was not of the length it promised", exchange.method, exchange.path)
                exchange.keep_alive = False
            exchange.end()


def _own(headers: Headers) -> tuple[Headers, int | None]:
    """An app's headers but for those of framing, and the length it gives. Raises ValueError for what would let a value
    write headers of its own."""
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
