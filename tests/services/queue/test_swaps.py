"""Models that an upstream has loaded, and those that it must load first."""

from __future__ import annotations

import asyncio

import pytest

from tests.services.queue.machines import Machine, Option, is_empty, leap, line_of, only, serve, turns
from tollkeeper.services.queue.line import Bounds


def test_loaded_models_are_served_first_but_not_for_ever():
    async def main() -> None:
        line, machine = line_of(), Machine("a")
        machine.load.loaded = frozenset({"old"})
        machine.load.load_times = {"new": 2.0}
        served: list[str] = []
        async with asyncio.TaskGroup() as group:
            for name, model in [("ann", "old"), ("bob", "new"), *[("eve", "old")] * 12, ("joe", "new")]:
                group.create_task(serve(line, f"{name}/{model}", only(Option(model, machine)), served))
                await turns()
        # Passed over from second 1 to second 9, which is four times as long as it takes to load
        assert served == [
            "ann/old at a",
            *["eve/old at a"] * 8,
            "bob/new at a",
            "joe/new at a",
            *["eve/old at a"] * 4,
        ]
        assert is_empty(line, machine)

    leap(main())


@pytest.mark.parametrize("waits", [True, False])
async def test_while_a_model_is_being_loaded_no_other_is_dispatched(waits: bool):
    line, machine = line_of(), Machine("a", slots=4)
    machine.load.loaded = frozenset({"old"})
    runs = [line.enter("ann", 1, only(Option("old", machine))) for _ in range(2)]
    for each in runs:
        await each.slot()
    swaps, too = [line.enter("bob", 1, only(Option("new", machine))) for _ in range(2)]
    await swaps.slot()
    assert machine.load.loading == {"new"}
    runs[0].leave()
    if not waits:
        assert line.take_at_once(too), "it is of the model that is being loaded"
        assert not line.take_at_once(line.enter("ann", 1, only(Option("old", machine))))
    late = line.enter("ann", 1, only(Option("old", machine)))
    task = asyncio.create_task(late.slot())
    await turns()
    assert not task.done()
    line.answered(swaps, 3.0)
    await turns()
    assert late.choice == Option("old", machine)
    assert machine.load.load_times == {"new": 3.0}
    for each in (*runs, swaps, too, late):
        each.leave()
    await task
    assert is_empty(line, machine)


def test_others_do_not_wait_for_ever_for_a_model_whose_answer_comes_as_a_whole():
    """It may have been loaded long before."""

    async def main() -> None:
        line, machine = line_of(), Machine("a", slots=2)
        machine.load.loaded = frozenset({"old"})
        served: list[str] = []
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(line, "bob", only(Option("new", machine)), served, 30.0))
            await asyncio.sleep(1)
            with line.enter("ann", 1, only(Option("old", machine))) as ticket:
                await ticket.slot()
                assert asyncio.get_running_loop().time() == pytest.approx(5.0, abs=0.01)
                line.answered(ticket, None)
        assert machine.load.load_times == {}
        assert is_empty(line, machine)

    leap(main())


def test_a_model_that_loads_slowly_is_not_passed_over_until_it_times_out():
    async def main() -> None:
        line, machine = line_of(Bounds(timeout=20.0)), Machine("a")
        machine.load.loaded = frozenset({"old"})
        machine.load.load_times = {"new": 15.0}
        served: list[str] = []
        async with asyncio.TaskGroup() as group:
            for name, model in [("ann", "old"), ("bob", "new"), *[("eve", "old")] * 14]:
                group.create_task(serve(line, name, only(Option(model, machine)), served))
                await turns()
        assert served.index("bob at a") == 11, "passed over from second 1 to second 11"
        assert is_empty(line, machine)

    leap(main())
