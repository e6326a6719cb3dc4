"""The document has what the model says now, and the model says what can be reckoned by hand."""

from __future__ import annotations

import pytest
from bench.capacity import (
    MACHINES,
    SCALES,
    WORKLOAD,
    Plan,
    Workload,
    bounds,
    bounds_table,
    gateway_nodes,
    reached,
    read_costs,
    size_table,
    written,
)
from bench.shared_counters import SCALES as SIMULATED
from bench.shared_counters import SEED, troubles

from tests.docs.tables import text

DOCUMENT = "docs/capacity.md"
STALE = "run `python -m bench.capacity --write` and `python -m bench.shared_counters --write`"
PLAIN = {
    "gateway": {"request_us": 80, "limits_us": 20, "event_us": 10, "stream_kb": 20, "idle_mb": 100,
                "sqlite_record_us": 10},
    "counters": {"script_us": 20, "script_grouped_us": 10, "user_bytes": 300, "hold_bytes": 200},
    "ledger": {"record_us": 40, "log_bytes": 2_000, "record_bytes": 1_000, "hour_row_bytes": 1_000},
}  # fmt: skip
SHORT = Workload(streamed=0.5, events=20, seconds=3, event_bytes=100, answer_bytes=1_000, request_bytes=500)


def test_the_document_has_the_tables() -> None:
    costs = read_costs()
    assert size_table(SCALES, costs, WORKLOAD) in text(DOCUMENT), STALE
    assert bounds_table(costs, WORKLOAD) in text(DOCUMENT), STALE


def test_the_document_simulates_as_many_nodes() -> None:
    for rate in SIMULATED:
        assert f"| {rate:,} requests/s, {gateway_nodes(rate):,} nodes |" in text(DOCUMENT), STALE


@pytest.mark.long
def test_the_document_has_what_the_simulation_says() -> None:
    assert troubles(SIMULATED[0], SEED) in text(DOCUMENT), STALE


def test_a_plan_that_is_reckoned_by_hand() -> None:
    plan = Plan(60_000, PLAIN, SHORT)
    assert plan.request_us == 80 + 20 + 10 * 10
    assert plan.busy_cores == pytest.approx(12)
    assert plan.nodes == 2  # of 9.6 cores that are planned for
    assert plan.open == 180_000
    assert plan.memory_per_node_gb == pytest.approx(1.6 + 90_000 * 20e-6)
    assert plan.gbit == pytest.approx(60_000 * (500 + 0.5 * 20 * 100 + 0.5 * 1_000) * 8 / 1e9)
    assert plan.shards == 4  # 120,000 scripts of 20 µs: 2.4 cores, and 0.6 of one are planned for
    assert plan.log_mb == 120
    assert plan.primaries == 1
    assert plan.records_tb_day == pytest.approx(60_000 * 86_400 * 1_000 / 1e12)
    assert plan.renewals == pytest.approx(54_000)


@pytest.mark.parametrize("bound", bounds(), ids=lambda bound: bound.what)
def test_a_bound_is_reached_where_it_is_said(bound) -> None:
    rate = reached(bound, PLAIN, SHORT, MACHINES)
    if rate is None:
        assert bound.used(Plan(1e10, PLAIN, SHORT)) < bound.has
    else:
        assert bound.used(Plan(rate * 1.01, PLAIN, SHORT)) >= bound.has
        assert bound.used(Plan(rate * 0.99, PLAIN, SHORT)) < bound.has


def test_a_table_goes_between_its_marks() -> None:
    assert written("a\n<!-- t -->\nold\n<!-- /t -->\nb", "t", "new") == "a\n<!-- t -->\nnew\n<!-- /t -->\nb"
    with pytest.raises(ValueError, match="no marks"):
        written("a", "t", "new")
