from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.money import format_price, format_usd, parse_price


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
