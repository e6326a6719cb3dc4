"""Exact money. No float touches it.

Prices are integers of micro-dollars per million tokens, so that tokens × price is an exact integer of pico-dollars
(10⁻¹² $): (tokens) × (10⁻⁶ $ / 10⁶ tokens).
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

PICO_PER_USD = 10**12
MICRO_PER_USD = 10**6
MAX_PRICE_USD_PER_MTOK = 10**6

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
"""What JSON calls a number: Decimal would also read 1_0, digits of other scripts and spaces around."""


def format_usd(pico: int) -> str:
    """Pico-dollars as a decimal string in dollars, exact, without trailing zeros: 123000000 → "0.000123"."""
    sign, pico = ("-", -pico) if pico < 0 else ("", pico)
    whole, part = divmod(pico, PICO_PER_USD)
    digits = f"{part:012d}".rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def parse_price(text: str) -> int:
    """Dollars per million tokens as a decimal string → micro-dollars per million tokens.

    Raises ValueError for what is not a plain number, is negative, over a million dollars, or finer than a micro-dollar.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a decimal number of dollars")
    value = Decimal(text)
    if value < 0 or value > MAX_PRICE_USD_PER_MTOK:
        raise ValueError(f"{text!r} is not between 0 and {MAX_PRICE_USD_PER_MTOK} dollars per million tokens")
    micro = Fraction(value) * MICRO_PER_USD  # Decimal would round what has over 28 digits
    if micro.denominator != 1:
        raise ValueError(f"{text!r} is finer than a millionth of a dollar per million tokens")
    return int(micro)


def format_price(micro: int) -> str:
    """Micro-dollars per million tokens as a decimal string in dollars per million tokens: 150000 → "0.15"."""
    return format_usd(micro * (PICO_PER_USD // MICRO_PER_USD))
