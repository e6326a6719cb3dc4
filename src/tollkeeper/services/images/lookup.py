"""Look-ups of the names in image URLs, in threads that serve nothing else.

A look-up cannot be stopped, and how long it takes is up to whoever owns the name. In the event loop's own pool a few
slow ones would keep every other name waiting, the upstream's with them.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Ask = Callable[..., list[Any]]


class SystemLookup:
    """What the system knows. `at_once` bounds the threads: a look-up that hangs keeps its own even when nobody waits
    for it any more, so there are more of them than one user may have under way. They do not hold up the process's end.
    `ask` has the form of `socket.getaddrinfo`."""

    def __init__(self, *, at_once: int = 16, ask: Ask = socket.getaddrinfo) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._ask = ask

    async def __call__(self, host: str, port: int) -> list[str]:
        """Every address of `host`, in the system's order of preference. Raises OSError, UnicodeError."""
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
                answers = self._ask(host, port, type=socket.SOCK_STREAM)
                addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))
            except Exception as error:  # noqa: BLE001 it is raised where it is awaited
                failure = error
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(ended, addresses, failure)

        try:
            threading.Thread(target=look_up, name="image name", daemon=True).start()
        except BaseException:
            self._places.release()
            raise
        return await found
