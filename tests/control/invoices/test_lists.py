from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import msgspec

from tests.control.invoices.samples import a_line, an_invoice
from tollkeeper.control.http.schemas import Page
from tollkeeper.control.invoices import lists
from tollkeeper.control.invoices.lists import DraftOf, list_page
from tollkeeper.rules.invoices import Invoice, PayerId
from tollkeeper.store.ports.invoices import InvoiceFilter


class Books:
    """Billing with these invoices, and a draft of whatever is asked for."""

    def __init__(self, issued):
        self.issued = issued
        self.asked = []

    async def draft(self, payer, month):
        return an_invoice(id=f"draft-{payer.id}", number=None, status="draft", month=month)

    async def list(self, which, *, limit, after):
        self.asked.append(limit)
        ids = [invoice.id for invoice in self.issued]
        start = 0 if after is None else ids.index(after) + 1
        return self.issued[start : start + limit]


def served(issued: Sequence[Invoice] = ()) -> Any:
    """Services of the control plane, as far as lists need them."""
    return SimpleNamespace(billing=Books(list(issued)))


ISSUED = [an_invoice(id=f"inv_{number}") for number in range(250)]
DRAFTS = [DraftOf(PayerId("user", name), "2026-10") for name in ("alice", "bob", "carol")]
ANY = InvoiceFilter()


async def every_page(services, limit, drafts=DRAFTS, which=ANY):
    pages, after = [], None
    while True:
        found = await list_page(services, Page(limit=limit, after=after), drafts, which)
        pages.append([invoice.id for invoice in found.invoices])
        after = found.next
        if after is None:
            return pages


async def test_pages_hold_everything_once_and_in_order():
    wanted = ["draft-alice", "draft-bob", "draft-carol", *(invoice.id for invoice in ISSUED)]
    for limit in (1, 2, 3, 4, 7, 100, 252, 253, 254, 1000):
        pages = await every_page(served(ISSUED), limit)
        assert [one for page in pages for one in page] == wanted
        assert all(len(page) == limit for page in pages[:-1])
        assert pages[-1]


async def test_few_are_read_at_a_time():
    services = served(ISSUED)
    await every_page(services, 1000)
    assert max(services.billing.asked) <= lists.AT_A_TIME + 1


async def test_a_page_of_heavy_invoices_ends_early_and_the_next_goes_on():
    lines = tuple(a_line(model=f"m{number}") for number in range(2000))
    heavy = [an_invoice(id=f"inv_{number}", lines=lines) for number in range(8)]
    pages = await every_page(served(heavy), 1000, drafts=())
    assert [one for page in pages for one in page] == [invoice.id for invoice in heavy]
    assert len(pages) > 1


async def test_drafts_alone():
    assert await every_page(served(ISSUED), 2, which=None) == [["draft-alice", "draft-bob"], ["draft-carol"]]


async def test_a_draft_that_was_issued_meanwhile_loses_nothing_after_it():
    services = served(ISSUED[:1])
    first = await list_page(services, Page(limit=2, after=None), DRAFTS, ANY)
    rest = await list_page(services, Page(limit=9, after=first.next), [DRAFTS[0], DRAFTS[2]], ANY)
    assert [invoice.id for invoice in rest.invoices] == ["draft-carol", "inv_0"]


async def test_a_response_is_a_list():
    found = await list_page(served(ISSUED[:1]), Page(limit=9, after=None), (), ANY)
    response = await found.response(201, month="2026-10")
    body = msgspec.json.decode(response.body)
    assert (response.status_code, body["month"], body["object"]) == (201, "2026-10", "list")
    assert (len(body["data"]), body["has_more"], body["next"]) == (1, False, None)
