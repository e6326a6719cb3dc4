"""Which candidates can serve a request, and what each would cost."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from tollkeeper.gateway.offers import offer_of, supported
from tollkeeper.rules.errors import BadRequest, UnsupportedByUpstream
from tollkeeper.rules.kinds import ANTHROPIC, OLLAMA, OPENAI, OPENROUTER, Kind
from tollkeeper.rules.pricing import Price, PriceBook
from tollkeeper.services.models.catalog import Deployment
from tollkeeper.services.models.resolver import Choice
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.wire.openai.dialect import OPENAI as DIALECT
from tollkeeper.wire.openai.request import COMPLETIONS, read_request
from tollkeeper.wire.tasks.dialect import TASKS
from tollkeeper.wire.tasks.request import RERANK
from tollkeeper.wire.tasks.request import read_request as read_task


def choice(kind: Kind, entry: int = 0) -> Choice:
    config = UpstreamConfig(kind.name, kind, "http://127.0.0.1")
    upstream: Any = SimpleNamespace(config=config, serves=config.serves, paths=lambda: list(kind.speaks))
    return Choice(entry, Deployment("m", upstream, "m"))


def test_candidates_that_cannot_serve_a_request_are_left_out() -> None:
    """Ollama completes one prompt at a time, and Anthropic serves no completions at all."""
    request = read_request(b'{"model": "m", "prompt": ["a", "b"]}', COMPLETIONS)
    ollama, openai, anthropic = choice(OLLAMA), choice(OPENAI, 1), choice(ANTHROPIC, 2)
    assert supported(DIALECT, request, [ollama, openai, anthropic]) == [(openai, *DIALECT.adapters[COMPLETIONS.path])]
    with pytest.raises(BadRequest) as refused:
        supported(DIALECT, request, [ollama, anthropic])
    assert refused.value.param == "prompt", "the first has the word"
    for alone in ([anthropic], [anthropic, choice(ANTHROPIC, 3)]):
        with pytest.raises(UnsupportedByUpstream, match="serves /v1/completions"):
            supported(DIALECT, request, alone)
    with pytest.raises(BadRequest):
        supported(DIALECT, request, [ollama])


def test_a_task_that_no_upstream_declares_is_not_found_and_what_exists_is_told() -> None:
    request = read_task(b'{"model": "m", "query": "q", "documents": []}', RERANK)
    with pytest.raises(UnsupportedByUpstream, match=r"serves /v1/rerank.*'anthropic' serves /v1/messages,") as refused:
        supported(TASKS, request, [choice(ANTHROPIC)])
    assert (refused.value.status, refused.value.code) == (404, "unsupported_by_upstream")


@pytest.mark.parametrize(
    ("kind", "found", "price", "refused"),
    [
        (OPENAI, [], 1, None),
        (OPENAI, [("service_tier", "flex")], 2, None),
        (OPENAI, [("service_tier", "priority")], None, "service_tier"),
        (OPENAI, [("service_tier", "flex"), ("plugins", "plugins")], None, "plugins"),
        (OLLAMA, [("service_tier", "priority")], 1, None),
    ],
)
def test_what_changes_a_price_is_refused_unless_a_price_names_it(
    kind: Kind, found: list[tuple[str, str]], price: int | None, refused: str | None
) -> None:
    plain, flex = Price(1, "m", 1, 1, None, None, 0, 0), Price(2, "m", 1, 1, None, None, 0, 0, tier="flex")
    prices: Any = SimpleNamespace(in_force=PriceBook([plain, flex]).in_force)
    adapter: Any = SimpleNamespace(priced_fields=lambda *_: found)
    upstream: Any = SimpleNamespace(config=UpstreamConfig("u", kind, "http://127.0.0.1"))
    offer = offer_of(prices, cast(Any, None), Choice(1, Deployment("m", upstream, "m")), adapter, 0)
    assert (offer.price and offer.price.id) == price
    assert (offer.refusal and offer.refusal.param) == refused
    assert offer.entry == 1


@pytest.mark.parametrize(
    ("model", "kind", "price", "refused"),
    [
        ("m:nitro", OPENROUTER, 2, None),
        ("m:floor", OPENROUTER, None, "model"),
        ("m:free", OPENROUTER, 1, None),
        ("m:floor", OPENAI, 1, None),
    ],
)
def test_a_suffix_that_changes_a_price_takes_a_price_of_the_whole_name(
    model: str, kind: Kind, price: int | None, refused: str | None
) -> None:
    pattern, exact = Price(1, "m*", 1, 1, None, None, 0, 0), Price(2, "m:nitro", 1, 1, None, None, 0, 0)
    prices: Any = SimpleNamespace(in_force=PriceBook([pattern, exact]).in_force)
    adapter: Any = SimpleNamespace(priced_fields=lambda *_: [])
    upstream: Any = SimpleNamespace(config=UpstreamConfig("u", kind, "http://127.0.0.1"))
    offer = offer_of(prices, cast(Any, None), Choice(0, Deployment(model, upstream, model)), adapter, 0)
    assert (offer.price and offer.price.id) == price
    assert (offer.refusal and offer.refusal.param) == refused


def test_a_request_is_checked_once_for_each_kind_of_upstream() -> None:
    """A translation reads all of it."""
    checked = []
    request = read_request(b'{"model": "m", "prompt": "a"}', COMPLETIONS)
    [adapter] = DIALECT.adapters[COMPLETIONS.path]
    adapter = replace(adapter, check_supported=lambda _, kind: checked.append(kind))
    dialect = replace(DIALECT, adapters={COMPLETIONS.path: (adapter,)})
    choices = [choice(OLLAMA), choice(OPENAI, 1), choice(OLLAMA, 2)]
    assert supported(dialect, request, choices) == [(each, adapter) for each in choices]
    assert checked == [OLLAMA, OPENAI]
