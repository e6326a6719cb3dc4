"""Requests that have waited long enough are turned away."""

from __future__ import annotations

import asyncio

import pytest

from tests.services.queue.machines import Machine, Option, is_empty, leap, line_of, only, turns
from tollkeeper.rules.errors import ServerOverloaded
from tollkeeper.services.queue.line import Bounds


def test_nobody_waits_longer_than_the_timeout_over_all_attempts():
    async def main() -> None:
        line, machine = line_of(Bounds(timeout=10.0)), Machine("a")
        option = only(Option("m", machine))
        with line.enter("ann", 1, option) as holding:
            await holding.slot()
            with line.enter("bob", 1, option) as ticket:
                waiting = asyncio.ensure_future(ticket.slot())
                await asyncio.sleep(6)
                holding.failed()
                await waiting
                again = asyncio.ensure_future(holding.slot())
                await asyncio.sleep(20)
                with pytest.raises(ServerOverloaded):
                    await again
                assert holding.queued == pytest.approx(10.0)
                holding.queued = 0.0
                back = asyncio.ensure_future(holding.slot())
                await turns()
                ticket.failed()
                await back
                began = asyncio.get_running_loop().time()
                with pytest.raises(ServerOverloaded):
                    await ticket.slot()
                assert asyncio.get_running_loop().time() - began == pytest.approx(4.0)
        assert is_empty(line, machine)

    leap(main())


def test_who_was_served_and_waits_again_has_only_the_later_deadline():
    """An attempt that failed has used up some of the time, what it served has not."""

    async def main() -> None:
        line, machine = line_of(Bounds(timeout=10.0)), Machine("a")
        option = only(Option("m", machine))
        with line.enter("ann", 1, option) as holding, line.enter("bob", 1, option) as ticket:
            await holding.slot()
            waiting = asyncio.ensure_future(ticket.slot())
            await asyncio.sleep(2)
            holding.leave()
            await waiting
            await asyncio.sleep(4)
            ticket.failed()
            with line.enter("eve", 1, option) as other:
                await other.slot()
                began = asyncio.get_running_loop().time()
                with pytest.raises(ServerOverloaded):
                    await ticket.slot()
                assert asyncio.get_running_loop().time() - began == pytest.approx(8.0)
        assert is_empty(line, machine)

    leap(main())


async def test_deadlines_of_those_who_left_are_not_kept():
    line, machine = line_of(), Machine("a")
    option = only(Option("m", machine))
    holding = line.enter("ann", 1, option)
    await holding.slot()
    for _ in range(2_500):
        ticket = line.enter("bob", 1, option)
        line.join(ticket)
        ticket.leave()
    assert len(line._deadlines._noted) <= 1_002, "where one waits"
    holding.leave()
    assert is_empty(line, machine)
