"""Who watches a request hears of its place."""

from __future__ import annotations

import asyncio

from tests.services.queue.machines import Machine, Option, leap, line_of, only, serve, turns


def test_place_and_wait_are_shown_when_a_request_begins_to_wait_and_as_they_change():
    async def main() -> None:
        line, machine = line_of(), Machine("a")
        option = only(Option("m", machine))
        told: list[tuple[float, int, float]] = []
        async with asyncio.TaskGroup() as group:
            for name in ("ann", "bob"):
                group.create_task(serve(line, name, option, [], 3.4))
                await turns()
            with line.enter("eve", 1, option) as ticket:
                ticket.watch(lambda position, s: told.append((asyncio.get_running_loop().time(), position, s)))
                waiting = asyncio.ensure_future(ticket.slot())
                await turns()
                assert told == [(0.0, 2, 10.0)]  # of a model that is not known yet
                assert line.of_user("eve") == (1, 0, 2, 10.0)
                assert line.statistics()["a"] == (2, 1, 0.0)
                assert line.running("a") == 1
                await waiting
        assert [round(at) for at, _, _ in told] == [0, 1, 2, 3, 4, 5, 6]
        assert [position for _, position, _ in told] == [2, 2, 2, 2, 1, 1, 1]
        assert repr(line).startswith("Line(0 waiting of 0 users")

    leap(main())
