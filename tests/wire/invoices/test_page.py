from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.wire.invoices.sample import invoice, line
from tollkeeper.wire.invoices.page import day_words, invoice_page, month_words
from tollkeeper.wire.invoices.style import POLICY


class Reader(HTMLParser):
    """The elements of a document, with their attributes, and its texts."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._within: list[str] = []
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._within.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._within[-1:] != ["style"] and data.strip():
            self.texts.append(data)


def read(**fields: Any) -> Reader:
    return Reader(invoice_page(invoice(**fields)))


def test_a_document_says_who_owes_what_to_whom() -> None:
    text = "\n".join(read().texts)
    for said in (
        "Invoice TK-2026-000123", "October 2026", "3 November 2026", "3 December 2026", "The <Lab>", "2 Toll Rd",
        "Alice & Sons", "1 Bridge St", "Tax id: GB123", "llama3.2:1b", "1,234,567", "0.05", "$0.061728", "Output",
        "From earlier months", "September 2026", "=refund", "−$0.100000", "Less credit", "−$0.250000", "VAT, 20 %",
        "$0.25", "$0.2517285845", "ab" * 32, "cd" * 32,
    ):  # fmt: skip
        assert said in text


def test_it_needs_nothing_but_itself() -> None:
    found = read()
    assert not {"script", "link", "img", "iframe", "object", "form", "a"} & {tag for tag, _ in found.elements}
    for _, attributes in found.elements:
        assert not {"src", "href", "style"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
    policies = [with_.get("content") for tag, with_ in found.elements if tag == "meta" and "http-equiv" in with_]
    assert policies == [POLICY]


@pytest.mark.parametrize("evil", ['<img src="x" onerror="alert(1)">', "</style><script>alert(1)</script>", "\"'&<>"])
def test_every_text_is_escaped(evil: str) -> None:
    found = read(
        number=evil,
        status="void",
        reason=evil,
        payer={"user_id": evil, "name": evil, "address": evil, "tax_id": evil},
        seller={"name": evil, "address": evil, "tax_id": evil},
        lines=[line(**{"model": evil, "upstream": evil, "class": evil})],
        late=[line(month="2026-09", model=evil)],
        adjustments=[{"created_at": "2026-10-09T00:00:00.000Z", "reason": evil, "cost_exact_usd": "1"}],
        tax=[{"name": evil, "rate": "0.1", "amount_usd": "1"}],
        sha256=evil,
        chains=[{"journal": evil, "seq": 1, "hash": evil}],
        as_of=evil,
    )
    plain = {tag for tag, _ in read().elements}
    assert {tag for tag, _ in found.elements} <= plain | {"br"}
    assert "".join(found.texts).count(evil) >= 14


def test_every_table_has_a_caption_and_a_head_that_is_repeated() -> None:
    document = invoice_page(invoice())
    assert document.count("<table") == document.count("<caption>") == 4
    assert document.count("<thead>") == 3
    assert re.search(r"^<!doctype html>\n<html lang=\"en\" dir=\"ltr\">", document)


def test_a_draft_says_that_it_is_one() -> None:
    text = "\n".join(read(number=None, status="draft", issued_at=None, due_at=None, sha256=None, chains=[]).texts)
    assert "Draft" in text
    assert "Total so far" in text
    assert "SHA-256" not in text


@pytest.mark.parametrize(
    ("status", "more", "said"),
    [
        ("paid", {"paid_at": "2026-11-09T10:00:00.000Z", "reference": "bank 4711"}, ["9 November 2026", "bank 4711"]),
        ("void", {"reason": "wrong address"}, ["nothing is owed", "Reason: wrong address"]),
    ],
)
def test_what_became_of_it_stands_on_it(status: str, more: dict[str, Any], said: list[str]) -> None:
    text = "\n".join(read(status=status, **more).texts)
    for words in said:
        assert words in text


def test_without_lines_it_says_so() -> None:
    assert "No use of models in this month." in read(lines=[], late=[], adjustments=[]).texts


def test_a_team_and_a_payer_without_a_name() -> None:
    assert "Team blue" in read(payer={"team_id": "blue", "name": "The Blues", "address": None, "tax_id": None}).texts
    assert "Account bob" in read(payer={"user_id": "bob", "name": None, "address": None, "tax_id": None}).texts


def test_months_and_days_in_words() -> None:
    assert month_words("2026-01") == "January 2026"
    assert day_words("2026-12-31T23:59:59.999Z") == "31 December 2026"


def test_a_credit_note_names_what_it_corrects() -> None:
    text = read(corrects="TK-2026-000001").texts
    assert "Credit note TK-2026-000123" in text
    assert "TK-2026-000001" in text


def test_what_is_not_counted_in_tokens_has_units_of_its_own() -> None:
    found = read(
        lines=[
            line(**{"class": "images"}, tokens=0, unit_price_usd_per_mtok=None, units=1200, unit_price_usd="0.04"),
            line(**{"class": "audio"}, tokens=0, unit_price_usd_per_mtok=None, units=90_000, unit_price_usd="0.006"),
            line(**{"class": "reported"}, tokens=0, unit_price_usd_per_mtok=None, price_id=None),
            line(unit_price_usd_per_mtok=None, price_id=None, cost_exact_usd="0"),
        ]
    )
    text = "\n".join(found.texts)
    assert "Images made\n1,200 images\n0.04 each\n" in text
    assert "Audio read\n90,000 ms\n0.006 per minute\n" in text
    assert "As the upstream reports\n–\n–\n$0.061728" in text
    assert "Input\n1,234,567\n–\n$0.000000" in text


def test_the_subtotal_is_what_taxes_and_credit_are_reckoned_from() -> None:
    text = "\n".join(read().texts)
    assert "Subtotal\n$0.461729\nVAT, 20 %" in text, "of lines, late items and adjustments"
    assert "Subtotal" not in "\n".join(read(tax=[], credit_exact_usd="0").texts), "which the total says by itself"


@pytest.mark.parametrize(
    ("exact", "total", "said"),
    [
        ("1.5", "1.50", "To be paid"),
        ("0", "0.00", "Nothing to be paid"),
        ("-1.5", "-1.50", "Nothing to be paid: the amount has become credit"),
        ("-0.0000067", "0.00", "Nothing to be paid: the amount has become credit"),
    ],
)
def test_nobody_is_asked_to_pay_what_is_not_owed(exact: str, total: str, said: str) -> None:
    texts = read(total_exact_usd=exact, total_usd=total).texts
    assert said in texts
    assert ("Due" in texts) is (said == "To be paid")


def test_numbers_are_grouped_and_have_the_sign_that_amounts_have() -> None:
    found = read(lines=[line(tokens=-12_345, unit_price_usd_per_mtok="1500", cost_exact_usd="-18.5175")])
    assert "Input\n−12,345\n1,500.00\n−$18.517500" in "\n".join(found.texts)
