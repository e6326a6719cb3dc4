from __future__ import annotations

import pytest

from tests.services.in_memory import ROOT, START, Clock
from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.usage import Usage
from tollkeeper.services.models.prices import NewPrice, Prices, price_body
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.store import MemoryStore


@pytest.fixture
async def store():
    return MemoryStore()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def prices(store, clock):
    return Prices(store.prices, clock)


async def test_a_price_is_in_force_at_once_and_after_a_start(prices, store, clock):
    [added] = await prices.put([NewPrice("tiny:latest", input=150_000, output=600_000)], ROOT)
    assert prices.in_force("tiny:latest", None, clock()) == added
    started = Prices(store.prices, clock)
    await started.load()
    assert started.in_force("tiny:latest", None, clock()) == added


async def test_a_later_version_supersedes_and_both_stay(prices, clock):
    [first] = await prices.put([NewPrice("tiny", 1, 2)], ROOT)
    clock.ms += 1000
    [second] = await prices.put([NewPrice("tiny", 3, 4)], ROOT)
    [third] = await prices.put([NewPrice("tiny", 5, 6, effective_at=START + 60_000)], ROOT)
    assert prices.in_force("tiny", None, START + 999) == first
    assert prices.in_force("tiny", None, clock()) == second
    assert prices.in_force("tiny", None, START + 60_000) == third
    assert prices.history("tiny") == [third, second, first]
    assert prices.current() == [second]


async def test_a_model_is_spelt_as_canonical_names_are(prices, clock):
    await prices.put([NewPrice(" library/Llama3.2:1B ", 1, 2)], ROOT)
    assert prices.in_force("llama3.2:1b", None, clock()) is not None
    assert len(prices.history("LLAMA3.2:1b")) == 1


@pytest.mark.parametrize("model", ["*", "gpt-4*", "hf.co/a/b:q4"])
async def test_patterns_that_are_models(prices, model):
    assert len(await prices.put([NewPrice(model, 1, 2)], ROOT)) == 1


@pytest.mark.parametrize("model", ["", " ", "a b", "a*b", "**", "a\tb", "a" * 300])
async def test_patterns_that_no_model_matches(prices, model):
    with pytest.raises(Unprocessable) as refused:
        await prices.put([NewPrice("fine", 1, 2), NewPrice(model, 1, 2)], ROOT)
    assert refused.value.param == "model"
    assert prices.current() == []


async def test_the_past_is_priced_already(prices, clock):
    with pytest.raises(Unprocessable) as refused:
        await prices.put([NewPrice("tiny", 1, 2, effective_at=clock() - 1)], ROOT)
    assert refused.value.param == "effective_at"


async def test_what_cannot_be_saved_is_not_in_force(prices, store, clock):
    store.fail = "disk full"
    with pytest.raises(StoreError):
        await prices.put([NewPrice("tiny", 1, 2)], ROOT)
    assert prices.in_force("tiny", None, clock()) is None


async def test_a_change_is_in_the_audit_log(prices, store):
    await prices.put([NewPrice("tiny", 150_000, 2)], ROOT)
    [entry] = await store.audit.entries(limit=10, after=None)
    assert (entry.actor, entry.action, entry.target) == ("@bootstrap", "prices.put", "tiny")
    assert '"input_usd_per_mtok":"0.15"' in entry.detail


async def test_how_a_price_is_shown(prices):
    [price] = await prices.put([NewPrice("tiny", 150_000, 600_000, cache_write=0)], ROOT)
    assert price_body(price) == {
        "id": price.id,
        "model": "tiny",
        "upstream": None,
        "tier": None,
        "above_input_tokens": None,
        "seeded": False,
        "input_usd_per_mtok": "0.15",
        "cached_input_usd_per_mtok": None,
        "cache_write_usd_per_mtok": "0",
        "cache_write_1h_usd_per_mtok": None,
        "output_usd_per_mtok": "0.6",
        "usd_per_request": None,
        "usd_per_image": None,
        "audio_usd_per_minute": None,
        "speech_usd_per_mchar": None,
        "effective_at": "2026-11-20T12:00:00.123Z",
        "created_at": "2026-11-20T12:00:00.123Z",
    }


async def test_seeds_go_only_where_nobody_decided(prices, store, clock):
    await prices.put(
        [NewPrice("gpt-4*", 7, 7), NewPrice("tiny", 7, 7), NewPrice("o1", 7, 7, effective_at=START + 9)], ROOT
    )
    await prices.put([NewPrice("o3", 7, 7, upstream="Up"), NewPrice("o4", 7, 7, upstream="another")], ROOT)
    names = ("gpt-4o", "tiny", "o1", "o3", "o4", "claude", "gpt-4*", "gpt-40*", "cl*")
    wanted = [NewPrice(model, 1, 2, upstream="up") for model in names]
    added = await prices.seed(wanted, ROOT, source="a list 1.0")
    assert [price.model for price in added] == ["o4", "claude", "cl*"]
    assert all(price.seeded for price in added)
    assert prices.in_force("gpt-4o", "up", clock()).input == 7
    assert prices.in_force("o1", "up", clock()) is None
    entry, *_ = await store.audit.entries(limit=10, after=None)
    assert (entry.action, entry.detail) == ("prices.seed", '{"source":"a list 1.0","versions":3,"models":3}')
    assert await prices.seed(wanted, ROOT, source="a list 1.0") == []
    started = Prices(store.prices, clock)
    await started.load()
    assert started.current() == prices.current()


async def test_the_longest_pattern_wins_and_an_exact_name_before_it(prices, clock):
    await prices.put(
        [NewPrice("claude-*", 1, 1), NewPrice("claude-opus*", 2, 2), NewPrice("claude-opus-4", 3, 3)], ROOT
    )
    found = [
        prices.in_force(model, None, clock()) for model in ("claude-haiku", "claude-opus-5", "claude-opus-4", "gpt")
    ]
    assert [price and price.input for price in found] == [1, 2, 3, None]


async def test_each_class_is_priced_apart(prices):
    [price] = await prices.put([NewPrice("m", input=1_000, output=7, cached_input=100, cache_write=10_000)], ROOT)
    usage = Usage(prompt_tokens=10, cached_tokens=3, cache_write_tokens=2, completion_tokens=4, reasoning_tokens=1)
    assert price.cost(usage) == 5 * 1_000 + 3 * 100 + 2 * 10_000 + 4 * 7


async def test_who_listens_is_told_of_new_versions_once_their_names_are_known(prices):
    seen = []
    prices.on_change.append(lambda: seen.append(sorted(prices.models)))
    await prices.put([NewPrice("tiny", 1, 2)], ROOT)
    await prices.put([NewPrice("GPT-4*", 1, 2, effective_at=START + 60_000)], ROOT)
    assert seen == [["tiny"], ["gpt-4*", "tiny"]]
