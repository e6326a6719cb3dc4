"""Responses in gzip, for those who take it."""

from __future__ import annotations

import asyncio
import gzip
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tollkeeper.wire.http.accept_encoding import best_coding

MIN_BYTES: Final = 1000
_IN_THREAD: Final = 1 << 16
"""Bytes from which on compressing would hold the event loop for over a few milliseconds."""
_LEVEL: Final = 5
_SECRETS = "/auth/"


class Compression:
    """An ASGI middleware that compresses what is read as JSON and sent whole.

    Never a stream, which would be held back, and never what holds a secret: beside text that somebody else chose, the
    size of a compressed response gives the secret away letter by letter (the attack is known as BREACH). Secrets are in
    the responses to changes, such as a new key, and in those about the session.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"].startswith(_SECRETS):
            await self._app(scope, receive, send)
            return
        takes_gzip = best_coding(scope["headers"], ("gzip",)) is not None
        start: Message | None = None

        async def compressing(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_json(message):
                start = message
                return
            if start is not None:
                head, start = start, None
                await send(await _compress(head, message) if takes_gzip else _varying(head))
            await send(message)

        await self._app(scope, receive, compressing)


def _is_json(start: Message) -> bool:
    headers = MutableHeaders(raw=start["headers"])
    return headers.get("content-type", "").startswith("application/json") and "content-encoding" not in headers


def _varying(start: Message) -> Message:
    MutableHeaders(raw=start["headers"]).add_vary_header("accept-encoding")
    return start


async def _compress(start: Message, body: Message) -> Message:
    """Compress a body that is whole, and say so in the head, which is returned."""
    content: bytes = body.get("body", b"")
    if len(content) < MIN_BYTES or body.get("more_body", False):
        return _varying(start)
    if len(content) < _IN_THREAD:
        packed = gzip.compress(content, _LEVEL, mtime=0)
    else:
        packed = await asyncio.to_thread(gzip.compress, content, _LEVEL, mtime=0)
    body["body"] = packed
    headers = MutableHeaders(raw=start["headers"])
    headers["content-encoding"] = "gzip"
    headers["content-length"] = str(len(packed))
    return _varying(start)
