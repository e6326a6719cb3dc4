from __future__ import annotations

import asyncio

from tollkeeper.gateway.http.turns import ByteTurns, Turns


async def test_so_many_begin_in_one_turn_of_the_loop_and_in_their_order():
    turns, begun = Turns(3), list[int]()

    async def one(number: int) -> None:
        await turns.begin()
        begun.append(number)

    tasks = [asyncio.create_task(one(number)) for number in range(10)]
    seen = []
    while len(begun) < 10:
        before = len(begun)
        await asyncio.sleep(0)
        seen.append(len(begun) - before)
    assert begun == [*range(10)]
    assert max(seen) == 3
    await asyncio.gather(*tasks)


async def test_who_leaves_takes_nobodys_place():
    turns = Turns(1)
    await turns.begin()
    first, second = asyncio.create_task(turns.begin()), asyncio.create_task(turns.begin())
    first.cancel()
    await second
    assert first.cancelled()
    await turns.begin()


class Work:
    """Callers that want `size` bytes worked on, and when each had its turn."""

    def __init__(self, turns: ByteTurns, size: int) -> None:
        self.turns = turns
        self.size = size
        self.served: list[str] = []

    def ask(self, name: str) -> None:
        if self.turns.open:
            self.turns.spend(self.size)
            self.served.append(name)
        else:
            self.turns.wait(lambda: self.ask(name))


async def test_bytes_beyond_what_a_turn_has_room_for_wait_for_the_next_in_their_order() -> None:
    work = Work(ByteTurns(100), 60)
    for name in "abcde":
        work.ask(name)
    assert work.served == ["a", "b"]
    await asyncio.sleep(0)
    work.ask("f")  # nobody who comes later goes ahead
    assert work.served == ["a", "b", "c", "d"]
    await asyncio.sleep(0)
    assert work.served == ["a", "b", "c", "d", "e", "f"]


async def test_a_turn_in_which_little_was_worked_on_does_not_count_in_the_next() -> None:
    work = Work(ByteTurns(100), 99)
    for name in "abc":
        work.ask(name)
        assert work.served[-1] == name
        await asyncio.sleep(0)
