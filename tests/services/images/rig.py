"""A web server on loopback that answers as a test tells it to, and networks to put under the guard."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpcore2

CERTIFICATE = Path(__file__).with_name("images_test.pem")
"""Self-signed, for the name images.test, with its key; good for nothing else."""

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Server:
    def __init__(self) -> None:
        self.port = 0
        self.requests: list[bytes] = []
        self.paths: dict[bytes, bytes | Behaviour] = {}
        """Raw answers, or what to do, by path."""
        self.left = asyncio.Event()
        """Set when a connection has ended."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"http://{self.address}{path}"

    def redirect(self, path: str, location: str, status: int = 302) -> None:
        self.paths[path.encode()] = answer(b"", f"location: {location}", status=status)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(request)
            does = self.paths.get(request.split(b" ")[1], answer(b"nothing here", status=404))
            if isinstance(does, bytes):
                writer.write(does)
            else:
                await does(writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.left.set()


@asynccontextmanager
async def serving(tls: bool = False) -> AsyncIterator[Server]:
    server = Server()
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server


def answer(body: bytes, *headers: str, status: int = 200) -> bytes:
    lines = [f"HTTP/1.1 {status} As told", *headers, f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


class Detour(httpcore2.AsyncNetworkBackend):
    """Notes where the guard lets a connection go, and takes it to a port of loopback instead (None: nowhere)."""

    def __init__(self, port: int | None = None) -> None:
        self.asked: list[tuple[str, int]] = []
        self._port = port
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.asked.append((host, port))
        if self._port is None:
            raise httpcore2.ConnectError("nobody answers")
        return await self._network.connect_tcp("127.0.0.1", self._port)


def names(**known: str | list[str]):
    """A resolver that knows these names, `_` standing for a dot."""
    table = {name.replace("_", "."): [ips] if isinstance(ips, str) else ips for name, ips in known.items()}

    async def resolve(host: str, port: int) -> list[str]:
        try:
            return table[host]
        except KeyError:
            raise OSError(f"{host} is unknown") from None

    return resolve
