"""Thresholds of budgets: each reported once, and again only after the use fell below."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.services.alerts.rig import USD, Budgets
from tests.services.in_memory import START, record
from tollkeeper.rules.limits import Limits
from tollkeeper.rules.owners import Owner
from tollkeeper.rules.times import month_bounds
from tollkeeper.rules.windows import DAY
from tollkeeper.services.alerts.budgets import SWEEP_EVERY

THRESHOLD = ("budget.threshold", "cost_usd_per_month", 80)
EXHAUSTED = ("budget.exhausted", "cost_usd_per_month", 100)


@pytest.fixture
async def budgets() -> Budgets:
    return Budgets()


async def sweep(budgets: Budgets) -> None:
    for _ in range(SWEEP_EVERY):
        await budgets.alerts.check()


async def test_a_threshold_is_reported_when_it_is_reached_and_once(budgets: Budgets) -> None:
    await budgets.use(8 * USD - 1)
    assert await budgets.told() == []
    await budgets.use(1)
    assert await budgets.told() == [THRESHOLD]
    await budgets.use(USD)
    assert await budgets.told() == [THRESHOLD]
    await budgets.use(USD)
    assert await budgets.told() == [THRESHOLD, EXHAUSTED]


async def test_one_request_may_reach_several(budgets: Budgets) -> None:
    await budgets.use(10 * USD)
    assert await budgets.told() == [THRESHOLD, EXHAUSTED]


async def test_the_event_says_whose_budget_it_is_and_how_much_is_used(budgets: Budgets) -> None:
    await budgets.use(8 * USD + 1)
    await budgets.told()
    [(_, data)] = await budgets.data()
    assert data == {
        "owner": "user",
        "user_id": "ann",
        "key_id": None,
        "team_id": None,
        "end_user_id": None,
        "limit": "cost_usd_per_month",
        "model": None,
        "percent": 80,
        "value": "10",
        "used": "8.000000000001",
        "resets_at": "2026-12-01T00:00:00.000Z",
    }
    [event] = await budgets.store.events.events(limit=9)
    assert (event.user_id, event.team_id) == ("ann", None)


async def test_a_settlement_is_what_leads_to_a_check(budgets: Budgets) -> None:
    await budgets.use(9 * USD)
    budgets.alerts.forget("ann")
    assert await budgets.told() == []
    budgets.alerts.settled(record(user_id="ann", key_id=None), None)
    assert await budgets.told() == [THRESHOLD]


async def test_a_month_that_begins_reports_it_anew(budgets: Budgets) -> None:
    await budgets.use(9 * USD)
    await budgets.told()
    budgets.clock.ms = month_bounds(START)[1]
    await budgets.use(9 * USD)
    assert await budgets.told() == [THRESHOLD] * 2


async def test_a_sliding_day_reports_it_anew_once_the_use_fell_below(budgets: Budgets) -> None:
    budgets.limit({"tokens_per_day": 100})
    await budgets.use(80, "tokens_per_day")
    assert await budgets.told() == [("budget.threshold", "tokens_per_day", 80)]
    budgets.clock.ms += DAY + 1_200_000
    await sweep(budgets)
    assert budgets.book.all() == []
    await budgets.use(80, "tokens_per_day")
    assert await budgets.told() == [("budget.threshold", "tokens_per_day", 80)] * 2


async def test_a_refund_and_the_same_use_again_are_reported_anew(budgets: Budgets) -> None:
    for amount in (8 * USD, -1, 1):
        await budgets.use(amount)
        await budgets.told()
    assert await budgets.told() == [THRESHOLD] * 2


async def test_a_raised_limit_ends_an_alert_and_a_lowered_one_begins_it(budgets: Budgets) -> None:
    await budgets.use(8 * USD)
    await budgets.told()
    budgets.alerts.touch(budgets.limit({"cost_usd_per_month": 20 * USD}))
    await budgets.told()
    assert budgets.book.all() == []
    budgets.alerts.touch(budgets.limit({"cost_usd_per_month": 10 * USD}))
    assert await budgets.told() == [THRESHOLD] * 2
    budgets.alerts.touch(budgets.limit({}))
    await budgets.told()
    assert budgets.book.all() == []


@pytest.mark.parametrize(("alerts", "told"), [((), []), ((50, 90), [50, 90]), (None, [80])])
async def test_limits_name_their_percentages(budgets: Budgets, alerts: tuple[int, ...] | None, told: list[int]) -> None:
    budgets.limit({"cost_usd_per_month": 10 * USD}, alerts=alerts)
    await budgets.use(9 * USD)
    assert [percent for _, _, percent in await budgets.told()] == told


async def test_pace_limits_and_limits_of_nothing_are_no_budgets(budgets: Budgets) -> None:
    budgets.limit({"tokens_per_hour": 10, "requests_per_minute": 1, "tokens_total": 0})
    for name in ("tokens_per_hour", "requests_per_minute", "tokens_total"):
        await budgets.use(10, name)
    assert await budgets.told() == []


async def test_budgets_of_single_models_count_too(budgets: Budgets) -> None:
    budgets.limit({}, models={"tiny:latest": {"requests_total": 5}})
    await budgets.use(4, "requests_total", "user", "ann", "tiny:latest")
    assert await budgets.told() == [("budget.threshold", "requests_total", 80)]
    [(_, data)] = await budgets.data()
    assert (data["model"], data["value"], data["used"]) == ("tiny:latest", 5, 4)


@pytest.mark.parametrize(
    ("kind", "owner_id", "ids"),
    [
        ("key", "key_1", ("ann", "key_2", None, None)),
        ("team", "blue", (None, None, "blue", None)),
        ("end_user", "eu_1", ("ann", None, None, "eu_1")),
    ],
)
async def test_every_owner_of_a_request_is_looked_at(
    budgets: Budgets, kind: str, owner_id: str, ids: tuple[str | None, ...]
) -> None:
    limits: dict[str, Any] = {kind: Limits({"requests_per_month": 10})}
    budgets.limit({}, **limits)
    await budgets.use(8, "requests_per_month", kind, owner_id)
    assert await budgets.told() == [("budget.threshold", "requests_per_month", 80)]
    [(_, data)] = await budgets.data()
    assert data["owner"] == kind
    assert tuple(data[name] for name in ("user_id", "key_id", "team_id", "end_user_id")) == ids
    [event] = await budgets.store.events.events(limit=9)
    [alert] = budgets.book.all()
    assert (event.user_id, event.team_id) == (alert.user_id, alert.team_id) == (data["user_id"], data["team_id"])


async def test_a_budget_that_refuses_is_exhausted_though_a_little_is_left(budgets: Budgets) -> None:
    await budgets.use(9 * USD)
    await budgets.told()
    owners = tuple(budgets.owners.values())
    budgets.alerts.exhausted(owners, ("user", "ann"), "cost_usd_per_month")
    assert await budgets.told() == [THRESHOLD, EXHAUSTED]
    budgets.alerts.exhausted(owners, ("user", "ann"), "cost_usd_per_month")
    await budgets.told()
    await sweep(budgets)
    assert await budgets.told() == [THRESHOLD, EXHAUSTED]


async def test_a_request_that_is_refused_for_its_own_size_exhausts_nothing(budgets: Budgets) -> None:
    await budgets.use(6 * USD)
    budgets.alerts.exhausted((budgets.owners["user", "ann"],), ("user", "ann"), "cost_usd_per_month")
    assert await budgets.told() == []


async def test_what_a_killed_process_did_not_report_the_next_one_does(budgets: Budgets) -> None:
    await budgets.use(8 * USD)
    next_one = budgets.again()
    next_one.touch_all(budgets.owners.values())
    budgets.alerts = next_one
    assert await budgets.told() == [THRESHOLD]


async def test_a_restart_reports_nothing_twice(budgets: Budgets) -> None:
    await budgets.use(8 * USD)
    await budgets.told()
    budgets.alerts = budgets.again()
    await budgets.book.load()
    budgets.alerts.touch_all(budgets.owners.values())
    assert await budgets.told() == [THRESHOLD]


async def test_of_several_nodes_one_reports_it(budgets: Budgets) -> None:
    await budgets.use(10 * USD)
    nodes = [budgets.again() for _ in range(5)]
    for node in nodes:
        node.touch_all(budgets.owners.values())
    await asyncio.gather(*(node.check() for node in nodes))
    assert await budgets.told() == [THRESHOLD, EXHAUSTED]


async def test_what_the_database_does_not_take_is_reported_later(budgets: Budgets) -> None:
    await budgets.use(8 * USD)
    budgets.store.fail = "disk full"
    assert await budgets.told() == []
    budgets.store.fail = None
    assert await budgets.told() == [THRESHOLD]


async def test_a_budget_of_everyone_together() -> None:
    budgets = Budgets(whole_budget=100 * USD)
    budgets.whole_cost = 80 * USD
    assert await budgets.told() == [THRESHOLD]
    [(_, data)] = await budgets.data()
    assert (data["owner"], data["user_id"], data["value"], data["used"]) == ("everyone", None, "100", "80")
    budgets.whole_cost = 100 * USD
    await budgets.use(1)
    assert await budgets.told() == [THRESHOLD, EXHAUSTED]
    budgets.clock.ms = month_bounds(START)[1]
    budgets.whole_cost = 0
    await sweep(budgets)
    assert budgets.book.all() == []


async def test_owners_without_budgets_are_not_asked_about(budgets: Budgets) -> None:
    budgets.limit({"requests_per_minute": 5})
    asked: list[object] = []

    async def of(owner: object) -> dict[str, object]:
        asked.append(owner)
        return {}

    budgets.alerts._use.of = of  # type: ignore[method-assign, assignment]
    await budgets.use(9, "requests_per_minute")
    await budgets.told()
    assert asked == []


async def test_an_alert_ends_with_whom_it_is_about(budgets: Budgets) -> None:
    await budgets.use(8 * USD)
    assert await budgets.told() == [THRESHOLD]
    del budgets.owners["user", "ann"]
    await sweep(budgets)
    assert budgets.book.all() == await budgets.store.alerts.load() == []


async def test_an_alert_of_a_budget_that_was_taken_away_before_a_kill_ends_after_it(budgets: Budgets) -> None:
    await budgets.use(8 * USD)
    await budgets.told()
    budgets.limit({})
    budgets.alerts = budgets.again()
    await budgets.book.load()
    budgets.alerts.touch_all(budgets.owners.values())
    await sweep(budgets)
    assert budgets.book.all() == []


async def test_open_alerts_are_compared_with_the_limits_of_now(budgets: Budgets) -> None:
    await budgets.use(8 * USD)
    await budgets.told()
    budgets.limit({"cost_usd_per_month": 20 * USD})  # by another node: nobody here was told
    await sweep(budgets)
    assert budgets.book.all() == []


async def test_a_fault_with_one_owner_silences_no_other(budgets: Budgets) -> None:
    budgets.limit({"cost_usd_per_month": 10 * USD}, team=Limits({"requests_total": 10}))
    await budgets.use(8, "requests_total", "team", "blue")
    await budgets.use(8 * USD)
    of = budgets.alerts._use.of

    async def faulty(owner: Owner) -> object:
        if owner.id == "ann":
            raise RuntimeError("a fault of the gateway")
        return await of(owner)

    budgets.alerts._use.of = faulty  # type: ignore[method-assign, assignment]
    assert await budgets.told() == [("budget.threshold", "requests_total", 80)]


async def test_a_check_under_way_reports_nothing_of_a_user_who_is_erased_meanwhile(budgets: Budgets) -> None:
    of = budgets.alerts._use.of

    async def erased_meanwhile(owner: Owner) -> object:
        found = await of(owner)
        budgets.gone.add("ann")
        return found

    budgets.alerts._use.of = erased_meanwhile  # type: ignore[method-assign, assignment]
    await budgets.use(8 * USD)
    assert await budgets.told() == []
    assert budgets.book.all() == []
    budgets.gone.clear()  # it could not be erased
    budgets.alerts._use.of = of  # type: ignore[method-assign]
    assert await budgets.told() == [THRESHOLD]


async def test_of_a_user_who_was_erased_nothing_is_reported_again(budgets: Budgets) -> None:
    budgets.limit({"cost_usd_per_month": 10 * USD})
    await budgets.use(8 * USD)
    assert await budgets.told() == [THRESHOLD]
    budgets.store._tables.alerts.clear()
    budgets.store._tables.events.clear()
    await budgets.use(1)
    budgets.alerts.forget("ann")
    budgets.book.forget("ann")
    assert budgets.book.all() == []
    await sweep(budgets)
    assert await budgets.told() == []


async def test_a_fault_does_not_end_the_watch(budgets: Budgets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tollkeeper.services.alerts.budgets.CHECK_EVERY", 0)
    calls: list[int] = []
    again = asyncio.Event()

    async def check() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("a fault of the gateway")
        again.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(budgets.alerts, "check", check)
    running = asyncio.create_task(budgets.alerts.run())
    async with asyncio.timeout(5):
        await again.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
