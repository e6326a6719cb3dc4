"""DNS look-ups of addresses that others choose, in threads of their own.

A look-up cannot be cancelled, and its duration is up to the owner of the name. In the event loop's default pool a few
slow ones would delay every other look-up, those of upstreams included.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

GetAddrInfo = Callable[..., list[Any]]


class SystemLookup:
    """Name look-up by the system's resolver. `at_once` bounds the threads: a look-up that hangs keeps its thread after
    its request has gone, so there are more of them than one user may have fetches. They do not delay the process's
    exit. `getaddrinfo` has the signature of `socket.getaddrinfo`."""

    def __init__(self, *, at_once: int = 16, getaddrinfo: GetAddrInfo = socket.getaddrinfo) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._getaddrinfo = getaddrinfo

    async def __call__(self, host: str, port: int) -> list[str]:
        """Look up every address of `host`, in the system's order of preference. Raises OSError, UnicodeError."""
        await self._places.acquire()
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[str]] = loop.create_future()

        def ended(addresses: list[str], error: Exception | None) -> None:
            self._places.release()
            if not found.done():
                if error is None:
                    found.set_result(addresses)
                else:
                    found.set_exception(error)

        def look_up() -> None:
            addresses: list[str] = []
            failure: Exception | None = None
            try:
                answers = self._getaddrinfo(host, port, type=socket.SOCK_STREAM)
                addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))
            except Exception as error:  # noqa: BLE001 it is raised where it is awaited
                failure = error
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(ended, addresses, failure)

        try:
            threading.Thread(target=look_up, name="outbound name", daemon=True).start()
        except BaseException:
            self._places.release()
            raise
        return await found
