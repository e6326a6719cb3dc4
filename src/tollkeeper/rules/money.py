"""Exact money, without floats.

Prices are integers of micro-dollars per million tokens, so that tokens × price is an exact integer of pico-dollars
(10⁻¹² $): (tokens) × (10⁻⁶ $ / 10⁶ tokens).
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction

PICO_PER_USD = 10**12
MICRO_PER_USD = 10**6
PICO_PER_CENT = 10**10
MAX_PRICE_USD_PER_MTOK = 10**6
MAX_REPORTED_USD = 10_000
"""The most that one request may cost by its upstream's own report; more is taken for a mistake."""

_FINEST = 100
"""Decimal places beyond which a cost is nothing; exact arithmetic with 1e-999999999 would not end."""
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
"""A JSON number: Decimal would also read 1_0, digits of other scripts and surrounding spaces."""


def format_usd(pico: int) -> str:
    """Pico-dollars as a decimal string in dollars, exact, without trailing zeros: 123000000 → "0.000123"."""
    if 0 < pico < PICO_PER_USD:  # as requests cost: this takes half of the instructions
        return "0." + str(pico).zfill(12).rstrip("0")
    text = f"{pico:013d}" if pico >= 0 else f"{pico:014d}"
    whole, part = text[:-12], text[-12:].rstrip("0")
    return f"{whole}.{part}" if part else whole


def price_of_token(text: str) -> int | None:
    """Dollars per token as a decimal string → micro-dollars per million tokens, rounded up; None: it is no price."""
    if not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text) * MICRO_PER_USD
    if not 0 <= value <= MAX_PRICE_USD_PER_MTOK:
        return None
    return int((value * MICRO_PER_USD).to_integral_value(ROUND_CEILING))


def parse_price(text: str) -> int:
    """Dollars per million tokens as a decimal string → micro-dollars per million tokens.

    Raises ValueError for what is not a plain number, is negative, over a million dollars, or finer than a micro-dollar.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a decimal number of dollars")
    value = Decimal(text)
    if value < 0 or value > MAX_PRICE_USD_PER_MTOK:
        raise ValueError(f"{text!r} is not between 0 and {MAX_PRICE_USD_PER_MTOK} dollars per million tokens")
    micro = Fraction(value) * MICRO_PER_USD  # Decimal would round beyond 28 digits
    if micro.denominator != 1:
        raise ValueError(f"{text!r} is finer than a millionth of a dollar per million tokens")
    return int(micro)


def format_price(micro: int) -> str:
    """Micro-dollars per million tokens as a decimal string in dollars per million tokens: 150000 → "0.15"."""
    return format_usd(micro * (PICO_PER_USD // MICRO_PER_USD))


def reported_pico(dollars: Decimal) -> int | None:
    """A cost that an upstream reports → pico-dollars, rounded to the nearest; None for what no request can cost."""
    if not dollars.is_finite() or not 0 <= dollars <= MAX_REPORTED_USD:
        return None
    return round(Fraction(dollars) * PICO_PER_USD) if dollars.adjusted() > -_FINEST else 0


def parse_usd(text: str) -> int:
    """Exact dollars as `format_usd` writes them → pico-dollars. Raises ValueError for anything else."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a decimal number of dollars")
    pico = Fraction(Decimal(text)) * PICO_PER_USD
    if pico.denominator != 1:
        raise ValueError(f"{text!r} is finer than a pico-dollar")
    return int(pico)


def round_to_cent(amount: Fraction | int) -> int:
    """Pico-dollars, or a fraction of one more, → cents, rounded half to even."""
    return round(Fraction(amount) / PICO_PER_CENT)


def format_cents(cents: int) -> str:
    """Cents as dollars with two places: -105 → "-1.05"."""
    whole, part = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}.{part:02d}"
