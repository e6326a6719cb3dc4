from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.money import (
    format_cents,
    format_price,
    format_usd,
    parse_price,
    parse_usd,
    price_of_token,
    reported_pico,
    round_to_cent,
)


@given(st.integers(-(10**24), 10**24))
def test_a_formatted_sum_is_exact(pico):
    text = format_usd(pico)
    assert Decimal(text) * 10**12 == pico
    assert "E" not in text
    assert not ("." in text and text.endswith("0"))


@given(st.integers(0, 10**12))
def test_a_price_survives_its_text(micro):
    assert parse_price(format_price(micro)) == micro


@pytest.mark.parametrize(
    ("text", "micro"), [("0.15", 150_000), ("3", 3_000_000), ("1e-6", 1), ("0", 0), ("1E+2", 100_000_000)]
)
def test_prices_are_read_as_micro_dollars(text, micro):
    assert parse_price(text) == micro


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "-1", "nan", "inf", "0.0000001", "1000001", "1,5"),
        *("1_0", "１", "٣", " 1", "1 ", "1\n", "+1", "0x1", ".", "1e", "1e9", "1e-7", "1e9999", "-1e-3"),
        "0.150000000000000000000000000000000001",
    ],
)
def test_what_is_no_price_is_refused(text):
    with pytest.raises(ValueError, match=r"dollar"):
        parse_price(text)


@pytest.mark.parametrize(
    ("dollars", "pico"),
    [
        ("0", 0),
        ("0.95", 950_000_000_000),
        ("0.000012345678901", 12_345_679),
        ("1e-999999999", 0),
        ("10000", 10**16),
        ("10000.01", None),
        ("-0.01", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e999999999", None),
    ],
)
def test_a_reported_cost_is_exact_or_not_taken(dollars, pico):
    assert reported_pico(Decimal(dollars)) == pico


@pytest.mark.parametrize(
    ("text", "micro"),
    [
        ("0.0000025", 2_500_000),
        ("0", 0),
        ("1e-6", 1_000_000),
        ("0.0000000000001", 1),  # up, so that it is no less than what is charged
        ("1", 10**12),
        ("1.000001", None),
        ("-1", None),
        ("", None),
        ("NaN", None),
        ("1e999", None),
        ("free", None),
    ],
)
def test_a_price_of_a_token_is_one_of_a_million(text: str, micro: int | None) -> None:
    assert price_of_token(text) == micro


@given(st.integers(-(10**30), 10**30))
def test_exact_dollars_are_read_as_they_were_written(pico: int) -> None:
    assert parse_usd(format_usd(pico)) == pico


@pytest.mark.parametrize("text", ["", "x", "1e-13", "0.0000000000001", "NaN", "1_0", " 1"])
def test_what_is_no_exact_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a decimal|is finer"):
        parse_usd(text)


@pytest.mark.parametrize(
    ("pico", "text"), [(5 * 10**9, "0.00"), (15 * 10**9, "0.02"), (-105 * 10**10, "-1.05"), (10**15, "1000.00")]
)
def test_cents_are_rounded_half_to_even(pico: int, text: str) -> None:
    assert format_cents(round_to_cent(pico)) == text
