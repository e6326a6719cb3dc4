"""What is made of callgrind's dumps, and what is said of it. scripts/test counts, with a gateway under callgrind."""

from __future__ import annotations

import asyncio

import pytest
from bench.instructions.attribution import by_step, by_unit, check_all_called, lower_quartile
from bench.instructions.callgrind import Dump, read_dump, requested
from bench.instructions.count import EVENTS, Counts, counts_of
from bench.instructions.steps import (
    CALIBRATION,
    EMPTY,
    EMPTY_COROUTINE,
    ORDER,
    STEPS,
    Marks,
    slots,
)
from bench.instructions.table import (
    Platform,
    Table,
    as_text,
    as_toml,
    compare,
    fault,
    mismatch,
    read_table,
)
from bench.processes import BenchError

READ, RELAY, WRITE = (
    next(name for name, step in STEPS.items() if step == which) for which in ("read", "relay", "write")
)
FILE = """\
# callgrind format
version: 1
creator: callgrind-3.19.0
pid: 4711
cmd:  python -m bench.instructions.gateway
part: {part}
thread: 1

desc: I1 cache:
desc: Timerange: Basic block 1 - 2
desc: Trigger: {trigger}

positions: line
events: {events}
summary: 21458

fn=(1) totals: 7
0 21458

totals: 21458
"""
STEPS_OF_NONE = dict.fromkeys(ORDER, 0)
COUNTS = Counts(600_000, 1_000_000, 25_000, {**STEPS_OF_NONE, "read": 200_000}, {**STEPS_OF_NONE, "relay": 21_000})
HERE, THERE = Platform("3.11.2, GCC 12.2.0", "x86_64"), Platform("3.13.1, Clang 18.1.8", "aarch64")


def file(*, part: int = 3, trigger: str = "Client Request: =whole", events: str = "Ir") -> str:
    return FILE.format(part=part, trigger=trigger, events=events)


def numbered(*dumps: tuple[str, int]) -> list[Dump]:
    return [Dump(part, label, instructions) for part, (label, instructions) in enumerate(dumps, 1)]


def calibration(*, function: int, caller: int) -> list[tuple[str, int]]:
    """Dumps of two functions that do nothing, called three times each."""
    return [
        (f"*{CALIBRATION}", 5),
        *[(f"+{EMPTY}", caller), (f"-{EMPTY}", function)] * 3,
        *[(f"*{EMPTY_COROUTINE}", 2 * caller), (f"-{EMPTY_COROUTINE}", 2 * function)] * 3,
        (f"-{CALIBRATION}", 9),
        (f"={CALIBRATION}", 9),
    ]


# Dumps


def test_a_requested_dump_is_read() -> None:
    assert read_dump(file()) == Dump(3, "=whole", 21_458)


@pytest.mark.parametrize("text", ["", file(trigger="Program termination")])
def test_what_callgrind_writes_at_the_end_is_passed_over(text) -> None:
    assert read_dump(text) is None


@pytest.mark.parametrize("text", [file(events="Ir Dr Dw"), "something else", file().replace("totals: 21458", "")])
def test_a_file_that_counts_something_else_is_refused(text) -> None:
    with pytest.raises(BenchError, match="does not count instructions"):
        read_dump(text)


def test_dumps_are_in_the_order_of_their_numbers() -> None:
    found = requested([file(part=10), "", file(part=9), file(part=101, trigger="Program termination"), file(part=100)])
    assert [dump.part for dump in found] == [9, 10, 100]


# Counts


def test_a_timer_that_falls_into_some_does_not_count() -> None:
    assert lower_quartile([100] * 8 + [117, 134, 151]) == 100
    assert lower_quartile([7]) == 7


def test_units_are_counted_by_their_names() -> None:
    assert by_unit(numbered(("=whole", 5), ("+f", 6), ("-f", 7), ("=whole", 8), ("=event", 9))) == {
        "whole": [5, 8],
        "event": [9],
    }


def test_a_step_is_charged_without_what_it_calls_and_without_the_marks() -> None:
    dumps = numbered(
        *calibration(function=10, caller=1),
        (f"*{RELAY}", 100 + 2),  # of the rest, and half a mark
        (f"+{WRITE}", 40 + 20 + 1),
        (f"-{WRITE}", 30 + 10),
        (f"-{RELAY}", 5),
        ("=event", 50 + 3),
    )
    assert by_step(dumps, "event", 3) == {**STEPS_OF_NONE, "relay": 45, "write": 30, "rest": 150}


def test_a_coroutine_is_charged_for_each_stretch_that_it_runs() -> None:
    stretch = [(f"*{RELAY}", 200), (f"-{RELAY}", 25)]
    dumps = numbered(*calibration(function=0, caller=0), *stretch, *stretch, ("=event", 7))
    assert by_step(dumps, "event", 0) == {**STEPS_OF_NONE, "relay": 50, "rest": 407}


def test_marks_that_overlap_are_refused() -> None:
    dumps = numbered(*calibration(function=0, caller=0), (f"+{RELAY}", 1), (f"+{WRITE}", 1), (f"-{RELAY}", 1))
    with pytest.raises(BenchError, match="overlap"):
        by_step(dumps, "event", 0)


def test_counts_follow_from_the_dumps_of_the_script() -> None:
    units = [("=nothing", 10), ("=whole", 610), ("=first", 510), ("=event", 35), ("=last", 210)]
    marked = [(f"+{READ}", 100), (f"-{READ}", 400), ("=marked whole", 110), (f"+{RELAY}", 1), (f"-{RELAY}", 20)]
    others = [label for name in STEPS if name not in {READ, RELAY} for label in ((f"+{name}", 1), (f"-{name}", 1))]
    found = counts_of(
        numbered(*units, *units, *calibration(function=0, caller=0), *marked, ("=marked event", 14), *others)
    )
    assert found == Counts(
        request=600,
        streamed=500 + (EVENTS - 1) * 25 + 200,
        event=25,
        request_steps={**STEPS_OF_NONE, "read": 400, "rest": 200},
        event_steps={**STEPS_OF_NONE, "relay": 20, "rest": 5},
    )


# Steps


def test_every_function_of_a_step_exists() -> None:
    assert slots().keys() == STEPS.keys()


def test_functions_that_are_not_there_are_named() -> None:
    gone = ["tollkeeper.gateway.handle.gone", "tollkeeper.gateway.handle.Gone.f", "tollkeeper.gone.f", "gone.f"]
    with pytest.raises(BenchError, match=f"there is no {', no '.join(gone)}: .* STEPS in bench/instructions/steps.py"):
        slots([READ, *gone, WRITE])


def test_a_function_that_no_request_calls_is_named() -> None:
    called = numbered(*[(f"+{name}", 1) for name in STEPS if name != RELAY])
    with pytest.raises(BenchError, match=f"no request called {RELAY}\\."):
        check_all_called(called)


class Labels:
    """Stands in for the counters."""

    def __init__(self) -> None:
        self.labels: list[str] = []

    def begin(self) -> None: ...

    def dump(self, label: bytes) -> None:
        self.labels.append(label.decode())


@pytest.fixture
def labels() -> Labels:
    return Labels()


def test_a_marked_function_does_what_it_did(labels) -> None:
    def halve(number: int, *, down: bool) -> float:
        labels.labels.append("halve")
        return number // 2 if down else number / 0

    marked = Marks(labels).marked(halve, "f")
    assert marked(7, down=True) == 3
    with pytest.raises(ZeroDivisionError):
        marked(7, down=False)
    assert labels.labels == ["+f", "halve", "-f"] * 2


async def test_a_marked_coroutine_is_marked_while_it_runs(labels) -> None:
    async def twice(future: asyncio.Future[int]) -> int:
        labels.labels.append("begins")
        number = await future
        labels.labels.append("goes on")
        return 2 * number

    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(Marks(labels).marked(twice, "f")(future))
    await asyncio.sleep(0)
    labels.labels.append("waits")
    future.set_result(21)
    assert await task == 42
    assert labels.labels == ["*f", "begins", "-f", "waits", "*f", "goes on", "-f"]


async def test_a_marked_coroutine_can_be_cancelled(labels) -> None:
    async def wait() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            labels.labels.append("cancelled")

    task = asyncio.create_task(Marks(labels).marked(wait, "f")())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert labels.labels == ["*f", "-f", "*f", "cancelled", "-f"]


def test_marks_tell_what_they_take_themselves(labels) -> None:
    Marks(labels).calibrate()
    found = labels.labels
    assert (found[0], *found[-2:]) == (f"*{CALIBRATION}", f"-{CALIBRATION}", f"={CALIBRATION}")
    pairs = [*zip(found[1:-2:2], found[2:-2:2], strict=True)]
    assert set(pairs) == {(f"+{EMPTY}", f"-{EMPTY}"), (f"*{EMPTY_COROUTINE}", f"-{EMPTY_COROUTINE}")}


# The table


def test_the_committed_table_has_every_step() -> None:
    counts = read_table().counts
    assert (*counts.request_steps,) == (*counts.event_steps,) == ORDER


def test_a_table_is_read_as_it_was_written(tmp_path) -> None:
    path = tmp_path / "instructions.toml"
    path.write_text(as_toml(Table(HERE, COUNTS)))
    assert read_table(path) == Table(HERE, COUNTS)


def test_a_table_that_cannot_be_read_says_how_to_renew_it(tmp_path) -> None:
    path = tmp_path / "instructions.toml"
    with pytest.raises(BenchError, match="--write"):
        read_table(path)
    path.write_text(as_toml(Table(HERE, COUNTS)).replace("event = 25_000", ""))
    with pytest.raises(BenchError, match=r"event.*--write"):
        read_table(path)


def changed(**counts: object) -> Counts:
    fields = {name: getattr(COUNTS, name) for name in Counts.__struct_fields__}
    return Counts(**{**fields, **counts})


@pytest.mark.parametrize(
    "now",
    [
        COUNTS,
        changed(request=618_000, streamed=1_030_000, event=25_750),
        changed(request=1, streamed=1, event=1),
        changed(request_steps={**COUNTS.request_steps, "read": 300_000, "write": 1}),
    ],
    ids=["the same", "3 %", "fewer", "a step"],
)
def test_counts_may_grow_by_three_percent(now) -> None:
    assert fault(compare(COUNTS, now)) is None


@pytest.mark.parametrize(
    ("now", "named"),
    [
        (changed(request=618_001), "request +3.0 %"),
        (changed(streamed=1_040_000), "streamed, 8 events +4.0 %"),
        (changed(event=26_000), "event +4.0 %"),
        (changed(request=660_000, event=30_000), "request +10.0 %, event +20.0 %"),
    ],
)
def test_counts_may_not_grow_by_more(now, named) -> None:
    message = fault(compare(COUNTS, now))
    assert message is not None
    assert message.startswith(f"over 3 % more instructions than in bench/instructions.toml: {named}.")


def test_counts_stand_beside_each_other() -> None:
    now = changed(streamed=960_000, event=26_000, event_steps={**STEPS_OF_NONE, "relay": 20_000, "write": 1_000})
    assert as_text(compare(COUNTS, now)).splitlines() == [
        "instructions               committed         now    change",
        "request                      600,000     600,000    +0.0 %",
        "  read                       200,000     200,000    +0.0 %",
        "streamed, 8 events         1,000,000     960,000    -4.0 %  renew the table",
        "event                         25,000      26,000    +4.0 %  too many",
        "  relay                       21,000      20,000    -4.8 %",
        "  write                            0       1,000       new",
    ]


def test_counts_of_another_platform_are_not_judged() -> None:
    assert mismatch(HERE, HERE) is None
    message = mismatch(HERE, THERE)
    assert message is not None
    assert "Python 3.11.2, GCC 12.2.0 on x86_64" in message
    assert "Python 3.13.1, Clang 18.1.8 on aarch64" in message
