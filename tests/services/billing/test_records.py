"""The records behind an invoice, on every engine."""

from __future__ import annotations

import pytest

from tests.services.billing.house import ANN, DAY, NOVEMBER, OCTOBER, ROOT, House, only_invoice
from tollkeeper.rules.errors import Conflict


async def covered(here: House, name: str) -> list[str]:
    """The ids of the records behind an invoice."""
    coverage = await here.billing.coverage(await here.billing.get(name))
    return [record.request_id async for some in here.billing.records(coverage) for record in some]


async def test_the_records_behind_an_invoice_are_those_that_it_charges(here: House) -> None:
    first = await here.used(OCTOBER)
    [october] = (await here.billing.finalize("2026-10", by=ROOT)).issued
    late = await here.used(OCTOBER + 2)
    now = await here.used(NOVEMBER, user_id="ann", metadata='{"tag":"x"}')
    await here.used(NOVEMBER, user_id="ann", team_id="team_1")
    await here.used(NOVEMBER, user_id="bob")
    refund = await here.adjusted(NOVEMBER + 1, -5)
    assert await covered(here, october.id) == [first.request_id]
    wanted = [late.request_id, now.request_id, refund.request_id]
    assert await covered(here, "draft-2026-11-user-ann") == wanted
    number = (await here.billing.finalize("2026-11", ANN, by=ROOT)).issued[0].number
    await here.used(NOVEMBER + 2)
    assert await covered(here, number) == wanted
    assert await covered(here, "draft-2026-11-user-ann") == []
    await here.billing.void(number, "wrong", by=ROOT)
    assert await covered(here, number) == wanted
    coverage = await here.billing.coverage(await here.billing.get(number))
    assert coverage.payer == ANN
    records = [record async for some in here.billing.records(coverage) for record in some]
    assert [(record.user_id, record.metadata) for record in records[1:2]] == [("ann", '{"tag":"x"}')]


async def test_the_records_behind_a_credit_note_are_those_that_it_takes_back(here: House) -> None:
    used = await here.used(NOVEMBER)
    number = await only_invoice(here)
    await here.billing.pay(number, None, by=ROOT)
    note = await here.billing.credit_note(number, "wrong", by=ROOT)
    assert await covered(here, note.id) == [used.request_id]


async def test_records_that_were_pruned_are_not_listed_in_part(here: House) -> None:
    await here.used(NOVEMBER)
    await here.used(NOVEMBER + DAY)
    number = await only_invoice(here)
    await here.store.ledger.prune(NOVEMBER + 1)
    with pytest.raises(Conflict) as refused:
        await covered(here, number)
    assert refused.value.code == "records_pruned"
