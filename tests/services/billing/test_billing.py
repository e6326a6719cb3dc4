"""The life of invoices, on every engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.services.billing.house import (
    ANN,
    BOB,
    DAY,
    DECEMBER,
    NOVEMBER,
    OCTOBER,
    ROOT,
    TEAM,
    TERMS,
    House,
    Named,
    end_of,
    house,
    only_invoice,
)
from tests.store.values import AUDIT, an_intent
from tollkeeper.rules.errors import Conflict, LedgerUnavailable, NotFound, Unprocessable
from tollkeeper.rules.invoices import PayerId
from tollkeeper.rules.invoicing import canonical_form, hash_of
from tollkeeper.rules.usage import Usage
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.invoices import InvoiceFilter, OpenRecords

USD = 10**12
COST = 1000 * 150_000 + 100 * 600_000
"""Pico-dollars of a request as `House.used` makes it."""


async def test_an_invoice_has_the_months_records_as_lines_and_the_exact_total(here: House) -> None:
    await here.used(NOVEMBER)
    await here.used(end_of(NOVEMBER) - 1, usage=Usage(1000, 400, 0, 7, 0))
    await here.used(DECEMBER)
    await here.used(NOVEMBER, user_id="bob", model="free")
    done = await here.billing.finalize("2026-11", by=ROOT)
    assert [(each.number, each.payer) for each in done.issued] == [("TK-2026-000001", ANN), ("TK-2026-000002", BOB)]
    ann = await here.billing.get("TK-2026-000001")
    assert [(line.class_, line.tokens, line.unit_price_usd_per_mtok, line.cost_exact_usd) for line in ann.lines] == [
        ("input", 1600, "0.15", "0.00024"),
        ("cached_input", 400, "0.075", "0.00003"),
        ("output", 107, "0.6", "0.0000642"),
    ]
    assert (ann.total_exact_usd, ann.total_usd, [tax.amount_usd for tax in ann.tax]) == ("0.0003342", "0.00", ["0.00"])
    assert (ann.status, ann.issued_at, ann.due_at) == (
        "finalized", "2026-12-02T12:00:00.000Z", "2026-12-16T12:00:00.000Z",
    )  # fmt: skip
    assert (ann.payer.name, ann.payer.address, ann.payer.tax_id, ann.seller.name) == (
        "Ann Lee", "2 Main Street", "DE2", "Tollkeeper Ltd",
    )  # fmt: skip
    assert ann.sha256 == hash_of(ann)
    bob = await here.billing.get("TK-2026-000002")
    assert [(line.class_, line.unit_price_usd_per_mtok, line.cost_exact_usd) for line in bob.lines] == [
        ("input", None, "0"),
        ("output", None, "0"),
    ]
    assert await here.billing.verify() == []


async def test_a_team_pays_for_its_members_and_each_user_for_all_else(here: House) -> None:
    await here.used(NOVEMBER, user_id="ann", team_id="team_1")
    await here.used(NOVEMBER, user_id="bob", team_id="team_1")
    await here.used(NOVEMBER, user_id="ann")
    done = await here.billing.finalize("2026-11", by=ROOT)
    assert [each.payer for each in done.issued] == [TEAM, ANN]
    team = await here.billing.get(done.issued[0].id)
    assert [line.tokens for line in team.lines] == [2000, 200]
    assert (team.payer.ref, team.payer.name) == (TEAM, "Blue")
    assert await here.billing.verify() == []


async def test_finalizing_twice_or_at_once_makes_one_invoice_and_one_number(here: House) -> None:
    for user in ("ann", "bob", "cid"):
        await here.used(NOVEMBER, user_id=user)
    processes = [house(here.store).billing for _ in range(5)]
    runs = await asyncio.gather(*(each.finalize("2026-11", by=ROOT) for each in processes))
    assert sorted(each.number for run in runs for each in run.issued) == [f"TK-2026-{n:06d}" for n in (1, 2, 3)]
    assert all(len(run.issued) + run.already == 3 for run in runs)
    again = await here.billing.finalize("2026-11", by=ROOT)
    assert (again.issued, again.already) == ((), 3)
    assert len(await here.billing.list(InvoiceFilter())) == 3


async def test_where_the_database_fails_midway_the_error_says_what_was_issued(
    here: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user in ("ann", "bob", "cid"):
        await here.used(NOVEMBER, user_id=user)
    issue = here.store.invoices.issue

    def failing(what: OpenRecords, *rest: Any) -> Any:
        if what.payer.id in broken:
            raise StoreError("disk full")
        return issue(what, *rest)

    monkeypatch.setattr(here.store.invoices, "issue", failing)
    broken = ["ann", "cid"]
    with pytest.raises(StoreError):
        await here.billing.finalize("2026-11", by=ROOT)
    broken = ["cid"]
    with pytest.raises(LedgerUnavailable, match="after 2 of the 3 invoices of 2026-11 were issued"):
        await here.billing.finalize("2026-11", by=ROOT)
    broken = []
    done = await here.billing.finalize("2026-11", by=ROOT)
    assert (len(done.issued), done.already) == (1, 2)


async def test_who_finalizes_what_is_being_finalized_waits_and_finds_it_done(
    here: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user in ("ann", "bob", "cid"):
        await here.used(NOVEMBER, user_id=user)
    issue, tried = here.store.invoices.issue, []

    def counted(what: OpenRecords, *rest: Any) -> Any:
        tried.append(what.payer.id)
        return issue(what, *rest)

    monkeypatch.setattr(here.store.invoices, "issue", counted)
    runs = await asyncio.gather(*(here.billing.finalize("2026-11", by=ROOT) for _ in range(5)))
    assert [len(run.issued) for run in runs] == [3, 0, 0, 0, 0]
    assert [run.already for run in runs] == [0, 3, 3, 3, 3]
    assert tried == ["ann", "bob", "cid"]


async def test_a_month_that_has_not_ended_or_has_running_requests_is_not_finalized(here: House) -> None:
    await here.used(NOVEMBER)
    here.now = end_of(NOVEMBER) - 1
    with pytest.raises(Conflict) as not_ended:
        await here.billing.finalize("2026-11", by=ROOT)
    assert not_ended.value.code == "month_not_ended"
    here.now = end_of(NOVEMBER)
    intent = an_intent(end_of(NOVEMBER) - 1, user_id="ann")
    await here.store.ledger.intend(intent)
    with pytest.raises(Conflict) as running:
        await here.billing.finalize("2026-11", by=ROOT)
    assert running.value.code == "requests_running"
    assert (await here.billing.check("2026-11")).running == 1
    await here.store.ledger.withdraw(intent.request_id)
    assert len((await here.billing.finalize("2026-11", by=ROOT)).issued) == 1


async def test_a_payer_without_records_gets_no_invoice(here: House) -> None:
    await here.used(OCTOBER)
    done = await here.billing.finalize("2026-11", by=ROOT)
    assert (done.issued, done.already) == ((), 0)
    assert (await here.billing.finalize("2026-11", ANN, by=ROOT)).issued == ()


async def test_late_records_go_onto_the_next_invoice_and_name_their_month(here: House) -> None:
    late = here.request(OCTOBER + DAY)
    await here.used(OCTOBER)
    await here.billing.finalize("2026-10", by=ROOT)
    await here.settle(late)
    await here.adjusted(OCTOBER + 2, -5)
    await here.used(NOVEMBER)
    assert (await here.billing.finalize("2026-10", by=ROOT)).issued == ()
    [issued] = (await here.billing.finalize("2026-11", by=ROOT)).issued
    invoice = await here.billing.get(issued.id)
    assert [(line.month, line.tokens) for line in invoice.late] == [("2026-10", 1000), ("2026-10", 100)]
    assert [(item.month, item.cost_exact_usd) for item in invoice.adjustments] == [("2026-10", "-0.000000000005")]
    assert [line.tokens for line in invoice.lines] == [1000, 100]
    assert await here.billing.open_months() == []
    assert await here.billing.verify() == []


async def test_late_records_alone_make_an_invoice_of_the_next_month(here: House) -> None:
    await here.used(OCTOBER)
    await here.billing.finalize("2026-10", by=ROOT)
    await here.used(OCTOBER + DAY)
    [issued] = (await here.billing.finalize("2026-11", by=ROOT)).issued
    invoice = await here.billing.get(issued.id)
    assert (invoice.lines, [line.month for line in invoice.late]) == ((), ["2026-10", "2026-10"])


async def test_a_month_without_an_invoice_is_never_late(here: House) -> None:
    await here.used(OCTOBER)
    await here.used(NOVEMBER)
    [issued] = (await here.billing.finalize("2026-11", by=ROOT)).issued
    assert (await here.billing.get(issued.id)).late == ()
    assert await here.billing.open_months() == ["2026-10"]


async def test_adjustments_stand_apart_and_count(here: House) -> None:
    await here.used(NOVEMBER)
    refund = await here.adjusted(NOVEMBER + DAY, -COST * 3 // 2, "double charge")
    invoice = await here.billing.get(await only_invoice(here))
    [item] = invoice.adjustments
    assert (item.id, item.month, item.reason, item.user_id) == (refund.request_id, "2026-11", "double charge", "ann")
    assert invoice.total_exact_usd == "-0.000105"


async def test_a_void_invoice_opens_exactly_its_records_and_returns_its_credit(here: House) -> None:
    await here.used(OCTOBER, 10**9)
    await here.billing.finalize("2026-10", by=ROOT)
    await here.used(OCTOBER + 1)
    await here.used(NOVEMBER, 10**9)
    await here.billing.add_credit(ANN, 100 * USD, "prepaid", by=ROOT)
    number = await only_invoice(here)
    before = await here.billing.get(number)
    assert before.credit_exact_usd == "100"
    await here.used(NOVEMBER + DAY)
    void = await here.billing.void(number, "wrong address", by=ROOT)
    assert (void.status, void.reason, void.sha256) == ("void", "wrong address", before.sha256)
    assert canonical_form(void) == canonical_form(before)
    assert [entry.balance_pico for entry in await here.billing.credits(ANN)] == [100 * USD, 0, 100 * USD]
    here.parties[ANN] = Named("Ann Lee", "3 Side Street")
    assert (await here.billing.finalize("2026-11", by=ROOT, automatic=True)).issued == ()
    again = await here.billing.get(await only_invoice(here))
    assert again.number == "TK-2026-000003"
    assert [line.tokens for line in again.lines] == [10**9 + 1000, 200]
    assert [line.tokens for line in again.late] == [1000, 100]
    assert again.payer.address == "3 Side Street"
    assert await here.billing.verify() == []


async def test_records_that_came_after_a_void_invoice_are_late_on_the_next_and_stay_there(here: House) -> None:
    await here.used(OCTOBER)
    [october] = (await here.billing.finalize("2026-10", by=ROOT)).issued
    await here.used(OCTOBER + 1, 7, 0)
    await only_invoice(here)
    await here.billing.void(october.number, "wrong", by=ROOT)
    await here.used(OCTOBER + 2, 11, 0)
    [again] = (await here.billing.finalize("2026-10", by=ROOT)).issued
    assert [line.tokens for line in (await here.billing.get(again.id)).lines] == [1011, 100]
    assert await here.billing.verify() == []


async def test_a_paid_invoice_is_corrected_by_a_credit_note_with_negative_lines(here: House) -> None:
    await here.used(NOVEMBER, 10**9)
    await here.billing.add_credit(ANN, 8 * USD, "granted", by=ROOT)
    number = await only_invoice(here)
    paid = await here.billing.pay(number, "bank 17", by=ROOT)
    assert (paid.status, paid.paid_at, paid.reference) == ("paid", "2026-12-02T12:00:00.000Z", "bank 17")
    with pytest.raises(Conflict, match="credit note"):
        await here.billing.void(number, "no", by=ROOT)
    note = await here.billing.credit_note(number, "wrong tax", by=ROOT)
    assert (note.number, note.corrects, note.reason) == ("TK-2026-000002", number, "wrong tax")
    assert [(line.tokens, line.cost_exact_usd) for line in note.lines] == [(-(10**9), "-150"), (-100, "-0.00006")]
    assert (note.tax[0].amount_usd, note.total_usd) == ("-28.50", "-178.50")
    assert (await here.billing.credits(ANN))[0].balance_pico == 178 * USD + 50_006 * USD // 100_000
    with pytest.raises(Conflict):
        await here.billing.credit_note(number, "twice", by=ROOT)
    with pytest.raises(Conflict):
        await here.billing.credit_note(note.id, "a note of a note", by=ROOT)
    with pytest.raises(Conflict):
        await here.billing.void(note.id, "void a note", by=ROOT)
    again = await here.billing.get(await only_invoice(here))
    assert (again.number, again.total_exact_usd, again.credit_exact_usd) == ("TK-2026-000003", "0", "178.50006")
    assert await here.billing.verify() == []


async def test_a_negative_total_becomes_credit_which_is_applied_next(here: House) -> None:
    await here.adjusted(OCTOBER, -10 * USD)
    await here.billing.finalize("2026-10", by=ROOT)
    assert [entry.kind for entry in await here.billing.credits(ANN)] == ["carried"]
    await here.used(NOVEMBER, 10**8)
    invoice = await here.billing.get(await only_invoice(here))
    assert (invoice.credit_exact_usd, invoice.total_exact_usd) == ("11.9", "5.95006")
    october = (await here.billing.list(InvoiceFilter(month="2026-10")))[0]
    with pytest.raises(Conflict) as spent:
        await here.billing.void(october.id, "wrong", by=ROOT)
    assert spent.value.code == "credit_spent"


async def test_credit_is_never_below_0(here: House) -> None:
    entry = await here.billing.add_credit(ANN, 5, "granted", by=ROOT)
    assert (entry.balance_pico, entry.by) == (5, "@bootstrap")
    with pytest.raises(Conflict):
        await here.billing.add_credit(ANN, -6, "taken back", by=ROOT)
    assert (await here.billing.add_credit(ANN, -5, "taken back", by=ROOT)).balance_pico == 0
    with pytest.raises(NotFound):
        await here.billing.add_credit(PayerId("user", "nobody"), 5, "granted", by=ROOT)
    for amount in (0, 10**25):
        with pytest.raises(Unprocessable):
            await here.billing.add_credit(ANN, amount, "granted", by=ROOT)


@pytest.mark.parametrize(
    "month", ["2026-13", "2026-1", "1969-12", "November", "2026-11-01", "2026-11\n", "", "9999-12"]
)
async def test_a_bad_month_is_refused_by_its_name(here: House, month: str) -> None:
    for call in (here.billing.drafts(month), here.billing.draft(ANN, month), here.billing.check(month),
                 here.billing.finalize(month, by=ROOT)):  # fmt: skip
        with pytest.raises(Unprocessable) as refused:
            await call
        assert refused.value.param == "month"


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1001, "half a pair: \ud800"])
async def test_a_reason_must_be_text_of_some_length(here: House, reason: str) -> None:
    await here.used(NOVEMBER)
    number = await only_invoice(here)
    with pytest.raises(Unprocessable) as refused:
        await here.billing.void(number, reason, by=ROOT)
    assert refused.value.param == "reason"


async def test_what_is_not_there_or_in_another_state_is_told(here: House) -> None:
    await here.used(NOVEMBER)
    for call in (here.billing.get("TK-2026-000009"), here.billing.pay("inv_x", None, by=ROOT),
                 here.billing.get("draft-2026-11-nobody-x"), here.billing.get("draft-")):  # fmt: skip
        with pytest.raises((NotFound, Unprocessable)):
            await call
    nobody = PayerId("user", "\ud800")
    calls: list[Coroutine[Any, Any, object]] = [
        here.billing.draft(nobody),
        here.billing.finalize("2026-11", nobody, by=ROOT),
        here.billing.get("\ud800"),
        here.billing.credits(nobody),
    ]
    for refused_call in calls:
        with pytest.raises(NotFound):
            await refused_call
    draft = await here.billing.draft(ANN, "2026-11")
    assert await here.billing.get(draft.id) == draft
    with pytest.raises(Conflict):
        await here.billing.pay(draft.id, None, by=ROOT)
    number = await only_invoice(here)
    await here.billing.void(number, "wrong", by=ROOT)
    for call in (here.billing.pay(number, None, by=ROOT), here.billing.void(number, "again", by=ROOT),
                 here.billing.credit_note(number, "void", by=ROOT)):  # fmt: skip
        with pytest.raises(Conflict) as refused:
            await call
        assert refused.value.code == "invoice_state"


async def test_a_draft_is_the_invoice_to_come_without_a_number(here: House) -> None:
    await here.used(NOVEMBER, 10**9)
    await here.billing.add_credit(ANN, USD, "granted", by=ROOT)
    draft, same = await asyncio.gather(here.billing.draft(ANN, "2026-11"), here.billing.draft(ANN, "2026-11"))
    assert draft is same
    assert (draft.status, draft.number, draft.issued_at, draft.sha256) == ("draft", None, None, None)
    invoice = await here.billing.get(await only_invoice(here))
    frozen = replace(invoice, id=draft.id, number=None, issued_at=None, due_at=None, status="draft", sha256=None)
    assert frozen == draft
    assert (await here.billing.draft(ANN, "2026-11")).lines == ()
    assert (await here.billing.draft(BOB)).month == "2026-12"


async def test_months_payers_and_checks_show_what_is_open(here: House) -> None:
    await here.used(OCTOBER)
    await here.used(NOVEMBER)
    await here.used(NOVEMBER, user_id="bob")
    await here.used(DECEMBER)
    assert await here.billing.open_months() == ["2026-10", "2026-11", "2026-12"]
    await here.billing.finalize("2026-11", BOB, by=ROOT)
    ann, bob = await here.billing.drafts("2026-11")
    assert (ann.payer, ann.requests, ann.cost_pico, ann.open_pico, ann.number) == (ANN, 1, COST, COST, None)
    assert (bob.payer, bob.cost_pico, bob.open_requests, bob.open_pico) == (BOB, COST, 0, 0)
    assert (bob.number, bob.status, bob.total_usd) == ("TK-2026-000001", "finalized", "0.00")
    check = await here.billing.check("2026-11", deep=True)
    assert (check.ended, check.running, check.open, check.open_pico, check.invoiced) == (True, 0, 1, COST, 1)
    assert check.ready
    assert not (await here.billing.check("2026-12")).ready


async def test_lists_are_newest_first_filtered_and_paged(here: House) -> None:
    for user in ("ann", "bob", "cid"):
        await here.used(NOVEMBER, user_id=user)
        await here.used(OCTOBER, user_id=user)
    await here.billing.finalize("2026-10", by=ROOT)
    await here.billing.finalize("2026-11", by=ROOT)
    every = await here.billing.list(InvoiceFilter())
    assert [each.number for each in every] == [f"TK-2026-{n:06d}" for n in (6, 5, 4, 3, 2, 1)]
    page = await here.billing.list(InvoiceFilter(), limit=2, after=every[1].id)
    assert page == every[2:4]
    assert await here.billing.list(InvoiceFilter(), after="inv_unknown") == []
    await here.billing.pay(every[0].id, None, by=ROOT)
    [paid] = await here.billing.list(InvoiceFilter(status="paid"))
    assert paid.number == every[0].number
    assert [each.payer.ref for each in await here.billing.list(InvoiceFilter(payer=ANN))] == [ANN, ANN]
    assert {each.month for each in await here.billing.list(InvoiceFilter(month="2026-10"))} == {"2026-10"}


async def test_months_are_finalized_by_themselves_some_days_after_their_end(here: House) -> None:
    await here.used(OCTOBER)
    await here.used(NOVEMBER)
    here.now = end_of(NOVEMBER) + TERMS.after_days * DAY - 1
    assert [done.month for done in await here.billing.finalize_due()] == ["2026-10"]
    here.now += 1
    assert [done.month for done in await here.billing.finalize_due()] == ["2026-11"]
    assert await here.billing.finalize_due() == []
    await here.used(OCTOBER + 1)
    here.now = end_of(DECEMBER) + TERMS.after_days * DAY
    [late] = await here.billing.finalize_due()
    assert (late.month, late.issued[0].number) == ("2026-12", "TK-2027-000001")


async def test_nothing_is_finalized_by_itself_where_the_setting_is_0(here: House) -> None:
    never = house(here.store, replace(TERMS, after_days=0))
    await here.used(OCTOBER)
    assert await never.billing.finalize_due() == []
    assert await never.billing.open_months() == ["2026-10"]


async def test_each_change_is_in_the_audit_log_with_its_author(here: House) -> None:
    await here.used(NOVEMBER)
    number = await only_invoice(here)
    await here.billing.pay(number, "x", by=ROOT)
    await here.billing.credit_note(number, "wrong", by=ROOT)
    await here.billing.void(await only_invoice(here), "wrong", by=ROOT)
    await here.billing.add_credit(ANN, 1, "gift", by=ROOT)
    entries = await here.store.audit.entries(limit=5, after=None)
    assert [entry.action for entry in entries[::-1]] == [
        "invoice.pay", "invoice.credit_note", "invoice.finalize", "invoice.void", "credit.add",
    ]  # fmt: skip
    assert {entry.actor for entry in entries} == {"@bootstrap"}


async def test_each_step_of_an_invoice_is_an_event_with_the_whole_invoice(here: House) -> None:
    await here.used(NOVEMBER)
    number = await only_invoice(here)
    await here.billing.void(number, "wrong address", by=ROOT)
    again = await only_invoice(here)
    await here.billing.pay(again, None, by=ROOT)
    note = await here.billing.credit_note(again, "wrong price", by=ROOT)
    found = (await here.store.events.events(limit=10))[::-1]
    data = [json.loads(event.data) for event in found]
    told = zip(found, data, strict=True)
    assert sorted((event.type, invoice["number"], invoice["status"]) for event, invoice in told) == [
        ("invoice.finalized", number, "finalized"),
        ("invoice.finalized", again, "finalized"),
        ("invoice.finalized", note.number, "finalized"),
        ("invoice.paid", again, "paid"),
        ("invoice.void", number, "void"),
    ]
    assert {(event.user_id, event.team_id) for event in found} == {("ann", None)}
    assert json.loads(msgspec.json.encode(await here.billing.get(again))) in data


async def test_an_event_of_a_teams_invoice_is_the_teams(here: House) -> None:
    await here.used(NOVEMBER, team_id="team_1")
    await only_invoice(here)
    [event] = await here.store.events.events(limit=10)
    assert (event.user_id, event.team_id) == (None, "team_1")


async def test_what_changes_nothing_is_no_event(here: House) -> None:
    await here.used(NOVEMBER)
    number = await only_invoice(here)
    await here.billing.finalize("2026-11", by=ROOT)
    await here.billing.pay(number, None, by=ROOT)
    with pytest.raises(Conflict):
        await here.billing.void(number, "too late", by=ROOT)
    assert len(await here.store.events.events(limit=10)) == 2


async def test_credit_of_a_payer_who_has_used_nothing_yet_pays_the_first_invoice(here: House) -> None:
    await here.billing.add_credit(ANN, 5 * USD, "prepaid", by=ROOT)
    await here.used(NOVEMBER, 10**7)
    assert [entry.balance_pico for entry in await here.billing.credits(ANN)] == [5 * USD]
    invoice = await here.billing.get(await only_invoice(here))
    assert (invoice.credit_exact_usd, invoice.total_exact_usd) == ("1.79006", "0")
    assert await here.billing.verify() == []


async def test_who_takes_the_id_of_somebody_who_was_forgotten_inherits_nothing(here: House) -> None:
    [account], _ = await here.store.accounts.save(users=[User("ann", "user", "closed", "Ann Lee", 1)], audit=AUDIT)
    await here.used(NOVEMBER)
    await here.billing.add_credit(ANN, 5, "prepaid", by=ROOT)
    number = await only_invoice(here)
    left = await here.store.erasure.erase(account, replace(AUDIT, target="ann"))
    forgotten = PayerId("user", left.user_id)
    for name in (number, (await here.billing.get(number)).id):
        with pytest.raises(NotFound):
            await here.billing.get(name, ANN)
        assert (await here.billing.get(name, forgotten)).number == number
    assert await here.billing.list(InvoiceFilter(payer=ANN)) == []
    assert await here.billing.credits(ANN) == []
    assert [entry.amount_pico for entry in await here.billing.credits(forgotten)] == [-5, 5]
    await here.billing.void(number, "wrong", by=ROOT)
    [again] = (await here.billing.finalize("2026-11", by=ROOT)).issued
    assert again.payer == forgotten
    assert await here.billing.verify() == []


async def test_an_invoice_of_another_payer_is_not_found(here: House) -> None:
    await here.used(NOVEMBER)
    draft = await here.billing.draft(ANN, "2026-11")
    number = await only_invoice(here)
    for name in (number, (await here.billing.get(number)).id, draft.id):
        assert (await here.billing.get(name, ANN)).payer.ref == ANN
        for other in (BOB, TEAM, PayerId("team", "ann")):
            with pytest.raises(NotFound):
                await here.billing.get(name, other)


@pytest.mark.parametrize(
    "name", ["draft-2026-11-user-nobody", "draft-2026-11-team-ann", "draft-2026-13-user-ann", "draft-9999-12-user-ann",
             "draft-2026-1-user-ann", "draft-2026-11-user-ANN"],
)  # fmt: skip
async def test_a_draft_of_nobody_or_of_no_month_is_not_found(here: House, name: str) -> None:
    with pytest.raises(NotFound):
        await here.billing.get(name)


async def test_a_draft_of_a_payer_who_is_no_longer_known_is_there_while_something_is_open(here: House) -> None:
    await here.used(NOVEMBER, user_id="gone")
    assert (await here.billing.get("draft-2026-11-user-gone")).lines
    await only_invoice(here)
    with pytest.raises(NotFound):
        await here.billing.get("draft-2026-11-user-gone")


async def test_an_invoice_is_not_paid_in_the_future(here: House) -> None:
    await here.used(NOVEMBER)
    number = await only_invoice(here)
    with pytest.raises(Unprocessable) as refused:
        await here.billing.pay(number, None, by=ROOT, paid_at=here.now + 1)
    assert refused.value.param == "paid_at"
    assert (await here.billing.pay(number, None, by=ROOT, paid_at=here.now)).paid_at == "2026-12-02T12:00:00.000Z"


async def test_a_credit_note_of_a_refund_is_paid_with_the_credit_that_the_refund_became(here: House) -> None:
    await here.adjusted(NOVEMBER, -10 * USD)
    number = await only_invoice(here)
    await here.billing.pay(number, None, by=ROOT)
    assert (await here.billing.credits(ANN))[0].balance_pico == 119 * USD // 10
    note = await here.billing.credit_note(number, "no outage", by=ROOT)
    assert (note.credit_exact_usd, note.total_exact_usd, note.total_usd) == ("11.9", "0", "0.00")
    assert [(entry.kind, entry.balance_pico) for entry in await here.billing.credits(ANN)] == [
        ("applied", 0), ("carried", 119 * USD // 10),
    ]  # fmt: skip
    assert await here.billing.verify() == []


async def test_a_number_may_begin_as_the_ids_of_drafts_do(here: House) -> None:
    await here.used(NOVEMBER)
    drafts = house(here.store, replace(TERMS, prefix="draft")).billing
    [issued] = (await drafts.finalize("2026-11", by=ROOT)).issued
    assert issued.number == "draft-2026-000001"
    assert (await drafts.get(issued.number)).id == issued.id
