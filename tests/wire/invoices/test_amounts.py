from __future__ import annotations

import pytest

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


@pytest.mark.parametrize(
    ("exact", "shown"),
    [
        ("0", "0.000000"),
        ("0.0000005", "0.000000"),  # half to even
        ("0.0000015", "0.000002"),
        ("-0.0000004", "0.000000"),
        ("12.3", "12.300000"),
        ("123456789012345678901234567890.1234565", "123456789012345678901234567890.123456"),
    ],
)
def test_a_line_has_six_places(exact: str, shown: str) -> None:
    assert line_amount(exact) == shown


@pytest.mark.parametrize(("exact", "shown"), [("0.005", "0.00"), ("0.015", "0.02"), ("-1.234", "-1.23"), ("7", "7.00")])
def test_a_total_is_rounded_half_to_even(exact: str, shown: str) -> None:
    assert cents(exact) == shown


@pytest.mark.parametrize(
    ("amount", "shown"), [("1234567.8", "$1,234,567.8"), ("-0.10", "−$0.10"), ("0.00", "$0.00"), ("5", "$5")]
)
def test_amounts_for_people(amount: str, shown: str) -> None:
    assert dollars(amount) == shown


@pytest.mark.parametrize(
    ("rate", "shown"), [("0.19", "19 %"), ("0.081", "8.1 %"), ("1", "100 %"), ("0", "0 %"), ("0.2", "20 %")]
)
def test_rates_in_percent(rate: str, shown: str) -> None:
    assert percent(rate) == shown


def test_signs() -> None:
    assert (negated("1.5"), negated("-1.5")) == ("-1.5", "1.5")
    assert [is_zero(amount) for amount in ("0", "0.00", "-0", "0.000000000001")] == [True, True, True, False]


def test_sums_are_exact() -> None:
    assert total(["0.1", "0.2", "-0.000000000001"]) == "0.299999999999"
    assert total([]) == "0"


@pytest.mark.parametrize(
    ("exact", "shown"), [("1500", "$1,500.00"), ("-0.0000067", "−$0.0000067"), ("0.250", "$0.25"), ("0", "$0.00")]
)
def test_an_exact_amount_has_two_places_at_least(exact: str, shown: str) -> None:
    assert exact_dollars(exact) == shown


def test_numbers_for_people() -> None:
    assert (figure(-12_345), figure(7)) == ("−12,345", "7")
