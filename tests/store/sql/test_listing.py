"""Lists of records by a figure, which read all that match: one at a time, and none holds up other reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection

from tests.store.values import EVERYTHING, NOON
from tollkeeper.rules.ids import request_id
from tollkeeper.store.ports.record_order import NEWEST, Order
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sql.listing import within_moments
from tollkeeper.store.sql.reports import SqlReports


class Held:
    """Reads that find nothing, and end when the test says so."""

    def __init__(self) -> None:
        self.running = 0
        self.end = asyncio.Event()

    async def run(self, _: Callable[[Connection], Any]) -> Any:
        self.running += 1
        await self.end.wait()
        self.running -= 1
        return []


async def test_lists_by_a_figure_wait_for_each_other_and_nothing_waits_for_them() -> None:
    held = Held()
    reports = SqlReports(held, held, Identities())
    async with asyncio.TaskGroup() as tasks:
        for by in ("cost_usd", "latency_ms", "cost_usd"):
            tasks.create_task(reports.records(EVERYTHING, limit=1, after=None, order=Order(by)))
        for order in (NEWEST, NEWEST.reverse):
            tasks.create_task(reports.records(EVERYTHING, limit=1, after=None, order=order))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert held.running == 3
        held.end.set()
    assert held.running == 0


def test_the_beginning_of_an_id_is_a_span_of_time_and_within_one_moment_a_text() -> None:
    whole = request_id(NOON, b"\x0a" * 8)
    assert within_moments(EVERYTHING) == EVERYTHING
    assert within_moments(Filter(request_id=whole)) == Filter(request_id=whole, since=NOON, until=NOON + 1)
    of_time = Filter(request_id=whole[:14], since=NOON - 5, until=NOON + 5)
    start = NOON - NOON % 256
    assert within_moments(of_time) == replace(of_time, since=max(start, NOON - 5), until=NOON + 5, request_id=None)
    for no_id in ("nothing", "req_\udc80", whole + "0"):
        nothing = within_moments(Filter(request_id=no_id))
        assert (nothing.since, nothing.until, nothing.request_id) == (0, 0, None)
