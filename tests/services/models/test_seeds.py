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
from msgspec.structs import replace

from tests.services.in_memory import ROOT, START, Clock
from tollkeeper.rules import kinds
from tollkeeper.rules.kinds import KINDS, OPENAI, OPENAI_COMPATIBLE, Kind
from tollkeeper.rules.usage import Usage
from tollkeeper.services.models.price_list import _of_provider, seeds
from tollkeeper.services.models.prices import MODEL_PATTERN, NewPrice, Prices
from tollkeeper.services.models.seeds import SEEDER, seed_listed, seed_prices
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.listings import ListedModel, ListedPrice
from tollkeeper.store.memory.store import MemoryStore

BY_NAME = {**KINDS, "anthropic": Kind(name="anthropic", price_list="anthropic")}
ANTHROPIC = UpstreamConfig("claude", BY_NAME["anthropic"], "https://api.anthropic.com")
OPEN_AI = UpstreamConfig("gpt", OPENAI, "")
OLLAMA = UpstreamConfig("default", kinds.OLLAMA, "http://127.0.0.1:11434")


@pytest.fixture
async def store():
    return MemoryStore()


@pytest.fixture
def prices(store):
    return Prices(store.prices, Clock())


def provider(*models: ModelInfo) -> Provider:
    return Provider("p", "P", "https://p", models=list(models))


def price(**figures: str) -> ModelPrice:
    return ModelPrice(**{f"{name}_mtok": Decimal(figure) for name, figure in figures.items()})


@pytest.mark.parametrize("kind", ["openai", "anthropic", "openrouter"])
def test_every_provider_has_prices(kind):
    found = seeds(BY_NAME[kind], "https://somewhere.else", START)
    assert len(found) > 50
    names = [(price.model, price.effective_at, price.above_input_tokens) for price in found]
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
    await seed_prices(prices, store.installation, [UpstreamConfig("theirs", BY_NAME[kind], "")], START)
    ours = prices.in_force(model, "theirs", START)
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
    assert seeds(OLLAMA.kind, OLLAMA.base_url, START) == []
    assert seeds(OPENAI_COMPATIBLE, "http://127.0.0.1:8080", START) == []
    assert seeds(OPENAI_COMPATIBLE, "https://api.mistral.ai/v1", START) != []


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
    figures = price(input="1.5", output="6", cache_read="0.375", cache_write="1.0833333333333333", cache_write_1h="3")
    [found] = _of_provider(provider(ModelInfo("m", ClauseEquals("m"), prices=figures)), START)
    assert found == NewPrice(
        "m", 1_500_000, 6_000_000, cached_input=375_000, cache_write=1_083_333, cache_write_1h=3_000_000
    )


def test_a_price_by_length_has_a_version_for_each_length():
    tiered = ModelPrice(input_mtok=TieredPrices(Decimal(1), [Tier(200_000, Decimal(2))]), output_mtok=Decimal(3))
    found = _of_provider(provider(ModelInfo("m", ClauseEquals("m"), prices=tiered)), START)
    assert [(price.above_input_tokens, price.input, price.output) for price in found] == [
        (None, 1_000_000, 3_000_000),
        (200_000, 2_000_000, 3_000_000),
    ]


def test_audio_and_speech_have_prices_by_the_minute_and_by_the_character():
    speech = ModelInfo("tts", ClauseEquals("tts"), prices=ModelPrice(input_mchars=Decimal(15)))
    audio = ModelInfo("hear", ClauseEquals("hear"), prices=ModelPrice(audio_hours=Decimal("0.27")))
    assert list(_of_provider(provider(speech, audio), START)) == [
        NewPrice("tts", 0, 0, per_mchar=15_000_000),
        NewPrice("hear", 0, 0, per_minute=4_500),
    ]


def test_what_has_no_price_is_not_free():
    blank = ModelInfo("blank", ClauseEquals("blank"), prices=ModelPrice())
    free = ModelInfo("m:free", ClauseEquals("m:free"), prices=ModelPrice())
    assert list(_of_provider(provider(blank, free), START)) == [NewPrice("m:free", 0, 0)]


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
    added = await seed_prices(prices, store.installation, [OLLAMA, ANTHROPIC], START)
    assert added == len(seeds(ANTHROPIC.kind, ANTHROPIC.base_url, START)) == len(prices.current())
    assert await seed_prices(prices, store.installation, [ANTHROPIC, OLLAMA], START) == 0
    [entry] = await store.audit.entries(limit=9, after=None)
    assert (entry.actor, entry.action) == (SEEDER.name, "prices.seed")
    assert '"source":"genai-prices ' in entry.detail
    assert await seed_prices(prices, store.installation, [ANTHROPIC, OPEN_AI], START) > 0
    assert len(prices.history("claude-opus-4-5*")) == 1


async def test_a_seeded_price_is_of_its_upstream_and_models_of_that_name_elsewhere_stay_free(prices, store):
    deepseek = UpstreamConfig("seek", OPENAI_COMPATIBLE, "https://api.deepseek.com")
    await seed_prices(prices, store.installation, [OLLAMA, deepseek], START)
    assert prices.in_force("deepseek-r1:8b", "default", START) is None
    found = prices.in_force("deepseek-r1:8b", "seek", START)
    assert (found.upstream, found.seeded) == ("seek", True)


async def test_each_of_two_upstreams_of_one_provider_has_prices(prices, store):
    await seed_prices(prices, store.installation, [ANTHROPIC], START)
    other = replace(ANTHROPIC, id="other")
    await seed_prices(prices, store.installation, [ANTHROPIC, other], START)
    found = [prices.in_force("claude-haiku-4-5", upstream, START) for upstream in ("claude", "other")]
    assert [price.upstream for price in found] == ["claude", "other"]
    assert len(prices.history("claude-haiku-4-5*")) == 2


async def test_with_only_an_ollama_nothing_is_seeded(prices, store):
    assert await seed_prices(prices, store.installation, [OLLAMA], START) == 0
    assert await seed_prices(prices, store.installation, [replace(ANTHROPIC, paid=False)], START) == 0
    assert prices.current() == []
    assert await store.audit.entries(limit=9, after=None) == []


async def test_an_operators_price_stays(prices, store):
    await prices.put([NewPrice("claude-opus*", 1, 1)], ROOT)
    await seed_prices(prices, store.installation, [ANTHROPIC], START)
    assert prices.in_force("claude-opus-4-5-20251101", "claude", START).input == 1
    assert prices.in_force("claude-haiku-4-5", "claude", START).input > 1


async def test_an_operators_price_of_any_upstream_is_in_force_before_a_seeded_one(prices, store):
    await seed_prices(prices, store.installation, [ANTHROPIC], START)
    await prices.put([NewPrice("claude-haiku-4-5", 1, 1)], ROOT)
    assert prices.in_force("claude-haiku-4-5", "claude", START).input == 1


ROUTER = UpstreamConfig("router", kinds.OPENROUTER, "https://openrouter.ai/api/v1")


def lists(**models: int) -> list[ListedModel]:
    """Models by the price of their input."""
    return [ListedModel(name, price=ListedPrice(figure, 2, cached_input=3)) for name, figure in models.items()]


class TestListed:
    """Prices from the list of the upstream itself."""

    async def test_a_model_without_a_price_gets_the_listed_one(self, prices, store):
        await seed_listed(prices, ROUTER, [*lists(New=1), ListedModel("bare"), *lists(**{"a b": 1, "library/": 1})])
        [added] = prices.current()
        assert (added.model, added.upstream, added.seeded) == ("new", "router", True)
        assert (added.input, added.output, added.cached_input, added.cache_write) == (1, 2, 3, None)
        [entry] = await store.audit.entries(limit=9, after=None)
        assert (entry.actor, entry.detail) == (SEEDER.name, '{"source":"the list of router","versions":1,"models":1}')

    async def test_another_figure_is_in_force_from_now_on_and_the_same_is_not_saved_again(self, prices, store):
        for figure in (1, 1, 5, 5):
            await seed_listed(prices, ROUTER, lists(m=figure))
        assert [price.input for price in prices.history("m")] == [5, 1]
        assert prices.in_force("m", "router", START).input == 5
        assert len(await store.audit.entries(limit=9, after=None)) == 2

    async def test_an_admins_price_stays(self, prices):
        await prices.put([NewPrice("m", 7, 7), NewPrice("n*", 7, 7, upstream="Router")], ROOT)
        await seed_listed(prices, ROUTER, lists(m=1, n1=1, o=1))
        assert [prices.in_force(model, "router", START).input for model in ("m", "n1", "o")] == [7, 7, 1]
        await prices.put([NewPrice("o", 7, 7)], ROOT)
        await seed_listed(prices, ROUTER, lists(o=2))
        assert prices.in_force("o", "router", START).input == 7

    async def test_what_was_seeded_is_followed_though_an_admin_set_a_wider_pattern_since(self, prices):
        await seed_listed(prices, ROUTER, lists(m=1))
        await prices.put([NewPrice("*", 7, 7)], ROOT)
        await seed_listed(prices, ROUTER, lists(m=2, n=2))
        assert [prices.in_force(model, "router", START).input for model in ("m", "n")] == [2, 7]

    async def test_it_follows_those_that_the_package_seeded(self, prices, store):
        await seed_prices(prices, store.installation, [ROUTER], START)
        name = "openai/gpt-4o-mini"
        assert prices.in_force(name, "router", START).input > 1
        await seed_listed(prices, ROUTER, lists(**{name: 1}))
        assert prices.in_force(name, "router", START).input == 1

    @pytest.mark.parametrize("config", [OPEN_AI, replace(ROUTER, paid=False)])
    async def test_others_have_no_prices_in_their_lists(self, prices, config):
        await seed_listed(prices, config, lists(m=1))
        assert prices.current() == []

    async def test_a_store_that_fails_keeps_no_list_out(self, prices, store, caplog):
        store.fail = "disk full"
        await seed_listed(prices, ROUTER, lists(m=1))
        assert prices.current() == []
        assert "disk full" in caplog.text
