"""Where a hostile input is tried: a gateway, an upstream, and users with a key each."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from tests.process.served import Served
from tests.scripted import Conn, Request, ScriptedUpstream
from tests.shapes import chat_answer, json_response

CHAT = "/v1/chat/completions"
MB = 1_000_000
_QUIET = "quiet:latest"
_READ = 1 << 16


@dataclass
class Room:
    """`keys` by user: mallory, who attacks, and bob, who only wants to work. `hostile` is what the upstream does for
    all but bob."""

    gateway: Served
    upstream: ScriptedUpstream
    keys: dict[str, str]
    hostile: Callable[[Conn, Request], Awaitable[None]] | None = None
    served: int = field(default=0)
    """Answers that bob got while it went on."""

    async def answer(self, conn: Conn, request: Request) -> None:
        """What the upstream does with a chat."""
        if self.hostile is None or request.json["model"] == _QUIET:
            await conn.send(json_response(chat_answer()))
        else:
            await self.hostile(conn, request)

    def head(
        self, path: str, *lines: str, method: str = "POST", key: str | None = "mallory", more: bool = False
    ) -> bytes:
        """The head of a request with a user's key, or with none. With `more` another may follow on its connection."""
        first = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *([] if more else ["Connection: close"])]
        if key is not None:
            first.append(f"Authorization: Bearer {self.keys[key]}")
        return ("\r\n".join([*first, *lines]) + "\r\n\r\n").encode()

    def post(self, path: str, body: bytes, *lines: str, key: str | None = "mallory", more: bool = False) -> bytes:
        return self.head(path, f"Content-Length: {len(body)}", *lines, key=key, more=more) + body

    def chat(self, key: str = "mallory", **fields: Any) -> bytes:
        ask = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]} | fields
        return self.post(CHAT, json.dumps(ask).encode(), key=key)

    async def send(self, *parts: bytes, address: str = "127.0.0.1", reads: bool = True) -> bytes:
        """The answer to what is sent as it is: the first 64 kB of it. Where the gateway ends the connection before all
        was sent, that is an answer, too. With `reads` off nothing is read before all was sent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.port, local_addr=(address, 0))
        got = bytearray()

        async def read() -> None:
            with contextlib.suppress(OSError):
                while data := await reader.read(_READ):
                    if len(got) < _READ:
                        got.extend(data)

        reading = asyncio.create_task(read()) if reads else None
        try:
            with contextlib.suppress(OSError):
                for part in parts:
                    for start in range(0, len(part), _READ):
                        writer.write(part[start : start + _READ])
                        await writer.drain()
            await (reading or read())
        finally:
            if reading is not None:
                reading.cancel()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        return bytes(got)

    async def work(self) -> None:
        """Bob asks, again and again, until cancelled. A failure of his is an AssertionError."""
        while True:
            answer = await self.send(self.chat("bob", model="quiet"))
            assert answer.startswith(b"HTTP/1.1 200 "), answer[:1000]
            self.served += 1
            await asyncio.sleep(0.02)


async def together(what: Iterable[Awaitable[Any]]) -> list[Any]:
    """All at once; the first failure is the failure."""
    return list(await asyncio.gather(*what))


class Hostile(NamedTuple):
    """`attack` may look at what is answered. `grows_mb` bounds how far the memory of the process may grow beyond what
    it was before. `limits` are mallory's."""

    name: str
    attack: Callable[[Room], Awaitable[None]]
    grows_mb: int
    limits: Mapping[str, int] = MappingProxyType({})


class Memory:
    """Of a process: how far it grew at the most since this was made, in MB (Linux: proc_pid_status(5), VmHWM)."""

    def __init__(self, pid: int) -> None:
        self._place = Path(f"/proc/{pid}")
        (self._place / "clear_refs").write_text("5")  # the highest mark is now's
        self._before = self._kilobytes("VmRSS")

    @property
    def grown(self) -> float:
        return (self._kilobytes("VmHWM") - self._before) / 1000

    def _kilobytes(self, name: str) -> int:
        row = next(line for line in (self._place / "status").read_text().splitlines() if line.startswith(name))
        return int(row.split()[1])
