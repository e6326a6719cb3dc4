"""Work spread over turns of the event loop.

A turn of the loop runs everything that is ready. Where hundreds of clients request something that costs a millisecond
each, everyone else would wait for all of them; so only some may begin in one turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Turns:
    """Rate limiter by turns of the event loop: at most `each` tasks begin in one turn, the others in order later."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._begun = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def __repr__(self) -> str:
        return f"Turns({self._each}, {len(self._waiting)} waiting)"

    async def begin(self) -> None:
        """Wait for a turn with room."""
        loop = asyncio.get_running_loop()
        if self._begun < self._each and not self._waiting:
            self._take(loop)
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _take(self, loop: asyncio.AbstractEventLoop) -> None:
        self._begun += 1
        if self._begun == 1:
            loop.call_soon(self._next)

    def _next(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < self._each:
            turn = self._waiting.popleft()
            if not turn.done():  # else its client has disconnected
                self._take(turn.get_loop())
                turn.set_result(None)


class ByteTurns:
    """Rate limiter by turns of the event loop: about `each` bytes are processed in one turn; the rest waits for later
    turns, first come, first served."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._spent = 0
        self._due = False
        self._serving = False
        self._waiting: deque[Callable[[], None]] = deque()

    def __repr__(self) -> str:
        return f"ByteTurns({self._spent} of {self._each} bytes, {len(self._waiting)} waiting)"

    @property
    def open(self) -> bool:
        """Whether this turn has room, and nobody waits."""
        return self._spent < self._each and (self._serving or not self._waiting)

    def spend(self, size: int) -> None:
        """Count bytes that were processed in this turn."""
        self._spent += size
        self._schedule()

    def wait(self, then: Callable[[], None]) -> None:
        """Call `then` in a turn with room."""
        self._waiting.append(then)
        self._schedule()

    def _schedule(self) -> None:
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._due = False
        self._spent = 0
        self._serving = True
        try:
            for _ in range(len(self._waiting)):  # those that wait again get a later turn
                if self._spent >= self._each:
                    break
                self._waiting.popleft()()
        finally:
            self._serving = False
            if self._waiting:
                self._schedule()
