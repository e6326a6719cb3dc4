from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal

import genai_prices
import pytest
from genai_prices.types import (
    ClauseContains,
    ClauseEquals,
    ClauseOr,
    ClauseRegex,
    ClauseStartsWith,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
)

from tests.services.house import ROOT, START, Clock
from tollkeeper.rules.usage import Usage
from tollkeeper.services.price_list import _of_provider, seeds
from tollkeeper.services.prices import MODEL_PATTERN, NewPrice, Prices
from tollkeeper.services.seeds import SEEDER, seed_prices
from tollkeeper.store.memory.store import MemoryStore

ANTHROPIC = ("anthropic", "https://api.anthropic.com")
OLLAMA = ("ollama", "http://127.0.0.1:11434")


@pytest.fixture
async def store():
    return MemoryStore()


@pytest.fixture
def prices(store):
    return Prices(store.book, Clock())


def provider(*models: ModelInfo) -> Provider:
    return Provider("p", "P", "https://p", models=list(models))


def price(**figures: str) -> ModelPrice:
    return ModelPrice(**{f"{name}_mtok": Decimal(figure) for name, figure in figures.items()})


@pytest.mark.parametrize("kind", ["openai", "anthropic", "openrouter"])
def test_every_provider_has_prices(kind):
    found = seeds(kind, "https://somewhere.else", START)
    assert len(found) > 50
    names = [(price.model, price.effective_at) for price in found]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(MODEL_PATTERN, price.model) for price in found)
    assert all(price.effective_at is None or price.effective_at > START for price in found)
    assert any(price.cached_input is not None and price.cached_input < price.input for price in found)


@pytest.mark.parametrize(
    ("kind", "model"),
    [("openai", "gpt-4o"), ("openai", "gpt-4o-mini-2024-07-18"), ("anthropic", "claude-opus-4-5-20251101")],
)
async def test_a_model_costs_what_the_list_says(prices, store, kind, model):
    """By our own look-up, in names and patterns, against the list's."""
    await seed_prices(prices, store.book, [(kind, "")], START)
    ours = prices.in_force(model, START)
    given = Usage(prompt_tokens=100_000, cached_tokens=30_000, completion_tokens=7_000)
    at = datetime.fromtimestamp(START / 1000, UTC)
    theirs = genai_prices.calc_price(
        genai_prices.Usage(input_tokens=100_000, cache_read_tokens=30_000, output_tokens=7_000),
        model,
        provider_id=kind,
        genai_request_timestamp=at,
    )
    assert Decimal(ours.cost(given)) / 10**12 == theirs.total_price


def test_an_ollama_and_an_unknown_server_have_none():
    assert seeds(*OLLAMA, START) == []
    assert seeds("openai-compatible", "http://127.0.0.1:8080", START) == []
    assert seeds("openai-compatible", "https://api.mistral.ai/v1", START) != []


def test_names_and_patterns():
    match = ClauseOr(
        [
            ClauseEquals("Big"),
            ClauseOr([ClauseStartsWith("big-2")]),
            ClauseContains("big"),
            ClauseRegex(r"^big\.3-\d{4}-\d{2}-\d{2}$"),
            ClauseRegex(r"^big-(a|b)$"),
        ]
    )
    found = _of_provider(provider(ModelInfo("big", match, prices=price(input="1", output="2"))), START)
    assert [price.model for price in found] == ["big", "big-2*", "big.3-20*"]


def test_each_class_has_its_own_figure():
    figures = price(input="1.5", output="6", cache_read="0.375", cache_write="1.0833333333333333")
    [found] = _of_provider(provider(ModelInfo("m", ClauseEquals("m"), prices=figures)), START)
    assert found == NewPrice("m", 1_500_000, 6_000_000, cached_input=375_000, cache_write=1_083_333)


def test_of_a_price_by_length_that_of_short_prompts():
    tiered = ModelPrice(input_mtok=TieredPrices(Decimal(1), [Tier(200_000, Decimal(2))]), output_mtok=Decimal(3))
    [found] = _of_provider(provider(ModelInfo("m", ClauseEquals("m"), prices=tiered)), START)
    assert (found.input, found.output) == (1_000_000, 3_000_000)


def test_what_has_no_price_by_tokens_is_not_free():
    speech = ModelInfo("tts", ClauseEquals("tts"), prices=ModelPrice(input_mchars=Decimal(15)))
    blank = ModelInfo("blank", ClauseEquals("blank"), prices=ModelPrice())
    free = ModelInfo("m:free", ClauseEquals("m:free"), prices=ModelPrice())
    assert list(_of_provider(provider(speech, blank, free), START)) == [NewPrice("m:free", 0, 0)]


def test_later_prices_begin_later_and_past_ones_are_over():
    def begins(day: date) -> ConditionalPrice:
        return ConditionalPrice(StartDateConstraint(day), prices=price(input=str(day.year), output="1"))

    night = TimeOfDateConstraint(time(16, 30), time(0, 30))
    versions = [
        ConditionalPrice(prices=price(input="1", output="1")),
        begins(date(2025, 1, 1)),
        begins(date(2026, 1, 1)),
        begins(date(2027, 1, 1)),
        ConditionalPrice(night, prices=price(input="0.5", output="1")),
    ]
    found = list(_of_provider(provider(ModelInfo("m", ClauseEquals("m"), prices=versions)), START))
    new_year = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()) * 1000
    assert [(price.input // 10**6, price.effective_at) for price in found] == [(2026, None), (2027, new_year)]


async def test_seeding_once(prices, store):
    added = await seed_prices(prices, store.book, [OLLAMA, ANTHROPIC], START)
    assert added == len(seeds(*ANTHROPIC, START)) == len(prices.current())
    assert await seed_prices(prices, store.book, [ANTHROPIC, OLLAMA], START) == 0
    [entry] = await store.audit.entries(limit=9, after=None)
    assert (entry.actor, entry.action) == (SEEDER.name, "prices.seed")
    assert '"source":"genai-prices ' in entry.detail
    assert await seed_prices(prices, store.book, [ANTHROPIC, ("openai", "")], START) > 0
    assert len(prices.history("claude-opus-4-5*")) == 1


async def test_with_only_an_ollama_nothing_is_seeded(prices, store):
    assert await seed_prices(prices, store.book, [OLLAMA], START) == 0
    assert prices.current() == []
    assert await store.audit.entries(limit=9, after=None) == []


async def test_an_operators_price_stays(prices, store):
    await prices.put([NewPrice("claude-opus*", 1, 1)], ROOT)
    await seed_prices(prices, store.book, [ANTHROPIC], START)
    assert prices.in_force("claude-opus-4-5-20251101", START).input == 1
    assert prices.in_force("claude-haiku-4-5", START).input > 1
