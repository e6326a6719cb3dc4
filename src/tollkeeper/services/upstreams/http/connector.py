"""How connections to one upstream are made: directly or through a proxy, with or without TLS."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Callable

from tollkeeper.rules.errors import UpstreamTimeout, UpstreamUnavailable
from tollkeeper.services.upstreams.http.connection import UpstreamConnection
from tollkeeper.services.upstreams.http.tls import tls_context, tls_fault
from tollkeeper.services.upstreams.http.tunnel import TunnelRefused, open_tunnel
from tollkeeper.wire.http.address import Address
from tollkeeper.wire.http.proxies import Proxies, Proxy

log = logging.getLogger("tollkeeper.upstreams")


class Connector:
    """Makes connections to one upstream. `address` writes the requests that go over them.

    Why there is none is logged once for each cause, and again when it returns after a success.
    """

    def __init__(
        self, base_url: str, headers: tuple[tuple[bytes, bytes], ...], ca_file: str | None, proxies: Proxies
    ) -> None:
        """Raises ValueError for a bad address."""
        self.address = address = Address(base_url, headers)
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None
        self._proxy: Proxy | None = None
        self._fault = ""
        """Why the environment's proxy cannot be used."""
        self._logged = ""
        try:
            self._proxy = proxies.choose(address.host, address.port, secure=address.secure)
        except ValueError as error:
            self._fault = str(error)
        if self._proxy is not None and not address.secure:
            self.address = Address(base_url, (*headers, *self._proxy.headers), through_proxy=True)

    def __repr__(self) -> str:
        return f"Connector({self.address!r}{f', {self._proxy!r}' if self._proxy else ''})"

    async def connect(self, make: Callable[[], UpstreamConnection], seconds: float) -> UpstreamConnection:
        """Make a connection within some seconds. Raises UpstreamUnavailable (503), UpstreamTimeout (504)."""
        host = self.address.host if self._proxy is None or self.address.secure else self._proxy.host
        try:
            if self._fault:
                raise ValueError(self._fault)
            if self.address.secure and self._tls is None:
                self._tls = await asyncio.get_running_loop().run_in_executor(None, tls_context, self._ca_file)
            async with asyncio.timeout(seconds):
                connection = await self._connect(make)
        except TimeoutError:
            detail = f"no connection to {host} within {seconds:g} s"
            self._note(detail)
            raise UpstreamTimeout(
                f"No connection to the upstream within {seconds:g} s. Try again later.",
                detail=detail,
                progress="nothing",
            ) from None
        except ssl.SSLError as error:
            raise self._unavailable(tls_fault(error, host)) from error
        except (TunnelRefused, ValueError) as error:
            raise self._unavailable(str(error)) from error
        except OSError as error:
            raise self._unavailable(f"no connection to {host}: {_reason(error)}") from error
        self._logged = ""
        return connection

    async def _connect(self, make: Callable[[], UpstreamConnection]) -> UpstreamConnection:
        loop, address, proxy = asyncio.get_running_loop(), self.address, self._proxy
        if not address.secure:
            host, port = (address.host, address.port) if proxy is None else (proxy.host, proxy.port)
            return (await loop.create_connection(make, host, port))[1]
        if proxy is None:
            return (await loop.create_connection(make, address.host, address.port, ssl=self._tls))[1]
        assert self._tls is not None
        tunnel = await open_tunnel(proxy, address.host, address.port)
        connection = make()
        try:
            transport = await loop.start_tls(tunnel, connection, self._tls, server_hostname=address.host)
        except BaseException:
            tunnel.abort()
            raise
        assert transport is not None
        connection.connection_made(transport)
        return connection

    def _unavailable(self, detail: str) -> UpstreamUnavailable:
        self._note(detail)
        return UpstreamUnavailable(
            "No connection to the upstream can be made: it may be down. Try again later.",
            status=503,
            detail=detail,
            progress="nothing",
        )

    def _note(self, detail: str) -> None:
        if detail != self._logged:
            self._logged = detail
            log.warning("%s cannot be reached: %s", self.address.url, detail)


def _reason(error: OSError) -> str:
    """The system's words for an error; asyncio has others, with the address in them."""
    if error.errno is None or isinstance(error, socket.gaierror):
        return error.strerror or str(error)
    return os.strerror(error.errno)
