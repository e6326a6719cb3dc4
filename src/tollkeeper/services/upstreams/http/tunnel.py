"""A tunnel through an HTTP proxy: CONNECT (RFC 9110, 9.3.6)."""

from __future__ import annotations

import asyncio
import re

from tollkeeper.wire.http.proxies import Proxy

_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: [^\r\n]*)?\r\n")
_MAX_HEAD = 16_384


class TunnelRefused(Exception):
    """The proxy opens no tunnel; the text says why, and shows no credentials."""


async def open_tunnel(proxy: Proxy, host: str, port: int) -> asyncio.Transport:
    """Connect to a proxy and have it open a tunnel to a server. The transport's protocol is to be replaced.

    Raises OSError when there is no connection to the proxy, TunnelRefused.
    """
    loop = asyncio.get_running_loop()
    transport, reader = await loop.create_connection(lambda: _HeadReader(loop), proxy.host, proxy.port)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    headers = ((b"host", place.encode()), *proxy.headers)
    lines = (b"CONNECT %b HTTP/1.1" % place.encode(), *(b"%b: %b" % header for header in headers), b"", b"")
    try:
        transport.write(b"\r\n".join(lines))
        head = await reader.head
        found = _STATUS.match(head)
        # Behind the head of a 2xx there is nothing yet: the server speaks second.
        if found is None or (found[1].startswith(b"2") and not head.endswith(b"\r\n\r\n")):
            raise TunnelRefused(f"the proxy {proxy.host}:{proxy.port} did not answer CONNECT as a proxy does")
        if found[1] == b"407":
            raise TunnelRefused(f"the proxy {proxy.host}:{proxy.port} refuses the credentials it was given (407)")
        if not found[1].startswith(b"2"):
            status = found[1].decode()
            raise TunnelRefused(f"the proxy {proxy.host}:{proxy.port} answered {status} to CONNECT {place}")
    except BaseException:
        transport.abort()
        raise
    return transport


class _HeadReader(asyncio.Protocol):
    """Reads the head of the one response, with what came right behind it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.head: asyncio.Future[bytes] = loop.create_future()
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        if b"\r\n\r\n" in self._received or len(self._received) > _MAX_HEAD:
            self._finish()

    def connection_lost(self, _: Exception | None) -> None:
        self._finish()

    def _finish(self) -> None:
        if not self.head.done():
            self.head.set_result(self._received)
