"""A window on one upstream: a proxy before it, which sees every request that runs there.

async with Window() as window:
    window.open(ollama.port)          # from now on what comes to `window.url` is passed on
    window.shut()                     # as after the upstream's death: connections end, new ones are refused
    window.open(another.port)         # at the same address as before
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from contextlib import suppress
from typing import Any, Literal, NamedTuple

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
BEARER = re.compile(rb"authorization: Bearer (\S+)", re.IGNORECASE)


class Sight(NamedTuple):
    """A request that began or ended. `mark`: the first word of its prompt; `running`: those that ran then, it
    included."""

    what: Literal["began", "ended"]
    mark: str
    running: int


class Window:
    """`sights`: requests for answers, in the order in which they began and ended. One that is streamed has ended when
    its last event has come, as it has for the upstream. `streaming`: those whose answer has begun and not ended. While
    `flows` is not set, requests for answers begin and do not get any further. `credentials`: what they, and requests of
    any other kind, signed in with."""

    def __init__(self) -> None:
        self.sights: list[Sight] = []
        self.running = 0
        self.streaming = 0
        self.credentials: set[str | None] = set()
        self.flows = asyncio.Event()
        self.flows.set()
        # It keeps the port, and refuses connections while nothing else listens there.
        self._kept = socket.socket()
        self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._kept.bind(("127.0.0.1", 0))
        self._port: int = self._kept.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._target = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    def __repr__(self) -> str:
        return f"Window({self.url}, {self.running} running)"

    async def __aenter__(self) -> Window:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.shut()
        self._kept.close()

    @property
    def most(self) -> int:
        """The most requests that have run at once."""
        return max((sight.running for sight in self.sights), default=0)

    def count(self, what: Literal["began", "ended"], mark: str | None = None) -> int:
        """How many requests, of this mark if one is given, have begun or ended."""
        return sum(sight.what == what and mark in (None, sight.mark) for sight in self.sights)

    async def open(self, port: int) -> None:
        self._target = port
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self._port)

    def shut(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._connections:
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        answers = None
        with suppress(OSError, asyncio.IncompleteReadError):
            answered, answers = await asyncio.open_connection("127.0.0.1", self._target)
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                bearer = BEARER.search(head)
                self.credentials.add(bearer and bearer[1].decode())
                length = LENGTH.search(head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                run = _Run(self, json.loads(body)) if b" /v1/chat" in head else None
                try:
                    if run is not None:
                        await self.flows.wait()
                    answers.write(head + body)
                    await self._answer(answered, writer, run)
                finally:
                    if run is not None:
                        run.end()
        self._connections.discard(writer)
        for each in filter(None, (writer, answers)):
            each.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, run: _Run | None) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = LENGTH.search(head)
        if length:
            whole = head + await reader.readexactly(int(length[1]))
            if run is not None:
                run.end()
            writer.write(whole)
            return
        writer.write(head)
        chunk = b""
        while chunk != b"0\r\n\r\n":
            size = await reader.readuntil(b"\r\n")
            chunk = size + await reader.readexactly(int(size, 16) + 2)
            if run is not None:
                run.stream()
                if b"[DONE]" in chunk or chunk == b"0\r\n\r\n":
                    run.end()
            writer.write(chunk)
            await writer.drain()


class _Run:
    """A request that runs."""

    def __init__(self, window: Window, request: dict[str, Any]) -> None:
        self._window = window
        self._mark = str(request["messages"][0]["content"]).partition(" ")[0]
        self._streams = bool(request.get("stream"))
        self._state: Literal["waits", "streams", "ended"] = "waits"
        window.running += 1
        window.sights.append(Sight("began", self._mark, window.running))

    def stream(self) -> None:
        if self._state == "waits" and self._streams:
            self._state = "streams"
            self._window.streaming += 1

    def end(self) -> None:
        if self._state != "ended":
            self._window.streaming -= self._state == "streams"
            self._window.sights.append(Sight("ended", self._mark, self._window.running))
            self._window.running -= 1
        self._state = "ended"
