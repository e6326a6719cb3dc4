"""The deadlines of many connections by themselves."""

from __future__ import annotations

import asyncio

from tollkeeper.services.upstreams.http.deadlines import LATEST, Deadlines


class Connection:
    """One that times out at its deadline, at most once."""

    def __init__(self, at: float | None) -> None:
        self.at = at
        self.timed_out: float | None = None
        self.looks = 0

    def check_deadline(self, now: float) -> float | None:
        self.looks += 1
        if self.at is None or now < self.at:
            return self.at
        self.at, self.timed_out = None, now
        return None


def started(*after: float | None) -> tuple[Deadlines, list[Connection]]:
    """Connections with deadlines after so many seconds; None: nobody waits."""
    now = asyncio.get_running_loop().time()
    connections = [Connection(None if seconds is None else now + seconds) for seconds in after]
    deadlines = Deadlines(connections)
    for each in connections:
        if each.at is not None:
            deadlines.add(each.at)
    return deadlines, connections


async def test_each_times_out_at_its_deadline_whichever_was_set_first() -> None:
    deadlines, connections = started(0.3, 0.02, None, 60)
    due = [each.at or 0.0 for each in connections[:2]]
    while connections[0].timed_out is None:
        assert deadlines._timer is not None
        await asyncio.sleep(0.01)
    for each, at in zip(connections, due, strict=False):
        assert each.timed_out is not None
        assert -0.01 < each.timed_out - at < LATEST + 0.1
    assert [each.timed_out for each in connections[2:]] == [None, None]
    assert repr(deadlines) == "Deadlines(4 connections, armed)"
    deadlines.close()
    assert repr(deadlines) == "Deadlines(4 connections, not armed)"


async def test_what_is_moved_back_does_not_time_out_and_is_looked_at_again() -> None:
    deadlines, (connection,) = started(0.02)
    connection.at = asyncio.get_running_loop().time() + 0.2
    while connection.looks < 2:
        await asyncio.sleep(0.01)
    assert connection.timed_out is not None
    assert deadlines._timer is None


async def test_deadlines_close_together_take_few_looks() -> None:
    _, connections = started(*(0.01 + number / 10_000 for number in range(500)))
    while any(each.timed_out is None for each in connections):
        await asyncio.sleep(0.01)
    assert connections[0].looks <= 3


async def test_nobody_who_waits_no_longer_is_looked_at_again() -> None:
    deadlines, (connection,) = started(0.01)
    connection.at = None
    await asyncio.sleep(0.05)
    assert (connection.looks, deadlines._timer) == (1, None)
