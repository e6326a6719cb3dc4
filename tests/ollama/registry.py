"""A registry of models on loopback, with those of a real Ollama, which does what a test says while it is pulled from.

    async with Registry(ollama.models) as registry:
        registry.hold_at(100_000)          # a layer stops there until `registry.go.set()`
        registry.cut(2)                    # the next two transfers break off in the middle
        registry.damage()                  # layers arrive with another content than their digest says
        registry.name("tiny")              # what to pull, "insecure"

It speaks the part of the OCI distribution protocol that Ollama pulls by: manifests, and blobs with redirects to another
host, which serves ranges.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

RANGE = re.compile(rb"^range: bytes=(\d+)-(\d*)\r$", re.IGNORECASE | re.MULTILINE)
PIECE = 16_384


class Transfer(NamedTuple):
    """A transfer of a blob that began, from this byte on."""

    digest: str
    start: int


class Registry:
    """`transfers`: those that have begun, in order. `sent`: bytes of blobs so far. `open`: transfers under way."""

    def __init__(self, models: Path) -> None:
        self._blobs = models / "blobs"
        self._manifests = models / "manifests" / "registry.ollama.ai" / "library"
        self._server: asyncio.Server
        self._serving: set[asyncio.Task[None]] = set()
        self._hold: int | None = None
        self._cuts = 0
        self._damaged = False
        self.go = asyncio.Event()
        self.held = asyncio.Event()
        self.transfers: list[Transfer] = []
        self.sent = 0
        self.open = 0
        self.port = 0

    def __repr__(self) -> str:
        return f"Registry({self.port}, {len(self.transfers)} transfers)"

    async def __aenter__(self) -> Registry:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def name(self, model: str) -> str:
        return f"http://127.0.0.1:{self.port}/library/{model}"

    def listed(self, model: str) -> str:
        """Its canonical name, once it is pulled."""
        return f"127.0.0.1:{self.port}/library/{model}"

    def hold_at(self, byte: int) -> None:
        self._hold = byte
        self.go.clear()
        self.held.clear()

    def cut(self, times: int) -> None:
        self._cuts = times

    def damage(self) -> None:
        self._damaged = True

    def layers(self, model: str, tag: str = "latest") -> Mapping[str, int]:
        """The sizes of the layers of a model, by digest."""
        manifest = json.loads((self._manifests / model / tag).read_text())
        return {layer["digest"]: layer["size"] for layer in [*manifest["layers"], manifest["config"]]}

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._respond(reader, writer)
        finally:
            writer.transport.abort()

    async def _respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                first = await reader.readexactly(1)
                if first == b"\x16":  # TLS: told in plain http, as servers do
                    writer.write(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTPS request to an HTTP server.\n")
                    await writer.drain()
                    return
                head = first + await reader.readuntil(b"\r\n\r\n")
                method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
                parts = target.strip("/").split("/")
                if parts[:1] == ["direct"]:
                    await self._blob(reader, writer, parts[1], head)
                elif parts[-2:-1] == ["manifests"]:
                    await self._manifest(writer, parts[-3], parts[-1])
                elif parts[-2:-1] == ["blobs"] and method == "HEAD":
                    size = self._path(parts[-1]).stat().st_size
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
                else:
                    # Another name of this host: Ollama takes the address that it is sent to by one that is not its own.
                    direct = f"http://localhost:{self.port}/direct/{parts[-1]}"
                    writer.write(
                        f"HTTP/1.1 307 Temporary Redirect\r\nlocation: {direct}\r\ncontent-length: 0\r\n\r\n".encode()
                    )

    def _path(self, digest: str) -> Path:
        return self._blobs / digest.replace(":", "-")

    async def _manifest(self, writer: asyncio.StreamWriter, model: str, tag: str) -> None:
        path = self._manifests / model / tag
        if not path.is_file():
            body = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
            writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
            return
        body = path.read_bytes()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    async def _blob(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, digest: str, head: bytes) -> None:
        content = self._path(digest).read_bytes()
        asked = RANGE.search(head)
        start, end = (int(asked[1]), int(asked[2] or len(content) - 1)) if asked else (0, len(content) - 1)
        self.transfers.append(Transfer(digest, start))
        if self._damaged:
            content = bytes(byte ^ 1 for byte in content[:1]) + content[1:]
        cut = start + (end - start) // 2 if self._cuts and end - start > PIECE else None
        self._cuts -= cut is not None
        writer.write(
            b"HTTP/1.1 206 Partial Content\r\ncontent-length: %d\r\ncontent-range: bytes %d-%d/%d\r\n\r\n"
            % (end - start + 1, start, end, len(content))
        )
        self.open += 1
        try:
            for at in range(start, end + 1, PIECE):
                if cut is not None and at >= cut:
                    writer.transport.abort()
                    raise ConnectionAbortedError
                if self._hold is not None and at >= self._hold:
                    self.held.set()
                    await self._until_go(reader)
                piece = content[at : min(at + PIECE, end + 1)]
                writer.write(piece)
                await writer.drain()
                self.sent += len(piece)
        finally:
            self.open -= 1

    async def _until_go(self, reader: asyncio.StreamReader) -> None:
        """Until the test says so. Raises ConnectionAbortedError when the one that pulls has gone."""
        go = asyncio.ensure_future(self.go.wait())
        gone = asyncio.ensure_future(reader.read(1))
        await asyncio.wait([go, gone], return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            go.cancel()
            raise ConnectionAbortedError
        gone.cancel()
        await asyncio.wait([gone])
