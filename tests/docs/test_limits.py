"""docs/limits.md has every limit, and its worked numbers are those of the rules."""

from __future__ import annotations

import pytest

from tests.docs.tables import code, rows, section
from tests.rules.admission import allow
from tests.rules.admission import limited as limited_at
from tollkeeper.control.admin.limits import status_body
from tollkeeper.rules.admission import Demand, LimitCheck, Refused, release, take
from tollkeeper.rules.limits import CHECKED_LIMITS, CONCURRENCY, COUNTED, NO_LIMITS
from tollkeeper.rules.times import format_time
from tollkeeper.rules.windows import SLIDING
from tollkeeper.store.ports.counters import LimitStatus

TABLE = {code(name)[0]: cells for name, *cells in rows(section("docs/limits.md", "Every limit"), first="limit")}
NOON = 1_795_176_000_000
"""2026-11-20T12:00:00Z"""
SIZES = {"second": "a sixtieth of a second", "minute": "1 second", "hour": "1 minute", "day": "20 minutes"}
QUANTITIES = {"requests": "requests", "tokens": "input and output", "cost": "US dollars"}


def test_every_limit_is_there_and_no_other() -> None:
    assert set(TABLE) == set(NO_LIMITS.body())


@pytest.mark.parametrize("name", COUNTED)
def test_what_it_counts_and_how(name: str) -> None:
    what, family, window = TABLE[name]
    counted = COUNTED[name]
    assert what == QUANTITIES[counted.quantity]
    assert family == ("budget" if counted.is_budget else "pace")
    if counted.span in SLIDING:
        assert window.endswith(f"in buckets of {SIZES[counted.span]}")
    else:
        assert window == {"month": "calendar month, UTC", "total": "for ever"}[counted.span]


def test_what_runs_at_once_is_pace() -> None:
    assert TABLE[CONCURRENCY][1] == ("budget" if CHECKED_LIMITS[CONCURRENCY].is_budget else "pace")


def test_every_field_of_a_status() -> None:
    listed = [code(name)[0] for name, _ in rows(section("docs/limits.md", "What is left"), first="field")]
    assert listed == list(status_body(LimitStatus("tokens_total", 5, 3, 1, None)))


def limited(name: str, limit: int, used: int = 0, at: int = NOON) -> LimitCheck:
    return limited_at(name, limit, used, at=at)


def test_a_minute() -> None:
    full = limited("requests_per_minute", 3)
    for at in (200, 10_000, 20_000):
        take([full], Demand(), NOON + at)
    with pytest.raises(Refused) as refused:
        take([full], Demand(), NOON + 30_000)
    assert refused.value.retry_at == NOON + 61_000
    take([full], Demand(), NOON + 61_000)


def test_tokens_of_a_minute() -> None:
    minute, demand = limited("tokens_per_minute", 1000), Demand(pace_input=400, allowance=300)
    first = take([minute], demand, NOON)
    with pytest.raises(Refused) as refused:
        take([minute], demand, NOON)
    assert (refused.value.violation.reason, refused.value.retry_at) == ("held", NOON + 1000)
    release(first)
    minute.counter.window.add(120, NOON)
    assert take([minute], demand, NOON).allowance == 300
    with pytest.raises(Refused) as refused:
        allow([limited("tokens_per_minute", 1000)], Demand(pace_input=400, allowance=700), NOON)
    assert (refused.value.violation.reason, refused.value.violation.needed) == ("never", 1100)


def test_a_day_clipped() -> None:
    asked = Demand(budget_input=264, allowance=500)
    assert allow([limited("tokens_per_day", 1000, 600)], asked, NOON) == 136
    used_at = NOON + 5 * 60_000
    with pytest.raises(Refused) as refused:
        allow([limited("tokens_per_day", 1000, 730, used_at)], asked, used_at)
    assert refused.value.retry_at == NOON + 20 * 60_000 + 24 * 3_600_000
    assert allow([limited("tokens_per_day", 1000, 730)], Demand(budget_input=264, allowance=5), NOON) == 5


def test_money() -> None:
    left = limited("cost_usd_total", 10**9)
    demand = Demand(budget_input=264, allowance=500, input_price=2_500_000, output_price=10_000_000)
    assert allow([left], demand, NOON) == 34
    assert 10**9 - (50 * 2_500_000 + 34 * 10_000_000) == 535 * 10**6


def test_answers_by_the_number() -> None:
    asked = Demand(allowance=2000, choices=4)
    assert allow([limited("tokens_total", 1002)], asked, NOON) == 4 * 250
    with pytest.raises(Refused):
        allow([limited("tokens_total", 63)], asked, NOON)


def test_a_month() -> None:
    full = limited("requests_per_month", 100)
    for _ in range(100):
        take([full], Demand(), NOON)
    with pytest.raises(Refused) as refused:
        take([full], Demand(), NOON + 1)
    assert format_time(refused.value.retry_at or 0) == "2026-12-01T00:00:00.000Z"
    take([full], Demand(), refused.value.retry_at or 0)
