"""An invoice as one HTML document, which prints on A4 by itself: no script, no file beside it, nothing fetched.

Browsers make the PDF. Heads of tables are repeated on each page, and no row is broken over two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tollkeeper.wire.invoices.amounts import (
    cents,
    dollars,
    exact_dollars,
    figure,
    is_zero,
    line_amount,
    negated,
    percent,
    total,
)
from tollkeeper.wire.invoices.markup import Content, Markup, element, join, multiline
from tollkeeper.wire.invoices.style import POLICY, STYLE

Invoice = Mapping[str, Any]
"""An invoice as the API gives it."""
Row = Sequence[Content]

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
CLASSES: Mapping[str, str] = {
    "input": "Input",
    "cached_input": "Input from cache",
    "cache_write": "Input kept in cache",
    "cache_write_1h": "Input kept for an hour",
    "output": "Output",
    "requests": "Requests",
    "images": "Images made",
    "characters": "Characters spoken",
    "audio": "Audio read",
    "reported": "As the upstream reports",
    "other": "Other",
}
"""Classes of lines in words."""
UNITS: Mapping[str, tuple[str, str]] = {
    "requests": ("requests", "each"),
    "images": ("images", "each"),
    "characters": ("characters", "per million"),
    "audio": ("ms", "per minute"),
}
"""What is not counted in tokens: its unit, and what its price is for."""
_NONE = "–"
_STATES: Mapping[str, str] = {
    "draft": "Draft: the month so far, not a bill yet",
    "finalized": "To be paid",
    "paid": "Paid",
    "void": "Void: nothing is owed by this invoice",
}
_NUMBER, _LONG = "number", "long"
_LINE_HEADS = (
    ("Model", _LONG), ("Upstream", ""), ("Class", ""), ("Tokens", _NUMBER), ("$ per million", _NUMBER),
    ("Cost", _NUMBER),
)  # fmt: skip


def invoice_page(invoice: Invoice) -> str:
    """The document of an invoice."""
    title = _title(invoice)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"{title}, {_payer_name(invoice)}, {month_words(invoice['month'])}"),
        # Not escaped: an element of style has no escapes, and this text is our own.
        element("style", Markup(STYLE)),
    )
    main = element(
        "main",
        _header(invoice, title),
        _parties(invoice),
        _lines("Use of models", invoice["lines"]),
        _lines("From earlier months", invoice.get("late") or [], months=True),
        _adjustments(invoice.get("adjustments") or []),
        _totals(invoice),
        _footer(invoice),
    )
    return f"<!doctype html>\n{element('html', head, element('body', main), lang='en', dir='ltr')}\n"


def month_words(month: str) -> str:
    """A month in words: "2026-10" → "October 2026"."""
    year, number = month.split("-")
    return f"{MONTHS[int(number) - 1]} {year}"


def day_words(time: str) -> str:
    """The day of a moment in RFC 3339: "2026-11-03T00:00:00.000Z" → "3 November 2026"."""
    year, month, day = time[:10].split("-")
    return f"{int(day)} {MONTHS[int(month) - 1]} {year}"


def _title(invoice: Invoice) -> str:
    if invoice["number"] is None:
        return "Draft of an invoice"
    kind = "Invoice" if invoice.get("corrects") is None else "Credit note"
    return f"{kind} {invoice['number']}"


def _header(invoice: Invoice, title: str) -> Markup:
    facts = [
        ("Month", month_words(invoice["month"])),
        ("Issued", _day(invoice.get("issued_at"))),
        ("Due", None if _is_settled(invoice) else _day(invoice.get("due_at"))),
        ("Paid", _day(invoice.get("paid_at"))),
        ("Reference", invoice.get("reference")),
        ("Corrects", invoice.get("corrects")),
    ]
    return element(
        "header",
        element(
            "div",
            element("h1", title),
            element("p", _state(invoice), class_="state", data_state=invoice["status"]),
            _reason(invoice),
        ),
        _facts((name, value) for name, value in facts if value),
    )


def _state(invoice: Invoice) -> str:
    if invoice["status"] == "finalized" and _is_settled(invoice):
        credit = invoice["total_exact_usd"].startswith("-")
        return "Nothing to be paid: the amount has become credit" if credit else "Nothing to be paid"
    return _STATES[invoice["status"]]


def _is_settled(invoice: Invoice) -> bool:
    """Whether nothing is ever to be paid by it, in whatever state it is."""
    return invoice["total_exact_usd"].startswith("-") or is_zero(invoice["total_usd"])


def _reason(invoice: Invoice) -> Markup | None:
    reason = invoice.get("reason")
    return element("p", f"Reason: {reason}", class_="note") if reason else None


def _day(time: str | None) -> str | None:
    return None if time is None else day_words(time)


def _facts(facts: Iterable[tuple[str, str]]) -> Markup:
    return element("dl", *(join([element("dt", name), element("dd", value)]) for name, value in facts), class_="facts")


def _parties(invoice: Invoice) -> Markup:
    payer = invoice["payer"]
    account = f"Team {payer['team_id']}" if payer.get("team_id") else f"Account {payer.get('user_id') or ''}"
    return element(
        "section",
        _party("From", invoice.get("seller") or {}, None),
        _party("To", payer, account),
        class_="parties",
        aria_label="Seller and payer",
    )


def _party(label: str, party: Mapping[str, Any], account: str | None) -> Markup:
    tax_id, address = party.get("tax_id"), party.get("address")
    return element(
        "div",
        element("p", label, class_="label"),
        element("p", party["name"], class_="name") if party.get("name") else None,
        element("p", multiline(address)) if address else None,
        element("p", f"Tax id: {tax_id}") if tax_id else None,
        element("p", account, class_="quiet") if account else None,
    )


def _payer_name(invoice: Invoice) -> str:
    payer = invoice["payer"]
    return str(payer.get("name") or payer.get("team_id") or payer.get("user_id"))


def _lines(title: str, lines: Sequence[Mapping[str, Any]], *, months: bool = False) -> Markup | None:
    if not lines:
        return None if months else element("p", "No use of models in this month.", class_="note")
    heads = (("Month", ""), *_LINE_HEADS) if months else _LINE_HEADS
    rows = [[month_words(line["month"]), *_cells(line)] if months else _cells(line) for line in lines]
    return _section(title, heads, rows)


def _cells(line: Mapping[str, Any]) -> list[Content]:
    kind = line["class"]
    return [
        line["model"],
        line["upstream"],
        CLASSES.get(kind, kind),
        _amount(kind, line),
        _price(kind, line),
        dollars(line_amount(line["cost_exact_usd"])),
    ]


def _amount(kind: str, line: Mapping[str, Any]) -> str:
    if units := line.get("units"):
        return f"{figure(units)} {UNITS.get(kind, ('', ''))[0]}".rstrip()
    return figure(line["tokens"]) if line["tokens"] else _NONE


def _price(kind: str, line: Mapping[str, Any]) -> str:
    if line.get("units"):
        return f"{_plain(line.get('unit_price_usd'))} {UNITS.get(kind, ('', ''))[1]}".rstrip()
    return _plain(line["unit_price_usd_per_mtok"])


def _plain(price: str | None) -> str:
    """A price without the sign of the dollar, which the head of its column has."""
    return exact_dollars(price).replace("$", "") if price else _NONE


def _adjustments(adjustments: Sequence[Mapping[str, Any]]) -> Markup | None:
    if not adjustments:
        return None
    heads = (("Day", ""), ("Account", _LONG), ("Reason", _LONG), ("Amount", _NUMBER))
    rows: list[Row] = [
        [
            _day(each.get("created_at")) or "",
            each.get("user_id") or "",
            each.get("reason") or "",
            dollars(line_amount(each["cost_exact_usd"])),
        ]
        for each in adjustments
    ]
    return _section("Corrections and refunds", heads, rows)


def _section(title: str, heads: Sequence[tuple[str, str]], rows: Sequence[Row]) -> Markup:
    head = element("tr", *(_cell("th", name, kind, scope="col") for name, kind in heads))
    body = [
        element(
            "tr", *(_cell("td", cell, kind, data_label=name) for cell, (name, kind) in zip(row, heads, strict=True))
        )
        for row in rows
    ]
    table = element("table", element("caption", title), element("thead", head), element("tbody", *body))
    return element(
        "section",
        element("h2", title),
        # A table that is wider than the window scrolls, by the keyboard, too; a telephone's stacks its rows.
        element("div", table, class_="scroll", role="region", aria_label=title, tabindex="0"),
    )


def _cell(name: str, content: Content, kind: str, **attributes: str) -> Markup:
    return element(name, content, **({"class_": kind} if kind else {}), **attributes)


def _totals(invoice: Invoice) -> Markup:
    taxes, credit = invoice.get("tax") or [], invoice.get("credit_exact_usd") or "0"
    rows: list[Markup] = []
    if taxes or not is_zero(credit):
        items = (*invoice["lines"], *(invoice.get("late") or ()), *(invoice.get("adjustments") or ()))
        subtotal = total(item["cost_exact_usd"] for item in items)
        rows.append(_total("Subtotal", dollars(line_amount(subtotal))))
    rows.extend(_total(f"{tax['name']}, {percent(tax['rate'])}", dollars(tax["amount_usd"])) for tax in taxes)
    if not is_zero(credit):
        rows.append(_total("Less credit", dollars(line_amount(negated(credit)))))
    due = "Total so far" if invoice["status"] == "draft" else "Total"
    rows.append(_total(f"{due}, {invoice['currency'].upper()}", dollars(cents(invoice["total_usd"])), "total"))
    rows.append(_total("Before rounding to the cent", exact_dollars(invoice["total_exact_usd"]), "exact"))
    return element("table", element("caption", "Totals"), element("tbody", *rows), class_="totals")


def _total(name: str, amount: str, kind: str = "") -> Markup:
    attributes = {"class_": kind} if kind else {}
    return element("tr", element("th", name, scope="row"), element("td", amount, class_=_NUMBER), **attributes)


def _footer(invoice: Invoice) -> Markup:
    """What proves the invoice: the positions of the ledger that it covers, and its own digest."""
    parts = [element("p", f"As of {invoice['as_of']}. Amounts are in US dollars, and exact before they are rounded.")]
    if invoice["number"] is not None:
        digest = invoice.get("sha256")
        if digest:
            parts.append(element("p", "SHA-256 ", element("code", digest)))
        parts.extend(
            element("p", f"Ledger {chain['journal']} up to record {chain['seq']} ", element("code", chain["hash"]))
            for chain in invoice.get("chains") or []
        )
    return element("footer", *parts)
