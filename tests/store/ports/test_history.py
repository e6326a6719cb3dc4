"""What every engine tells counters to begin with: each record once, whenever they ask."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.store.engines import Engine, until
from tests.store.values import EVERYTHING, NOON, a_record
from tollkeeper.rules.usage import NO_USAGE, Usage
from tollkeeper.rules.windows import Span
from tollkeeper.store import memory, sqlite
from tollkeeper.store.ports.records import ADJUSTMENT, Record
from tollkeeper.store.ports.reports import History, Slice, Totals
from tollkeeper.store.ports.store import Store

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOVEMBER = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 1000)
REFUND = a_record(
    NOON, settled_at=NOON, endpoint=ADJUSTMENT, model="", upstream="", usage=NO_USAGE, cost_pico=-40,
    metadata='{"reason":"an outage"}',
)  # fmt: skip


async def settle(store: Store, *records: Record) -> None:
    for record in records:
        await store.ledger.settle(record)


def requests(slices: Sequence[Slice]) -> int:
    return sum(each.requests for each in slices)


async def test_nothing_was_used_at_first(store: Store) -> None:
    assert await store.reports.history(NOON) == History(0, [], [], [], [])


async def test_requests_count_at_admission_and_what_they_used_at_settlement(store: Store) -> None:
    await settle(store, a_record(NOON - 30_100, settled_at=NOON + 7))
    history = await store.reports.history(NOON + 20)
    who = ("ann", "key_1", "llama3.2:1b")
    asked, used = Slice(NOON - 30_100, *who, 1, 0, 0), Slice(NOON + 7, *who, 0, 15, 25)
    assert history.moments == [asked, used]
    assert history.minutes == [replace(asked, at=NOON - MINUTE), replace(used, at=NOON)]
    assert history.month == [Slice(NOVEMBER, *who, 1, 15, 25)]
    assert history.total == [Slice(0, *who, 1, 15, 25)]


async def test_a_month_is_that_of_admission(store: Store) -> None:
    december = int(datetime(2026, 12, 1, tzinfo=UTC).timestamp() * 1000)
    await settle(store, a_record(december - 1, settled_at=december + 5))
    assert requests((await store.reports.history(december - 1)).month) == 1
    history = await store.reports.history(december + 6)
    assert [(each.at, each.requests) for each in history.month] == [(NOVEMBER, 1)]
    assert (await store.reports.history(december + 31 * DAY)).month == history.month
    await settle(store, a_record(december + 31 * DAY))
    assert [each.at for each in (await store.reports.history(december + 32 * DAY)).month] == [december + 31 * DAY]
    assert (requests(history.total), sum(each.tokens for each in history.minutes)) == (1, 15)


async def test_a_clock_that_went_back_and_forth_hides_no_moment(store: Store) -> None:
    await settle(store, a_record(NOON), a_record(NOON - 31 * DAY), a_record(NOON + 1000))
    history = await store.reports.history(NOON + 2000)
    assert [(each.at, each.requests) for each in history.moments if each.requests] == [(NOON, 1), (NOON + 1000, 1)]


async def test_what_lies_ahead_of_a_clock_that_was_set_back_is_there_by_its_own_month(store: Store) -> None:
    ahead = NOON + 31 * DAY
    await settle(store, a_record(ahead), a_record(NOON))
    history = await store.reports.history(NOON + 1000)
    december = int(datetime(2026, 12, 1, tzinfo=UTC).timestamp() * 1000)
    assert [(each.at, each.requests) for each in history.month] == [(NOVEMBER, 1), (december, 1)]
    assert requests(history.minutes) == requests(history.moments) == requests(history.total) == 2
    first = await store.reports.history(NOON + 1000, upto=1)
    assert [(each.at, each.requests) for each in first.month] == [(december, 1)]


async def test_a_clock_that_is_ahead_of_the_newest_record_hides_nothing(store: Store) -> None:
    await settle(store, a_record(NOON, settled_at=NOON))
    history = await store.reports.history(NOON + 100 * DAY)
    for slices in (history.minutes, history.month, history.total, history.moments):
        assert requests(slices) == 1


async def test_an_adjustment_is_money_and_no_request(store: Store) -> None:
    await settle(store, a_record(NOON), REFUND)
    history = await store.reports.history(NOON + 1000)
    for slices in (history.minutes, history.month, history.total, history.moments):
        assert (requests(slices), sum(each.cost_pico for each in slices)) == (1, -15)
    [(_, whole)] = await store.reports.summary(EVERYTHING, [])
    ragged = await store.reports.summary(replace(EVERYTHING, since=NOON - 1, until=NOON + 1), [])
    assert whole == ragged[0][1] == Totals(1, 10, 2, 1, 5, 3, -15)
    assert await store.reports.record(REFUND.request_id) == REFUND


async def test_a_history_of_one_user_has_only_theirs(store: Store) -> None:
    await settle(store, a_record(user_id="bob"), mine := a_record())
    history = await store.reports.history(NOON + 1000, user_id="ann")
    assert {each.user_id for each in (*history.minutes, *history.month, *history.total, *history.moments)} == {"ann"}
    assert requests(history.moments) == 1
    assert mine.user_id == "ann"
    assert history.seq == 2


async def test_of_users_who_are_not_wanted_in_detail_months_are_told_as_one_sum(store: Store) -> None:
    of_ann = [a_record(NOON, model=model, key_id=key) for model in ("a:1", "b:1") for key in ("key_1", None)]
    await settle(store, *of_ann, a_record(NOON - 70 * DAY), a_record(NOON, user_id="bob", model="a:1"))
    told = await store.reports.history(NOON + 1000, detailed=["bob"])
    whole = await store.reports.history(NOON + 1000)
    bob = ("bob", "key_1", "a:1", 1, 15, 25)
    assert told.month == [Slice(NOVEMBER, "ann", "", "", 4, 60, 100), Slice(NOVEMBER, *bob)]
    assert told.total == [Slice(0, "ann", "", "", 5, 75, 125), Slice(0, *bob)]
    assert (told.minutes, told.moments) == (whole.minutes, whole.moments)
    first = await store.reports.history(NOON + 1000, upto=3, detailed=["bob"])
    assert first.month == [Slice(NOVEMBER, "ann", "", "", 3, 45, 75)]
    assert first.total == [Slice(0, "ann", "", "", 3, 45, 75)]


async def test_usage_is_told_apart_by_team_and_end_user(store: Store) -> None:
    in_team = [a_record(NOON, team_id="blue", end_user_id=end_user) for end_user in ("eu_1", "eu_2", None)]
    await settle(store, *in_team, a_record(NOON))
    whole = await store.reports.history(NOON + 1000)
    expected = {("blue", "eu_1"): 1, ("blue", "eu_2"): 1, ("blue", ""): 1, ("", ""): 1}
    for slices in (whole.minutes, whole.month, whole.total, whole.moments):
        sums: Counter[tuple[str, str]] = Counter()
        for each in slices:
            sums[each.team_id, each.end_user_id] += each.requests
        assert sums == expected
    by_team = await store.reports.history(NOON + 1000, detailed=[])
    for slices in (by_team.month, by_team.total):
        assert [(each.team_id, each.end_user_id, each.requests) for each in slices] == [("", "", 1), ("blue", "", 3)]


async def test_what_a_history_is_not_for_is_not_in_it(store: Store) -> None:
    await settle(store, a_record(NOON))
    whole = await store.reports.history(NOON + 1000)
    lists = {"second": "moments", "minute": "moments", "hour": "minutes", "day": "minutes"}
    for span, name in (lists | {"month": "month", "total": "total"}).items():
        told = await store.reports.history(NOON + 1000, spans=[cast("Span", span)])
        nothing = History(whole.seq, [], [], [], [])
        assert told == replace(nothing, **{name: getattr(whole, name)}) != nothing
    assert await store.reports.history(NOON + 1000, spans=get_args(Span)) == whole


@pytest.mark.parametrize("users", [1, 501])
async def test_details_of_however_many_users(store: Store, users: int) -> None:
    everyone = [f"user-{n}" for n in range(users)]
    for user in everyone:
        store.ledger.settle(a_record(NOON, user_id=user))
    await settle(store, a_record(NOON, user_id="another"))
    told = await store.reports.history(NOON + 1000, detailed=everyone)
    assert {each.user_id for each in told.month if each.key_id == "key_1"} == set(everyone)
    assert requests(told.month) == requests(told.total) == users + 1


class TestMark:
    async def test_it_parts_what_came_before_from_what_came_after(self, store: Store) -> None:
        await settle(store, a_record())
        store.ledger.settle(a_record())
        mark = store.ledger.mark()
        store.ledger.settle(a_record())
        last = store.ledger.mark()
        assert (await mark, await last) == (2, 3)
        assert requests((await store.reports.history(NOON + 1000, upto=2)).total) == 2

    async def test_of_nothing_it_is_the_end(self, store: Store) -> None:
        assert await store.ledger.mark() == 0
        await settle(store, a_record())
        assert await store.ledger.mark() == 1

    async def test_repeated_settlements_have_no_number(self, store: Store) -> None:
        first = a_record()
        await settle(store, first)
        store.ledger.settle(first)
        early = store.ledger.mark()
        store.ledger.settle(a_record())
        store.ledger.settle(first)
        assert (await early, await store.ledger.mark()) == (1, 2)

    async def test_it_holds_through_a_ledger_that_fails(self, engine: Engine, store: Store) -> None:
        engine.break_it()
        records = [a_record(NOON + n) for n in range(3)]
        store.ledger.settle(records[0])
        first = store.ledger.mark()
        await until(lambda: store.ledger.failing is not None)
        store.ledger.settle(records[0])
        store.ledger.settle(records[1])
        second = store.ledger.mark()
        store.ledger.settle(records[2])
        assert not first.done()
        engine.mend_it()
        assert (await first, await second, await store.ledger.mark()) == (1, 2, 3)

    async def test_a_counter_that_begins_at_any_moment_counts_each_once(self, store: Store) -> None:
        given_up: list[Record] = []
        counters: list[Counter[str]] = []

        async def work() -> None:
            for n in range(300):
                record = a_record(NOON + n)
                given_up.append(record)
                for counter in counters:
                    counter.update(requests=1, cost=record.cost_pico)
                settled = store.ledger.settle(record)
                if n % 7 == 0:
                    await asyncio.shield(settled)
                elif n % 3 == 0:
                    await asyncio.sleep(0)

        async def begin(turns: int) -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            counter: Counter[str] = Counter()
            counters.append(counter)
            mark = store.ledger.mark()
            history = await store.reports.history(NOON + 1000, upto=await mark)
            for each in history.total:
                counter.update(requests=each.requests, cost=each.cost_pico)
            assert sum(each.requests for each in history.minutes) == requests(history.total)
            assert requests(history.moments) == requests(history.month) == requests(history.total)

        await asyncio.gather(work(), *(begin(turns) for turns in range(0, 120, 6)))
        await store.ledger.flush()
        assert [counter["requests"] for counter in counters] == [300] * 20
        assert {counter["cost"] for counter in counters} == {300 * 25}


class TestPruning:
    async def test_records_go_and_sums_stay(self, store: Store) -> None:
        old = [a_record(NOON - 40 * DAY + n) for n in range(5)]
        await settle(store, *old, kept := a_record(NOON))
        before = await store.reports.summary(EVERYTHING, ["user", "hour"])
        history = await store.reports.history(NOON + 1000)
        assert await store.ledger.prune(NOON - DAY) == 5
        assert await store.ledger.prune(NOON - DAY) == 0
        assert await store.reports.records(EVERYTHING, limit=10, after=None) == [kept]
        assert await store.reports.summary(EVERYTHING, ["user", "hour"]) == before
        assert await store.reports.history(NOON + 1000) == history
        assert await store.ledger.mark() == 6
        await settle(store, a_record(NOON + 1))
        assert await store.ledger.mark() == 7

    async def test_more_than_one_step(self, store: Store) -> None:
        for n in range(2500):
            store.ledger.settle(a_record(NOON + n))
        await store.ledger.flush()
        assert await store.ledger.prune(NOON + 2400) == 2400
        assert len(await store.reports.records(EVERYTHING, limit=9999, after=None)) == 100

    async def test_it_ends_at_the_first_that_stays(self, store: Store) -> None:
        await settle(store, a_record(NOON - DAY), a_record(NOON), a_record(NOON - DAY + 1))
        assert await store.ledger.prune(NOON - HOUR) == 1


# From here on: any records in any order, over minutes forgotten and months ended, on both engines alike.

AGES = st.integers(0, 3 * MINUTE) | st.integers(0, 26 * HOUR) | st.integers(0, 70 * DAY)
RECORDS = st.builds(
    lambda age, took, usage, **fields: a_record(NOON - age, settled_at=NOON - age + took, usage=usage, **fields),
    AGES,
    st.integers(0, 200_000),
    st.builds(Usage, st.integers(0, 99), completion_tokens=st.integers(0, 99)),
    user_id=st.sampled_from(["ann", "bob"]),
    key_id=st.sampled_from(["key_1", None]),
    model=st.sampled_from(["llama3.2:1b", "moondream:latest"]),
    status=st.sampled_from(["completed", "lost"]),
    endpoint=st.sampled_from(["/v1/chat/completions", ADJUSTMENT]),
    cost_pico=st.integers(-(2**62), 2**62) | st.integers(-3, 3),
)


@pytest.mark.long
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    records=st.lists(RECORDS, max_size=15),
    upto=st.none() | st.integers(0, 16),
    user=st.sampled_from([None, "ann"]),
    spans=st.none() | st.sets(st.sampled_from(get_args(Span))),
    detailed=st.none() | st.sets(st.sampled_from(["ann", "bob", "cyd"])),
)
def test_both_engines_tell_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    records: list[Record],
    upto: int | None,
    user: str | None,
    spans: set[Span] | None,
    detailed: set[str] | None,
) -> None:
    # Numbered as they are settled: moments rely on it.
    records = sorted(records, key=lambda record: record.settled_at)

    async def told(store: Store) -> History:
        await settle(store, *records)
        history = await store.reports.history(NOON + 1, user_id=user, upto=upto, spans=spans, detailed=detailed)
        await store.close()
        return history

    async def both() -> None:
        path = tmp_path_factory.mktemp("history") / "ledger.db"
        assert await told(await sqlite.open_store(path, now=lambda: NOON)) == await told(await memory.open_store())

    asyncio.run(both())
