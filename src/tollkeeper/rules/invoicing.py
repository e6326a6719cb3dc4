"""How an invoice comes about: its sum, tax, credit, total and hash; and the credit note that takes it back.

    net    = lines + late items + adjustments          exact, in pico-dollars
    tax    = net × rate, for each tax                  rounded to the cent, half to even
    credit = as much of the payer's credit as is needed, never more than net + taxes, nothing where these are negative
    total  = net + taxes - credit                      exact; rounded to the cent once beside it

Credit is money that the payer has paid or was granted before: it pays, and does not lower what is taxed. A negative
total becomes credit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from hashlib import sha256
from typing import Literal

import msgspec
from msgspec.structs import replace

from tollkeeper.rules.canonical_json import canonical_json
from tollkeeper.rules.invoice_lines import MonthUse, adjustment_items, late_lines, lines_of
from tollkeeper.rules.invoices import UNHASHED, AdjustmentItem, Invoice, Line, TaxItem
from tollkeeper.rules.money import format_cents, format_usd, parse_usd, round_to_cent
from tollkeeper.rules.times import format_month

MILLION = 10**6
"""Rates of tax are integers of millionths."""

Range = tuple[int, int]
"""Positions of a chain: after the first, up to the second."""


def compose(frame: Invoice, uses: Sequence[MonthUse], rates: Mapping[str, int], balance: int) -> Invoice:
    """Fill in an invoice: `uses` are the months that it covers, its own and earlier ones; `rates` of tax in millionths
    by name; `balance` is the payer's credit in pico-dollars."""
    own = [use for use in uses if format_month(use.month) == frame.month]
    earlier = [use for use in uses if format_month(use.month) != frame.month]
    charges = replace(
        frame,
        lines=tuple(line for use in own for line in lines_of(use)),
        late=late_lines(earlier),
        adjustments=adjustment_items(uses),
    )
    net = net_pico(charges)
    tax = tuple(_tax(name, rate, net) for name, rate in rates.items())
    return _settled(charges, tax, balance)


def credit_note(frame: Invoice, paid: Invoice, balance: int) -> Invoice:
    """Fill in an invoice that takes another back: each of its amounts has the other sign. What the other was paid with,
    money and credit, becomes credit; one with a negative total, which became credit, is taken back from the payer's
    credit (`balance`, in pico-dollars) as far as there is any."""
    assert paid.number is not None
    tax = tuple(replace(each, amount_usd=negative(each.amount_usd)) for each in paid.tax)
    charges = replace(
        frame,
        lines=tuple(map(_negated, paid.lines)),
        late=tuple(map(_negated, paid.late)),
        adjustments=tuple(replace(each, cost_exact_usd=negative(each.cost_exact_usd)) for each in paid.adjustments),
        corrects=paid.number,
        chains=paid.chains,
    )
    return _settled(charges, tax, balance)


def _settled(charges: Invoice, tax: tuple[TaxItem, ...], balance: int) -> Invoice:
    """An invoice with its taxes, the credit that is applied to it, and its totals."""
    net = net_pico(charges)
    gross = net + sum(map(tax_pico, tax))
    credit = max(0, min(balance, gross))
    total = gross - credit
    return replace(
        charges,
        credit_exact_usd=format_usd(credit),
        tax=tax,
        total_exact_usd=format_usd(total),
        total_usd=format_cents(round_to_cent(total)),
    )


def net_pico(invoice: Invoice) -> int:
    """Lines, late items and adjustments of an invoice, in pico-dollars."""
    items: Iterable[Line | AdjustmentItem] = (*invoice.lines, *invoice.late, *invoice.adjustments)
    return sum(parse_usd(item.cost_exact_usd) for item in items)


def tax_pico(tax: TaxItem) -> int:
    """The amount of a tax in pico-dollars."""
    return parse_usd(tax.amount_usd)


def canonical_form(invoice: Invoice) -> bytes:
    """The bytes that the hash of an invoice is of: RFC 8785, without the fields in `UNHASHED`."""
    body = msgspec.to_builtins(invoice)
    return canonical_json({name: value for name, value in body.items() if name not in UNHASHED})


def hash_of(invoice: Invoice) -> str:
    """The SHA-256 of an invoice's canonical form, in hex digits."""
    return sha256(canonical_form(invoice)).hexdigest()


def number_of(prefix: str, year: int, serial: int) -> str:
    """The number of the invoice that is the `serial`th of its year: "TK-2026-000123"."""
    return f"{prefix}-{year}-{serial:06d}"


def uncovered(covered: Iterable[Range], upto: int) -> tuple[Range, ...]:
    """The positions of a chain up to `upto` that lie in none of these ranges."""
    found, start = [], 0
    for after, end in sorted(covered):
        if after >= upto:
            break
        if after > start:
            found.append((start, after))
        start = max(start, end)
    if start < upto:
        found.append((start, upto))
    return tuple(found)


def negative(amount: str) -> str:
    """An amount with the other sign."""
    if not amount.strip("-0."):
        return amount
    return amount[1:] if amount.startswith("-") else f"-{amount}"


def format_rate(millionths: int) -> str:
    """A rate in millionths as a fraction: 190000 → "0.19"."""
    return format_usd(millionths * MILLION)


def parse_rate(text: str) -> int:
    """A rate, as a fraction ("0.19") or in percent ("19%"), in millionths. Raises ValueError for anything else, and for
    what is negative, over 1, or finer than a millionth."""
    percent = text.endswith("%")
    exact = Fraction(parse_usd(text.removesuffix("%").strip()), MILLION) / (100 if percent else 1)
    if exact.denominator != 1:
        raise ValueError(f"{text!r} is finer than a millionth")
    if not 0 <= exact <= MILLION:
        raise ValueError(f"{text!r} is no rate: write 0.19 or 19%")
    return int(exact)


def _tax(name: str, rate: int, net: int) -> TaxItem:
    return TaxItem(name, format_rate(rate), format_cents(round_to_cent(Fraction(net * rate, MILLION))))


def _negated(line: Line) -> Line:
    return replace(line, tokens=-line.tokens, units=-line.units, cost_exact_usd=negative(line.cost_exact_usd))


def credit_moves(invoice: Invoice) -> dict[Literal["applied", "carried"], int]:
    """What an invoice does to its payer's credit when it is issued, in pico-dollars: what is applied to it, and what is
    carried over from a negative total. Zeros are left out."""
    applied = -parse_usd(invoice.credit_exact_usd)
    carried = max(0, -parse_usd(invoice.total_exact_usd))
    moves: dict[Literal["applied", "carried"], int] = {"applied": applied, "carried": carried}
    return {kind: amount for kind, amount in moves.items() if amount}


def uncharged(invoice: Invoice) -> Invoice:
    """An invoice without its charges: what `compose` and `credit_note` fill in."""
    return replace(
        invoice,
        lines=(),
        late=(),
        adjustments=(),
        tax=(),
        credit_exact_usd="0",
        total_exact_usd="0",
        total_usd="0.00",
    )
