"""The timers of a connection by themselves."""

from __future__ import annotations

import asyncio

from tollkeeper.gateway.http.timers import HEAD, IDLE, STALL, Timers


async def test_one_of_a_name_and_it_may_be_armed_again_when_it_fires() -> None:
    timers = Timers(asyncio.get_running_loop())
    fired: list[int] = []
    done = asyncio.Event()

    def again(count: int) -> None:
        assert IDLE not in timers.armed
        fired.append(count)
        if count < 3:
            timers.arm(IDLE, 0, again, count + 1)
        else:
            done.set()

    timers.arm(IDLE, 0, again, 100)
    timers.arm(IDLE, 0, again, 1)
    await done.wait()
    assert fired == [1, 2, 3]


async def test_what_is_stopped_does_not_fire() -> None:
    timers = Timers(asyncio.get_running_loop())
    fired: list[str] = []
    for name in (HEAD, IDLE, STALL):
        timers.arm(name, 0, fired.append, name)
    assert repr(timers) == "Timers(head, idle, stall)"
    timers.stop(HEAD)
    timers.stop(HEAD)
    timers.stop_all()
    await asyncio.sleep(0.01)
    assert fired == []
    assert repr(timers) == "Timers(none)"
