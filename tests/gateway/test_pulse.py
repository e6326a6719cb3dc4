"""One timer that has all its members beat."""

from __future__ import annotations

import asyncio

from tollkeeper.gateway.pulse import Pulse


class Member:
    """Beats so many times, and then raises, if it `fails`."""

    def __init__(self, times: int, *, fails: bool = False) -> None:
        self.left = times
        self.fails = fails
        self.done = asyncio.Event()

    def beat(self) -> bool:
        self.left -= 1
        if self.left:
            return True
        self.done.set()
        if self.fails:
            raise ValueError("it fails")
        return False


async def test_members_beat_until_they_have_done_so_often_enough():
    pulse = Pulse(0.001, asyncio.get_running_loop().time)
    one, other = Member(1), Member(3)
    pulse.add(one)
    pulse.add(other)
    await other.done.wait()
    assert (one.left, other.left) == (0, 0)
    assert repr(pulse) == "Pulse(0 every 0.001 s)"


async def test_a_member_that_was_removed_beats_no_more():
    now = 0.0
    pulse = Pulse(0.001, lambda: now)
    gone, there = Member(9), Member(1)
    pulse.add(gone)
    pulse.add(there)
    pulse.discard(gone)
    pulse.discard(gone)
    now = 1.0
    await there.done.wait()
    assert gone.left == 9


async def test_nobody_beats_before_the_time():
    now = 0.0
    pulse = Pulse(0.001, lambda: now)
    early, late = Member(1), Member(1)
    pulse.add(early)
    now = 0.5
    pulse.add(late)
    now = 0.501
    pulse.discard(early)
    beaten = Member(1)
    pulse.add(beaten)
    await late.done.wait()
    assert beaten.left == 1
    now = 0.502
    await beaten.done.wait()


async def test_a_pulse_that_had_no_members_begins_again():
    pulse = Pulse(0.001, asyncio.get_running_loop().time)
    for _ in range(2):
        member = Member(1)
        pulse.add(member)
        await member.done.wait()


async def test_whoever_raises_does_not_stop_the_others():
    faults = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["exception"]))
    pulse = Pulse(0.001, asyncio.get_running_loop().time)
    bad, good = Member(1, fails=True), Member(2)
    pulse.add(bad)
    pulse.add(good)
    await good.done.wait()
    assert [type(fault) for fault in faults] == [ValueError]
