"""Amounts of money as invoices show them: lines to six places, totals to the cent.

The exact amounts stand beside them, so these are for reading only. Both are rounded half to even, as the total is.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

LINE_PLACES = 6
"""Decimal places of a line's amount."""
CENTS = 2
"""Decimal places of a total."""
_DIGITS = 60
"""Precision of the arithmetic: more than any sum of pico-dollars has."""


def line_amount(exact: str) -> str:
    """An exact amount to six places: "0.0000012345" → "0.000001"."""
    return rounded(exact, LINE_PLACES)


def cents(exact: str) -> str:
    """An exact amount to the cent: "1234.565" → "1234.56"."""
    return rounded(exact, CENTS)


def rounded(exact: str, places: int) -> str:
    """An exact amount to `places` decimal places, all of them written. An amount that rounds to zero has no sign."""
    with localcontext(prec=_DIGITS):
        value = Decimal(exact).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
        return f"{abs(value) if value.is_zero() else value:f}"


def total(amounts: Iterable[str]) -> str:
    """The exact sum of amounts."""
    with localcontext(prec=_DIGITS):
        return f"{sum(map(Decimal, amounts), Decimal(0)):f}"


def exact_dollars(exact: str) -> str:
    """Every digit there is, with at least two decimal places, for people: "1500" → "$1,500.00"."""
    whole, _, part = exact.partition(".")
    return dollars(f"{whole}.{part.rstrip('0').ljust(CENTS, '0')}")


def figure(number: int) -> str:
    """A number for people: -12345 → "−12,345"."""
    return f"{number:,}".replace("-", "−")


def dollars(amount: str) -> str:
    """An amount for people: "-1234.5" → "−$1,234.5"."""
    sign, digits = ("−", amount[1:]) if amount.startswith("-") else ("", amount)
    whole, point, part = digits.partition(".")
    return f"{sign}${int(whole):,}{point}{part}"


def percent(rate: str) -> str:
    """A rate for people: "0.19" → "19 %", "0.081" → "8.1 %"."""
    with localcontext(prec=_DIGITS):
        text = f"{Decimal(rate) * 100:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + " %"


def negated(amount: str) -> str:
    """The same amount with the other sign."""
    return amount[1:] if amount.startswith("-") else f"-{amount}"


def is_zero(amount: str) -> bool:
    return not Decimal(amount)
