"""The packaged price list, as prices of ours."""

from decimal import Decimal

import pytest
from genai_prices.types import ClauseEquals, ClauseOr, ClauseRegex, ClauseStartsWith, ModelPrice, TieredPrices

from tests.services.in_memory import START
from tollkeeper.rules.kinds import OPENAI, OPENAI_COMPATIBLE
from tollkeeper.services.models.price_list import _micro, _names, _price, seeds


def test_a_provider_of_the_list_has_prices_and_another_server_none():
    assert {price.model for price in seeds(OPENAI, "https://api.openai.com", START)} >= {"gpt-4o", "gpt-4o-mini"}
    assert seeds(OPENAI_COMPATIBLE, "http://10.0.0.5:8000", START) == []


def test_no_model_has_two_prices_in_force():
    found = seeds(OPENAI, "https://api.openai.com", START)
    now = [(price.model, price.above_input_tokens) for price in found if price.effective_at is None]
    assert len(now) == len(set(now))


@pytest.mark.parametrize(
    ("match", "names"),
    [
        (ClauseEquals("a"), ["a"]),
        (ClauseStartsWith("a"), ["a*"]),
        (ClauseOr([ClauseEquals("a"), ClauseStartsWith("b")]), ["a", "b*"]),
        (ClauseRegex(r"^gpt-4\.1-\d{8}$"), ["gpt-4.1-20*"]),
        (ClauseRegex(r"^gpt-4-\d{4}-\d{2}-\d{2}$"), ["gpt-4-20*"]),
        (ClauseRegex(r"gpt"), []),
    ],
)
def test_names_are_those_that_a_rule_stands_for(match, names):
    assert list(_names(match)) == names


@pytest.mark.parametrize(
    ("figure", "micro"),
    [
        (Decimal("0.15"), 150_000),
        (Decimal(0), 0),
        (TieredPrices(base=Decimal(2), tiers=[]), 2_000_000),
        (Decimal(-1), None),
        (Decimal(10**9), None),
        (None, None),
    ],
)
def test_figures_are_micro_dollars(figure, micro):
    assert _micro(figure, None) == micro


def test_what_is_not_known_is_not_free():
    assert _price("m", ModelPrice(output_mtok=Decimal(1)), None, None) is None
    free = _price("m:free", ModelPrice(), None, None)
    assert free is not None
    assert free.input == 0
    priced = _price("m", ModelPrice(input_mtok=Decimal(1), cache_read_mtok=Decimal("0.5")), START, None)
    assert priced is not None
    assert (priced.input, priced.output, priced.cached_input, priced.cache_write) == (1_000_000, 0, 500_000, None)
    assert priced.effective_at == START
