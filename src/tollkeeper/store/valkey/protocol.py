"""One connection to a server: commands as bytes, and its answers in their order (RESP 2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import hiredis


def bulk(word: bytes) -> bytes:
    """A word of a command."""
    return b"$%d\r\n%b\r\n" % (len(word), word)


def command(*words: bytes | str | int) -> bytes:
    """A whole command."""
    texts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(texts) + b"".join(map(bulk, texts))


class ServerProtocol(asyncio.Protocol):
    """`on_answers` is called with all answers that came together; errors are `hiredis.ReplyError`. `on_lost` once, when
    the connection has ended."""

    def __init__(self, on_answers: Callable[[list[Any]], None], on_lost: Callable[[], None]) -> None:
        self._reader = hiredis.Reader()
        self.on_answers = on_answers
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None

    def __repr__(self) -> str:
        return f"ServerProtocol({self._transport!r})"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def abort(self) -> None:
        """End the connection; what was not sent yet never will be."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        reader.feed(data)
        answers = []
        try:
            while (answer := reader.gets()) is not False:
                answers.append(answer)
        except hiredis.ProtocolError:
            self.abort()
        if answers:
            self.on_answers(answers)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 (whatever it was)
        self._transport = None
        self._on_lost()
