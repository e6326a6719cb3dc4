"""Counters as behind a server: calls travel to it one after another, and its answers come late.

What it keeps is a `MemoryCounters`. Every call is sent at once and in order; the server takes it some turns of the loop
later, so that whatever else is ready runs before. Answers take as long again, each as long as chance has it, and may
overtake each other. It is strict where memory would forgive: a reservation must end exactly once.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from tollkeeper.rules.admission import Refused
from tollkeeper.rules.owners import Scope
from tollkeeper.store.memory.counters import MemoryCounters, MemoryReservation
from tollkeeper.store.ports.counters import AdmissionRequest, LimitStatus, Names, PastUse, ScopeLimits

T = TypeVar("T")
_MOST_TURNS = 7


class SlowCounters:
    """`ahead`: by how many milliseconds the server's clock is ahead."""

    def __init__(self, *, ahead: int = 0, seed: int = 1) -> None:
        self._kept = MemoryCounters()
        self._ahead = ahead
        self._chance = random.Random(seed)
        self._sent: deque[Callable[[], None]] = deque()
        self._unended: set[MemoryReservation] = set()
        self.overlapped = 0
        """Answers that came after a later call was served."""
        self._served = 0

    def __repr__(self) -> str:
        return repr(self._kept).replace("Memory", "Slow")

    async def admit(self, request: AdmissionRequest, at: int) -> MemoryReservation:
        async def decide() -> MemoryReservation:
            reservation = await self._kept.admit(request, at + self._ahead)
            self._unended.add(reservation)
            return reservation

        return await self._answered(self._call(decide), self.give_back)

    def settle(self, reservation: MemoryReservation, model: str, tokens: int, cost: int, at: int) -> None:
        self._tell(lambda: self._end(reservation, lambda: self._kept.settle(reservation, model, tokens, cost, at)))

    def give_back(self, reservation: MemoryReservation) -> None:
        self._tell(lambda: self._end(reservation, lambda: self._kept.give_back(reservation)))

    def _end(self, reservation: MemoryReservation, end: Callable[[], None]) -> None:
        self._unended.remove(reservation)  # raises where it has ended before
        end()

    async def status(self, limits: Iterable[ScopeLimits], at: int) -> Sequence[Sequence[LimitStatus]]:
        wanted = list(limits)
        return await self._call(lambda: self._kept.status(wanted, at + self._ahead))

    def begin(self, names: Mapping[Scope, Names]) -> Awaitable[Mapping[Scope, Names]]:
        async def begun() -> Mapping[Scope, Names]:
            return await self._kept.begin(names)

        return self._answered(self._call(begun), self.forget)

    async def add(self, past: Iterable[PastUse]) -> None:
        sent = list(past)
        await self._call(lambda: self._kept.add(sent))

    def forget(self, names: Mapping[Scope, Names]) -> None:
        self._tell(lambda: self._kept.forget(names))

    def drop(self, owner: Scope) -> None:
        self._tell(lambda: self._kept.drop(owner))

    def adjust(self, owner: Scope, cost: int, at: int) -> None:
        self._tell(lambda: self._kept.adjust(owner, cost, at))

    def held(self) -> int:
        """As `MemoryCounters.held`; nothing may be on its way, as it is not while nothing is under way."""
        assert not self._sent, "something is on its way"
        return self._kept.held()

    async def settled(self) -> None:
        """Wait until all that was sent has been served."""
        while self._sent:
            await asyncio.sleep(0)

    def _tell(self, what: Callable[[], None]) -> None:
        self._sent.append(what)
        self._later(self._serve)

    def _call(self, what: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Future[T]:
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def serve() -> None:
            try:
                what().send(None)  # memory never waits
            except StopIteration as end:
                self._later(self._answer(answer.set_result, answer, end.value))
            except Refused as refused:
                self._later(self._answer(answer.set_exception, answer, refused))

        self._tell(serve)
        return answer

    def _answer(self, give: Callable[[Any], None], answer: asyncio.Future[T], value: Any) -> Callable[[], None]:
        served = self._served

        def arrive() -> None:
            self.overlapped += self._served > served + 1
            if not answer.done():
                give(value)

        return arrive

    @staticmethod
    async def _answered(answer: asyncio.Future[T], undo: Callable[[T], None]) -> T:
        """The answer; where nobody waits for it any longer, what it stands for is undone when it comes."""
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            answer.add_done_callback(lambda late: None if late.exception() else undo(late.result()))
            raise

    def _serve(self) -> None:
        """Take the oldest call that was sent."""
        self._served += 1
        self._sent.popleft()()

    def _later(self, what: Callable[[], None]) -> None:
        """Some turns of the loop from now."""
        loop = asyncio.get_running_loop()
        turns = self._chance.randint(1, _MOST_TURNS)

        def step() -> None:
            nonlocal turns
            turns -= 1
            if turns:
                loop.call_soon(step)
            else:
                what()

        loop.call_soon(step)
