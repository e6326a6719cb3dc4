"""Memory budgets of request and response bodies, shared by all requests."""

from __future__ import annotations

import asyncio

from tollkeeper.rules.errors import ServerOverloaded

FREE = 65_536
"""Bytes of a response that are not counted: each connection may buffer as many anyway, and most are shorter."""


class MemoryBudget:
    """Budget of `limit` bytes, of which `held` are in use. Going beyond is refused with the message `refusal`."""

    refusal: str

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.held} of {self.limit} bytes)"

    def take(self, size: int) -> None:
        """Hold `size` more bytes. Raises ServerOverloaded, and changes nothing, where there is no room."""
        if self.held + size > self.limit:
            raise ServerOverloaded(self.refusal, retry_after=1)
        self.held += size

    def give_back(self, size: int) -> None:
        self.held -= size


class RequestMemory(MemoryBudget):
    """Memory held by all request bodies."""

    refusal = "Too many large requests are in memory. Try again soon."


class ResponseMemory(MemoryBudget):
    """Memory held by all responses longer than `FREE`. Parsing a large one takes the lock `turn` for each step, so that
    everyone else waits for one step at most, however many large responses there are."""

    refusal = "Too many large responses are in memory. Try again soon."

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.turn = asyncio.Lock()


class Share:
    """Memory held by one response. `resize` it to 0 at its end."""

    __slots__ = ("held", "memory")

    def __init__(self, memory: ResponseMemory) -> None:
        self.memory = memory
        self.held = 0

    def __repr__(self) -> str:
        return f"Share({self.held} bytes)"

    def resize(self, size: int) -> None:
        """Hold `size` bytes in all. Raises ServerOverloaded, and changes nothing, where the budget has no room."""
        counted = size if size > FREE else 0
        if counted > self.held:
            self.memory.take(counted - self.held)
        elif counted < self.held:
            self.memory.give_back(self.held - counted)
        self.held = counted
