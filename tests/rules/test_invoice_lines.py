"""Lines of an invoice, against records that are added up one by one."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.invoice_lines import (
    FIGURES,
    Adjusted,
    Consumption,
    MonthUse,
    added,
    adjustment_items,
    late_lines,
    lines_of,
)
from tollkeeper.rules.money import format_usd, parse_price, parse_usd
from tollkeeper.rules.pricing import Price, is_served
from tollkeeper.rules.times import parse_month
from tollkeeper.rules.usage import Usage

MONTH = parse_month("2026-10")
OPTIONAL = st.none() | st.integers(0, 10**9)
PRICES = st.lists(
    st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), *([OPTIONAL] * 7)).map(
        lambda row: Price(0, "m", row[0], row[1], row[2], row[3], 0, 0, cache_write_1h=row[4], per_request=row[5],
                          per_image=row[6], per_minute=row[7], per_mchar=row[8])
    ),
    min_size=1, max_size=3,
)  # fmt: skip
COUNT = st.integers(0, 10**6)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    cached, write_1h, write, plain = draw(COUNT), draw(COUNT), draw(COUNT), draw(COUNT)
    return Usage(
        plain + cached + write + write_1h, cached, write + write_1h, draw(COUNT), 0, draw(st.booleans()), write_1h,
        draw(st.integers(0, 5)), draw(COUNT), draw(COUNT),
    )  # fmt: skip


Charged = tuple[str, int, Usage, bool, int | None]
"""Model, place of the price (0: none), usage, whether it completed, and the cost that an upstream reports."""
CHARGED = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]), st.integers(0, 3), usages(), st.booleans(), st.none() | st.integers(0, 10**13)
    )
)


def consumption(charged: list[Charged], prices: list[Price]) -> tuple[Consumption, ...]:
    """One part a record."""
    parts = []
    for model, place, usage, completed, reported in charged:
        price = prices[place - 1] if 0 < place <= len(prices) else None
        served = is_served(usage, completed=completed)
        cost = reported or 0 if price is None else price.cost(usage, served=served)
        figures = {name: getattr(usage, name) for name in usage.__struct_fields__ if name != "estimated"}
        price_id = None if price is None else place
        parts.append(Consumption(model=model, upstream="u", price_id=price_id, price=price, records=1,
                                 served=int(served), cost_pico=cost, **figures))  # fmt: skip
    return added(parts)


@given(CHARGED, PRICES)
def test_lines_add_up_to_their_records_to_the_pico_dollar(charged: list[Charged], prices: list[Price]) -> None:
    use = MonthUse(MONTH, consumption(charged, prices))
    lines = lines_of(use)
    assert sum(parse_usd(line.cost_exact_usd) for line in lines) == use.cost_pico
    # The slow, obvious way: record by record, class by class.
    tokens: Counter[tuple[str, int | None, str]] = Counter()
    for model, place, usage, _, _ in charged:
        of = (model, place if 0 < place <= len(prices) else None)
        tokens[*of, "input"] += usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens
        tokens[*of, "cached_input"] += usage.cached_tokens
        tokens[*of, "cache_write"] += usage.cache_write_tokens - usage.cache_write_1h_tokens
        tokens[*of, "cache_write_1h"] += usage.cache_write_1h_tokens
        tokens[*of, "output"] += usage.completion_tokens
    shown = {(line.model, line.price_id, line.class_): line.tokens for line in lines if line.tokens}
    assert shown == {place: count for place, count in tokens.items() if count}


@given(CHARGED, PRICES)
def test_a_line_of_tokens_costs_tokens_times_its_unit_price(charged: list[Charged], prices: list[Price]) -> None:
    for line in lines_of(MonthUse(MONTH, consumption(charged, prices))):
        if line.tokens:
            price = line.unit_price_usd_per_mtok
            assert line.cost_exact_usd == format_usd(line.tokens * (0 if price is None else parse_price(price)))


@given(CHARGED, PRICES, st.integers(0, 20))
def test_the_same_records_in_two_parts_make_the_same_lines(
    charged: list[Charged], prices: list[Price], at: int
) -> None:
    whole = consumption(charged, prices)
    parts = added((*consumption(charged[:at], prices), *consumption(charged[at:], prices)))
    assert lines_of(MonthUse(MONTH, whole)) == lines_of(MonthUse(MONTH, parts[::-1]))


def test_units_have_lines_of_their_own_and_audio_takes_what_was_rounded_up() -> None:
    price = Price(3, "m", 0, 0, None, None, 0, 0, per_request=7, per_image=5, per_minute=60_000, per_mchar=11)
    usage = Usage(images=2, audio_ms=1, characters=1_000)
    used = consumption([("a", 1, usage, True, None)] * 3, [price])
    lines = lines_of(MonthUse(MONTH, used))
    assert [(line.class_, line.tokens, line.units, line.unit_price_usd, line.cost_exact_usd) for line in lines] == [
        ("requests", 0, 3, "0.000007", "0.000021"),
        ("images", 0, 6, "0.000005", "0.00003"),
        ("characters", 0, 3000, "0.000011", "0.000000033"),
        ("audio", 0, 3, "0.06", "0.000003"),
    ]
    odd = Price(3, "m", 0, 0, None, None, 0, 0, per_minute=1)
    [audio] = lines_of(MonthUse(MONTH, consumption([("a", 1, Usage(audio_ms=1), True, None)] * 3, [odd])))
    assert audio.cost_exact_usd == format_usd(3 * 17)  # 10⁶ / 60,000, rounded up, three times


def test_a_cost_that_an_upstream_reports_is_a_line_without_a_unit_price() -> None:
    [tokens, cost] = lines_of(MonthUse(MONTH, consumption([("a", 0, Usage(5), True, 17)], [])))
    assert (tokens.class_, tokens.cost_exact_usd) == ("input", "0")
    assert (cost.class_, cost.tokens, cost.unit_price_usd_per_mtok, cost.cost_exact_usd) == (
        "reported", 0, None, "0.000000000017",
    )  # fmt: skip


def test_a_cost_that_the_ledger_bounded_shows_the_difference() -> None:
    price = Price(1, "m", 10, 0, None, None, 0, 0)
    used = Consumption(
        model="a", upstream="u", price_id=1, price=price, records=1, prompt_tokens=5, served=1, cost_pico=40
    )
    assert [(line.class_, line.cost_exact_usd) for line in lines_of(MonthUse(MONTH, (used,)))] == [
        ("input", "0.00000000005"),
        ("other", "-0.00000000001"),
    ]


def test_lines_are_in_the_order_of_model_upstream_and_price() -> None:
    parts = [
        Consumption(model=model, upstream=upstream, price_id=price, prompt_tokens=1)
        for model, upstream, price in (("b", "x", 1), ("a", "y", 2), ("a", "y", 1), ("a", "x", 9))
    ]
    lines = lines_of(MonthUse(MONTH, tuple(parts)))
    assert [(line.model, line.upstream, line.price_id) for line in lines] == [
        ("a", "x", 9), ("a", "y", 1), ("a", "y", 2), ("b", "x", 1),
    ]  # fmt: skip


def test_late_lines_name_their_month_oldest_first() -> None:
    used = (Consumption(model="a", upstream="u", price_id=None, prompt_tokens=1),)
    uses = [MonthUse(parse_month(month), used) for month in ("2026-09", "2026-07", "2026-08")]
    assert [line.month for line in late_lines(uses)] == ["2026-07", "2026-08", "2026-09"]


def test_adjustments_are_in_the_order_of_their_time() -> None:
    first, second = (Adjusted(f"req_{n}", MONTH + n, "ann", f"reason {n}", -n) for n in (1, 2))
    items = adjustment_items([MonthUse(MONTH, adjustments=(second, first))])
    assert [(item.id, item.month, item.created_at, item.cost_exact_usd) for item in items] == [
        ("req_1", "2026-10", "2026-10-01T00:00:00.001Z", "-0.000000000001"),
        ("req_2", "2026-10", "2026-10-01T00:00:00.002Z", "-0.000000000002"),
    ]


def test_every_figure_is_added() -> None:
    figures: dict[str, Any] = {name: n for n, name in enumerate(FIGURES, 1)}
    one = Consumption(model="a", upstream="u", price_id=None, **figures)
    [both] = added([one, one])
    assert [getattr(both, name) for name in FIGURES] == [2 * n for n in range(1, len(FIGURES) + 1)]
