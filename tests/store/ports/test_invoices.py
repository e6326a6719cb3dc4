"""What invoices cover and what they leave open, on every engine; the life of invoices is in tests/services/billing/."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from tests.services.billing.house import ANN, BOB, DAY, NOVEMBER, OCTOBER, PRICE, ROOT, TEAM, House, house
from tests.store.engines import Engine, Sqlite
from tests.store.values import AUDIT, a_record
from tollkeeper.rules.invoices import Invoice, PayerId
from tollkeeper.rules.times import month_bounds
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.invoices import (
    CreditEntry,
    CreditSpent,
    InvoiceFilter,
    OpenRecords,
    RecordsPruned,
    reason_in,
)
from tollkeeper.store.ports.records import Record
from tollkeeper.store.ports.store import Store


def audit(_: Invoice) -> AuditEntry:
    return AUDIT


async def issued(here: House, what: OpenRecords, month: int) -> Invoice | None:
    """An invoice of these records, straight from the store."""
    frame = replace(
        await here.billing.draft(what.payer, "2026-01"), id=f"inv_{random.random()}", status="finalized",
        issued_at="2026-12-02T12:00:00.000Z", sha256="0", month="2026-11" if month == NOVEMBER else "2026-10",
    )  # fmt: skip
    return await here.store.invoices.issue(
        what, month, 2026, lambda serial, _: replace(frame, number=f"TK-2026-{serial:06d}"), audit
    )


async def test_the_end_of_the_chain_and_what_is_running(store: Store) -> None:
    here = house(store)
    assert (await store.invoices.chain_end(NOVEMBER)).seq == 0
    await here.used(NOVEMBER)
    await here.used(OCTOBER)
    end = await store.invoices.chain_end(NOVEMBER)
    assert (end.seq, end.running) == (2, 0)


async def test_open_records_are_what_no_range_covers_up_to_a_position(store: Store) -> None:
    """Against a set of numbers: many invoices, voided again at random, of records in random order."""
    here, dice = house(store), random.Random(7)
    records: list[Record] = []
    billed: dict[int, str] = {}
    for _ in range(40):
        for _ in range(dice.randrange(5)):
            who = dice.choice([{"user_id": "ann"}, {"user_id": "bob"}, {"user_id": "ann", "team_id": "team_1"}])
            month = dice.choice([OCTOBER, NOVEMBER])
            at = month + dice.randrange(DAY)
            if dice.random() < 0.2:
                records.append(await here.adjusted(at, dice.randrange(-9, 9), **who))
            else:
                records.append(await here.used(at, 1, 0, **who, cost_pico=dice.randrange(100)))
        payer, month = dice.choice([ANN, BOB, TEAM]), dice.choice([OCTOBER, NOVEMBER])
        upto = dice.randrange(len(records) + 1)
        found, _ = await store.invoices.open_records(month, upto, payer)
        holding = {number for number in billed.values() if number.startswith(f"{payer} {month} ")}
        october = any(number.startswith(f"{payer} {OCTOBER} ") for number in billed.values())
        wanted = {
            seq: record
            for seq, record in enumerate(records[:upto], 1)
            if seq not in billed and payer_of(record) == payer
            and (month_of(record) == month or (october and month_of(record) < month))
        }  # fmt: skip
        if holding or not wanted:
            assert found == []
        else:
            [what] = found
            assert what.payer == payer
            assert sum(use.records for use in what.uses) == len(wanted) == sum(each.records for each in what.ranges)
            assert sum(use.cost_pico for use in what.uses) == sum(record.cost_pico for record in wanted.values())
            invoice = await issued(here, what, month)
            assert invoice is not None
            for seq in wanted:
                billed[seq] = f"{payer} {month} {invoice.id}"
        names = sorted(set(billed.values()))
        if names and dice.random() < 0.3:
            gone = dice.choice(names)
            await store.invoices.change(gone.split()[-1], NOVEMBER, lambda each: replace(each, status="void"), AUDIT)
            billed = {seq: name for seq, name in billed.items() if name != gone}
        every = {month_of(record) for seq, record in enumerate(records, 1) if seq not in billed and record.model}
        assert every <= set(await store.invoices.open_months())


def payer_of(record: Record) -> PayerId:
    return PayerId("team", record.team_id) if record.team_id else PayerId("user", record.user_id)


def month_of(record: Record) -> int:
    return month_bounds(record.created_at)[0]


async def test_all_payers_at_once_are_each_as_alone(store: Store) -> None:
    here = house(store)
    await here.price(PRICE)
    for user, team in (("ann", None), ("bob", None), ("bob", "team_1"), ("ann", "team_1")):
        for at in (OCTOBER, NOVEMBER, NOVEMBER + 1):
            await here.used(at, user_id=user, team_id=team)
    await here.adjusted(NOVEMBER, 5, user_id="cid")
    for _ in range(2):
        end = await store.invoices.chain_end(NOVEMBER)
        every, already = await store.invoices.open_records(NOVEMBER, end.seq)
        alone = [await store.invoices.open_records(NOVEMBER, end.seq, what.payer) for what in every]
        assert [found for found, _ in alone] == [[what] for what in every]
        # Again with an invoice of one, and late records of another's October.
        await here.billing.finalize("2026-10", by=ROOT)
        await here.used(OCTOBER + 5, user_id="ann")
        await here.billing.finalize("2026-11", BOB, by=ROOT)
    assert already == 1
    assert {what.payer for what in every} == {TEAM, ANN, PayerId("user", "cid")}


async def test_nothing_is_issued_of_what_has_changed_since_it_was_read(store: Store) -> None:
    here = house(store)
    await here.used(OCTOBER)
    await here.billing.finalize("2026-10", by=ROOT)
    await here.used(OCTOBER + 1)
    await here.used(NOVEMBER)
    end = await store.invoices.chain_end(NOVEMBER)
    [stale], _ = await store.invoices.open_records(NOVEMBER, end.seq, ANN)
    [october] = await store.invoices.select(InvoiceFilter(), limit=9, after=None)
    await here.billing.void(october.id, "wrong", by=ROOT)
    assert await issued(here, stale, NOVEMBER) is None
    [fresh], _ = await store.invoices.open_records(NOVEMBER, end.seq, ANN)
    assert await issued(here, fresh, NOVEMBER) is not None
    assert await issued(here, fresh, NOVEMBER) is None


async def test_records_that_were_pruned_are_not_open_again(store: Store) -> None:
    here = house(store)
    await here.used(OCTOBER)
    await here.adjusted(OCTOBER + 1, -7)
    await here.used(OCTOBER + 2, user_id="bob")
    [ann, _] = (await here.billing.finalize("2026-10", by=ROOT)).issued
    await here.used(NOVEMBER)
    assert await store.ledger.prune(OCTOBER + 2) == 2
    with pytest.raises(RecordsPruned):
        await store.invoices.change(ann.id, NOVEMBER, lambda each: replace(each, status="void"), AUDIT)
    assert (await here.billing.get(ann.id)).status == "finalized"
    assert await store.invoices.faults() == []


async def test_what_was_pruned_before_an_invoice_covered_it_is_never_open(store: Store) -> None:
    here = house(store)
    for user, team in (("ann", None), ("bob", "team_1"), ("ann", None)):
        await here.used(OCTOBER, user_id=user, team_id=team, cost_pico=5)
    await here.used(OCTOBER + DAY)
    assert await store.ledger.prune(OCTOBER + 1) == 3
    end = await store.invoices.chain_end(OCTOBER)
    [what], _ = await store.invoices.open_records(OCTOBER, end.seq)
    assert (what.payer, sum(use.records for use in what.uses)) == (ANN, 1)
    assert [(each.payer, each.requests, each.open_requests) for each in await store.invoices.payers(OCTOBER)] == [
        (TEAM, 1, 0), (ANN, 3, 1),
    ]  # fmt: skip
    await here.billing.finalize("2026-10", by=ROOT)
    assert await store.invoices.open_months() == []
    assert await store.ledger.prune(OCTOBER + 2 * DAY) == 1
    assert await store.invoices.open_months() == []
    assert await store.invoices.faults() == []


async def test_credit_of_one_payer_is_not_that_of_another(store: Store) -> None:
    for payer, amount in ((ANN, 10**20), (BOB, 7), (PayerId("team", "ann"), 3)):
        await store.invoices.add_credit(CreditEntry(payer, NOVEMBER, "granted", amount, "gift", "@admin"), AUDIT)
    with pytest.raises(CreditSpent):
        await store.invoices.add_credit(CreditEntry(BOB, NOVEMBER, "granted", -8, "back", "@admin"), AUDIT)
    assert [(entry.amount_pico, entry.balance_pico) for entry in await store.invoices.credits(ANN)] == [
        (10**20, 10**20)
    ]
    assert [entry.balance_pico for entry in await store.invoices.credits(BOB)] == [7]


async def test_credit_of_before_the_first_record_is_there_after_it(store: Store, engine: Engine) -> None:
    """Prepaid, say."""
    with pytest.raises(CreditSpent):  # which takes back whatever else it has written
        await store.invoices.add_credit(CreditEntry(ANN, NOVEMBER, "granted", -7, "back", "@admin"), AUDIT)
    for _ in range(2):
        await store.invoices.add_credit(CreditEntry(ANN, NOVEMBER, "granted", 7, "prepaid", "@admin"), AUDIT)
        await store.ledger.settle(a_record(user_id=ANN.id))
    assert [entry.balance_pico for entry in await store.invoices.credits(ANN)] == [14, 7]
    if isinstance(engine, Sqlite):
        await store.close()
        again = await engine.open()
        assert [entry.balance_pico for entry in await again.invoices.credits(ANN)] == [14, 7]
        await again.close()


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [(None, ""), ('{"reason":"an outage","by":"admin"}', "an outage"), ("[1]", ""), ('{"by":"admin"}', "")],
)
def test_the_reason_of_an_adjustment_is_in_its_metadata(metadata: str | None, reason: str) -> None:
    assert reason_in(metadata) == reason
