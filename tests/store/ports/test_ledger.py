"""What every engine's ledger promises."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from msgspec.structs import replace

from tests.store.engines import Engine, until
from tests.store.values import EVERYTHING, NOON, a_record, an_intent, settled
from tollkeeper.rules.usage import Usage
from tollkeeper.store.clamp import MAX_COST, MAX_TOKENS
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.records import Record
from tollkeeper.store.ports.reports import Totals
from tollkeeper.store.ports.store import Store

OF_JOURNALS = True


async def everything(store: Store) -> list[Record]:
    return await store.reports.records(EVERYTHING, limit=10_000, after=None)


async def totals(store: Store) -> Totals:
    [(_, sums)] = await store.reports.summary(EVERYTHING, [])
    return sums


async def test_a_settled_record_can_be_read_as_it_was_given(store: Store) -> None:
    given = a_record(price_id=7)
    await store.ledger.settle(given)
    assert await store.reports.record(given.request_id) == given


async def test_a_record_of_absences_comes_back_as_such(store: Store) -> None:
    given = a_record(
        key_id=None, price_id=None, first_token_ms=None, finish_reason=None, metadata=None, stream=False,
        usage=Usage(estimated=True), status="cancelled",
    )  # fmt: skip
    await store.ledger.settle(given)
    assert await store.reports.record(given.request_id) == given


async def test_a_second_settlement_changes_nothing(store: Store) -> None:
    first = a_record(cost_pico=100)
    second = replace(first, cost_pico=999, status="failed")
    await store.ledger.settle(first)
    await store.ledger.settle(second)
    assert await everything(store) == [first]
    assert (await totals(store)).cost_pico == 100


async def test_a_second_settlement_in_the_same_moment_changes_nothing(store: Store) -> None:
    first = a_record(cost_pico=100)
    store.ledger.settle(first)
    await store.ledger.settle(replace(first, cost_pico=999))
    assert await everything(store) == [first]
    assert await totals(store) == Totals(1, 10, 2, 1, 5, 3, 100)


async def test_a_repeated_record_does_not_hold_up_those_settled_with_it(store: Store) -> None:
    old, new = a_record(NOON), a_record(NOON + 1)
    await store.ledger.settle(old)
    store.ledger.settle(replace(old, cost_pico=999))
    await store.ledger.settle(new)
    assert await everything(store) == [new, old]
    assert await totals(store) == Totals(2, 20, 4, 2, 10, 6, 50)


async def test_what_is_settled_together_waits_for_one_commit(store: Store) -> None:
    futures = {store.ledger.settle(a_record(NOON + n)) for n in range(200)}
    assert len(futures) == 1
    await futures.pop()
    assert len(await everything(store)) == 200


async def test_an_intent_alone_is_journalled_without_anyone_waiting(store: Store) -> None:
    future = store.ledger.intend(an_intent())
    await until(future.done)
    assert await everything(store) == []


async def test_an_intent_may_be_settled_at_any_moment(store: Store) -> None:
    intents = [an_intent(NOON + n) for n in range(30)]
    for number, intent in enumerate(intents):
        journalled = store.ledger.intend(intent)
        if number % 3 == 1:
            await journalled
        if number % 3 == 2:
            await asyncio.sleep(0)
        store.ledger.settle(settled(intent))
    await store.ledger.flush()
    assert len(await everything(store)) == 30
    assert (await totals(store)).requests == 30


async def test_an_intent_may_be_withdrawn_at_any_moment(engine: Engine, store: Store) -> None:
    intents = [an_intent(NOON + n) for n in range(30)]
    for number, intent in enumerate(intents):
        journalled = store.ledger.intend(intent)
        if number % 3 == 1:
            await journalled
            assert intent.request_id in engine.under_way()
        if number % 3 == 2:
            await asyncio.sleep(0)
        store.ledger.withdraw(intent.request_id)
    await store.ledger.flush()
    assert engine.under_way() == set()
    assert await everything(store) == []


async def test_a_withdrawn_intent_is_gone_without_anyone_asking_again(engine: Engine, store: Store) -> None:
    intent = an_intent()
    await store.ledger.intend(intent)
    withdrawn = store.ledger.withdraw(intent.request_id)
    await until(withdrawn.done)
    assert engine.under_way() == set()


async def test_what_is_withdrawn_while_nothing_can_be_written_is_withdrawn_later(engine: Engine, store: Store) -> None:
    before, meanwhile, kept = (an_intent(NOON + n) for n in range(3))
    await store.ledger.intend(before)
    engine.break_it()
    store.ledger.intend(meanwhile)
    store.ledger.intend(kept)
    await until(lambda: store.ledger.failing is not None)
    for intent in (before, meanwhile):
        store.ledger.withdraw(intent.request_id)
    engine.mend_it()
    await store.ledger.flush()
    assert engine.under_way() == {kept.request_id}


async def test_flush_waits_for_everything_queued(store: Store) -> None:
    store.ledger.intend(an_intent())
    store.ledger.settle(a_record())
    await store.ledger.flush()
    assert len(await everything(store)) == 1


async def test_flush_of_nothing_returns(store: Store) -> None:
    await store.ledger.flush()


async def test_close_flushes(engine: Engine) -> None:
    store = await engine.open()
    future = store.ledger.settle(a_record())
    await store.close()
    assert future.done()


async def test_a_closed_ledger_takes_nothing(engine: Engine) -> None:
    store = await engine.open()
    await store.close()
    with pytest.raises(StoreError):
        store.ledger.settle(a_record())
    with pytest.raises(StoreError):
        store.ledger.intend(an_intent())
    with pytest.raises(StoreError):
        store.ledger.withdraw("req_1")


async def test_a_cancelled_waiter_takes_nothing_from_the_others(store: Store) -> None:
    future = store.ledger.settle(a_record())
    impatient = asyncio.ensure_future(asyncio.shield(future))
    await asyncio.sleep(0)
    impatient.cancel()
    await future


@pytest.mark.parametrize(
    ("absurd", "kept"),
    [
        (a_record(cost_pico=10**40), {"cost_pico": MAX_COST}),
        (a_record(cost_pico=-(10**40)), {"cost_pico": -MAX_COST}),
        (a_record(usage=Usage(10**30)), {"usage": Usage(MAX_TOKENS)}),
        (a_record(usage=Usage(1, 10**30)), {"usage": Usage(1, MAX_TOKENS)}),
        (a_record(usage=Usage(1, 2, 10**30)), {"usage": Usage(1, 2, MAX_TOKENS)}),
        (a_record(usage=Usage(1, 2, 3, 10**30)), {"usage": Usage(1, 2, 3, MAX_TOKENS)}),
        (a_record(usage=Usage(1, 2, 3, 4, 10**30, estimated=True)), {"usage": Usage(1, 2, 3, 4, MAX_TOKENS, True)}),
    ],
)
async def test_absurd_figures_are_bounded_and_do_not_stop_the_ledger(
    store: Store, caplog: pytest.LogCaptureFixture, absurd: Record, kept: dict[str, Any]
) -> None:
    async with asyncio.timeout(60):
        await store.ledger.settle(absurd)
    assert await store.reports.record(absurd.request_id) == replace(absurd, **kept)
    assert absurd.request_id in caplog.text


class TestFailing:
    async def test_it_says_so_holds_everything_and_resumes_by_itself(
        self, engine: Engine, store: Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        before = a_record(NOON)
        await store.ledger.settle(before)
        engine.break_it()
        held = [a_record(NOON + n) for n in range(1, 4)]
        future = store.ledger.settle(held[0])
        await until(lambda: store.ledger.failing is not None)
        later = store.ledger.settle(held[1])
        store.ledger.settle(held[2])
        assert "locked" in (store.ledger.failing or "")
        assert not future.done()
        assert not later.done()
        engine.mend_it()
        await asyncio.gather(future, later)
        assert store.ledger.failing is None
        assert await everything(store) == [*held[::-1], before]
        assert (await totals(store)).requests == 4
        told = [message.levelno for message in caplog.records if message.name == "tollkeeper.store"]
        assert told == [logging.ERROR, logging.WARNING]

    async def test_of_two_settlements_the_first_counts_even_when_it_was_held(
        self, engine: Engine, store: Store
    ) -> None:
        engine.break_it()
        first = a_record(cost_pico=100)
        store.ledger.settle(first)
        await until(lambda: store.ledger.failing is not None)
        last = store.ledger.settle(replace(first, cost_pico=999))
        engine.mend_it()
        await last
        assert await everything(store) == [first]

    async def test_an_intent_held_and_then_settled_is_a_record(self, engine: Engine, store: Store) -> None:
        engine.break_it()
        intent = an_intent()
        store.ledger.intend(intent)
        await until(lambda: store.ledger.failing is not None)
        future = store.ledger.settle(settled(intent))
        engine.mend_it()
        await future
        assert await everything(store) == [settled(intent)]

    async def test_other_writes_fail_at_once_and_are_not_kept(self, engine: Engine, store: Store) -> None:
        engine.break_it()
        with pytest.raises(StoreError, match="cannot be written"):
            await store.installation.set_value("name", b"value")
        engine.mend_it()
        await store.ledger.settle(a_record())
        assert await store.installation.value("name") is None
