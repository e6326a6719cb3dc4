"""Streams of events: how many somebody may have open, and the ticks at which they go on."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from tollkeeper.rules.errors import GatewayError, RateLimited

EVERY = 1.0
"""Seconds from tick to tick."""
MOST_STREAMS = 6
"""The most concurrent streams of one opener, unless its kind of stream has another bound."""


class OpenStreams:
    """The number of open streams, by opener: a key, a session, a user. Each may have `most` of them at once."""

    def __init__(self, most: int = MOST_STREAMS) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"OpenStreams({self.total})"

    @property
    def total(self) -> int:
        return self._open.total()

    def open(self, opener: str, words: str) -> None:
        """Count one more, to be ended by `close`. `words` name the opener: "this key or session". Raises RateLimited
        when there are too many already."""
        if self._open[opener] >= self._most:
            raise RateLimited(
                f"There are {self._most} streams of {words} already. Close one of them.",
                quantity="requests", retry_after=None, should_retry=False,
            )  # fmt: skip
        self._open[opener] += 1

    def close(self, opener: str) -> None:
        self._open -= Counter((opener,))


class Ticks:
    """Ticks that streams wait for. `number` is that of the last one."""

    def __init__(self) -> None:
        self.number = 0
        self._stopped = False
        self._next: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        return f"Ticks({self.number}{', stopped' if self._stopped else ''})"

    def tick(self) -> None:
        """Wake up the streams."""
        self.number += 1
        self._wake()

    def stop(self) -> None:
        """End all streams, and allow no new ones."""
        self._stopped = True
        self._wake()

    async def each(self, check: Callable[[], object]) -> AsyncIterator[int]:
        """The number of the last tick at once, and of each later one as it comes; one who is slow misses some. `check`
        is called before each, and ends it by raising one of `rules.errors`."""
        while not self._stopped and passes(check):
            number = self.number
            yield number
            if number == self.number and not self._stopped:
                if self._next is None:
                    self._next = asyncio.get_running_loop().create_future()
                await asyncio.shield(self._next)

    def _wake(self) -> None:
        if self._next is not None:
            woken, self._next = self._next, None
            woken.set_result(None)


async def every_second() -> AsyncGenerator[None, None]:
    """Once a second; late where what is done in between takes longer."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        due = max(due + EVERY, loop.time())
        await asyncio.sleep(due - loop.time())
        yield


def passes(check: Callable[[], object]) -> bool:
    """Whether a check lets a stream go on: it raises one of `rules.errors` where it does not."""
    try:
        check()
    except GatewayError:
        return False
    return True
