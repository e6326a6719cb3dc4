"""Sums, tax, credit, totals and hashes of invoices, against a slow and obvious model."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tollkeeper.rules.invoice_lines import Adjusted, Consumption, MonthUse
from tollkeeper.rules.invoices import Invoice, Payer, Seller
from tollkeeper.rules.invoicing import (
    canonical_form,
    compose,
    credit_moves,
    credit_note,
    format_rate,
    hash_of,
    negative,
    net_pico,
    number_of,
    parse_rate,
    uncharged,
    uncovered,
)
from tollkeeper.rules.times import parse_month

OCTOBER, SEPTEMBER = parse_month("2026-10"), parse_month("2026-09")
FRAME = Invoice(
    id="inv_1", number="TK-2026-000001", payer=Payer(user_id="ann", name="Ann"), seller=Seller(), month="2026-10",
    status="finalized", issued_at="2026-11-04T00:00:00.000Z", due_at=None, as_of="2026-11-04T00:00:00.000Z",
)  # fmt: skip
COSTS = st.integers(-(10**14), 10**14)
RATES = st.dictionaries(st.sampled_from(["VAT", "levy"]), st.integers(0, 10**6))


def use(month: int, *costs: int) -> MonthUse:
    """A cost that an upstream reported, and an adjustment for each further one."""
    used = (Consumption(model="m", upstream="u", price_id=None, records=1, cost_pico=costs[0]),)
    return MonthUse(
        month, used, tuple(Adjusted(f"req_{n}", month + n, "ann", "r", cost) for n, cost in enumerate(costs[1:]))
    )


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_EVEN)


@given(st.lists(COSTS, min_size=1), st.lists(COSTS, min_size=1), RATES, st.integers(0, 2 * 10**14))
def test_net_tax_credit_and_total_are_what_decimals_make_of_them(
    own: list[int], late: list[int], rates: dict[str, int], balance: int
) -> None:
    invoice = compose(FRAME, [use(OCTOBER, *own), use(SEPTEMBER, *late)], rates, balance)
    net = Decimal(sum(own) + sum(late)).scaleb(-12)
    taxes = [cents(net * Decimal(rate).scaleb(-6)) for rate in rates.values()]
    gross = net + sum(taxes)
    credit = max(Decimal(0), min(Decimal(balance).scaleb(-12), gross))
    assert [Decimal(tax.amount_usd) for tax in invoice.tax] == taxes
    assert Decimal(invoice.credit_exact_usd) == credit
    assert Decimal(invoice.total_exact_usd) == gross - credit
    assert Decimal(invoice.total_usd) == cents(gross - credit)
    assert sum(credit_moves(invoice).values()) == int((max(Decimal(0), credit - gross) - credit).scaleb(12))


@given(st.lists(COSTS, min_size=1), RATES, st.integers(0, 2 * 10**14), st.integers(0, 2 * 10**14))
def test_a_credit_note_takes_back_every_amount_and_credits_what_was_paid(
    costs: list[int], rates: dict[str, int], balance: int, balance_then: int
) -> None:
    paid = compose(FRAME, [use(OCTOBER, *costs)], rates, balance)
    note = credit_note(replace(FRAME, id="inv_2", number="TK-2026-000002"), paid, balance_then)
    assert net_pico(note) == -net_pico(paid)
    assert [Decimal(tax.amount_usd) for tax in note.tax] == [-Decimal(tax.amount_usd) for tax in paid.tax]
    gross = -(Decimal(paid.total_exact_usd) + Decimal(paid.credit_exact_usd))
    assert Decimal(note.credit_exact_usd) == max(Decimal(0), min(Decimal(balance_then).scaleb(-12), gross))
    assert Decimal(note.total_exact_usd) == gross - Decimal(note.credit_exact_usd)
    assert note.corrects == "TK-2026-000001"
    assert [line.tokens for line in note.lines] == [-line.tokens for line in paid.lines]


@pytest.mark.parametrize(
    ("pico", "total"),
    [
        (5 * 10**9, "0.00"),
        (5 * 10**9 + 1, "0.01"),
        (15 * 10**9, "0.02"),
        (25 * 10**9, "0.02"),
        (-5 * 10**9, "0.00"),
        (-15 * 10**9, "-0.02"),
        (10**12 - 5 * 10**9 - 1, "0.99"),
        (10**15, "1000.00"),
    ],
)
def test_the_total_is_rounded_half_to_even_once(pico: int, total: str) -> None:
    assert compose(FRAME, [use(OCTOBER, pico)], {}, 0).total_usd == total


def test_the_total_is_rounded_after_the_sum_not_before() -> None:
    invoice = compose(FRAME, [use(OCTOBER, 4 * 10**9), use(SEPTEMBER, 4 * 10**9)], {}, 0)
    assert (invoice.total_exact_usd, invoice.total_usd) == ("0.008", "0.01")


def test_tax_is_on_lines_late_items_and_adjustments_before_credit() -> None:
    invoice = compose(FRAME, [use(OCTOBER, 10**13, -(10**12)), use(SEPTEMBER, 10**12)], {"VAT": 190_000}, 5 * 10**12)
    assert [(tax.name, tax.rate, tax.amount_usd) for tax in invoice.tax] == [("VAT", "0.19", "1.90")]
    assert (invoice.credit_exact_usd, invoice.total_usd) == ("5", "6.90")


def test_credit_pays_the_tax_too_and_never_more_than_all() -> None:
    invoice = compose(FRAME, [use(OCTOBER, 10**13)], {"VAT": 200_000}, 10**15)
    assert (invoice.credit_exact_usd, invoice.total_usd) == ("12", "0.00")
    assert credit_moves(invoice) == {"applied": -12 * 10**12}
    refund = compose(FRAME, [use(OCTOBER, -(10**13))], {"VAT": 200_000}, 10**15)
    assert (refund.credit_exact_usd, credit_moves(refund)) == ("0", {"carried": 12 * 10**12})


def test_the_hash_covers_all_but_the_state() -> None:
    invoice = compose(FRAME, [use(OCTOBER, 5)], {"VAT": 1}, 0)
    state = {"status": "paid", "paid_at": "x", "reference": "y", "reason": "z", "sha256": "0"}
    assert hash_of(replace(invoice, **state)) == hash_of(invoice)
    others: dict[str, object] = {
        "id": "i", "number": "n", "payer": Payer(team_id="t"), "seller": Seller("S"), "month": "2026-11",
        "issued_at": "x", "due_at": "x", "lines": (), "total_usd": "1.00", "corrects": "TK", "as_of": "x",
        "tax": (), "credit_exact_usd": "1", "total_exact_usd": "1",
    }  # fmt: skip
    for name, value in others.items():
        assert hash_of(replace(invoice, **{name: value})) != hash_of(invoice), name


def test_the_canonical_form_is_sorted_json_without_the_state() -> None:
    form = canonical_form(replace(FRAME, payer=Payer(user_id="zoë")))
    assert form.startswith(b'{"adjustments":[],"as_of":"2026-11-04T00:00:00.000Z","chains":[],"corrects":null,')
    assert form.endswith(
        b'"seller":{"address":null,"name":null,"tax_id":null},"tax":[],"total_exact_usd":"0","total_usd":"0.00"}'
    )
    assert '"user_id":"zoë"'.encode() in form
    assert b"status" not in form


def test_what_is_uncharged_is_filled_in_again_the_same() -> None:
    uses, rates = [use(OCTOBER, 10**13, -5)], {"VAT": 190_000}
    invoice = compose(FRAME, uses, rates, 3)
    assert compose(uncharged(invoice), uses, rates, 3) == invoice


def test_numbers_count_within_their_year() -> None:
    assert number_of("TK", 2026, 123) == "TK-2026-000123"
    assert number_of("A/B", 2027, 1_234_567) == "A/B-2027-1234567"


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted).map(tuple), max_size=6), st.integers(0, 30)
)
def test_what_no_range_covers_is_what_a_set_says(covered: list[tuple[int, int]], upto: int) -> None:
    left = {seq for seq in range(1, upto + 1) if not any(after < seq <= end for after, end in covered)}
    found = uncovered(covered, upto)
    assert {seq for after, end in found for seq in range(after + 1, end + 1)} == left
    assert all(after < end for after, end in found)
    assert all(one[1] <= other[0] for one, other in pairwise(found))


@pytest.mark.parametrize(
    ("text", "rate"),
    [("0.19", 190_000), ("19%", 190_000), ("7.7 %", 77_000), ("0", 0), ("1", 10**6), ("100%", 10**6), ("0.000001", 1)],
)
def test_rates_are_fractions_or_percent(text: str, rate: int) -> None:
    assert parse_rate(text) == rate
    assert parse_rate(format_rate(rate)) == rate


@pytest.mark.parametrize("text", ["19", "-0.1", "0.0000001", "", "%", "x", "NaN", "101%", "1_0%"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no|is not|is finer"):
        parse_rate(text)


def test_the_other_sign_of_nothing_is_nothing() -> None:
    assert [negative(text) for text in ("0", "0.00", "1.5", "-1.5")] == ["0", "0.00", "-1.5", "1.5"]
