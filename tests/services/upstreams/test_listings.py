"""The list of an upstream's models, as each API writes it."""

from __future__ import annotations

import pytest

from tests.scripted import Conn, Request, ScriptedUpstream, json_response
from tests.services.upstreams.http.helpers import open_client
from tollkeeper.services.upstreams.listings import (
    LISTINGS,
    LOADED,
    MAX_MODELS,
    NO_FILE,
    ListedModel,
    ListedPrice,
    LoadedModel,
    ModelFile,
)

MOMENT = 1_795_176_000_123


async def listed(path: str, answer: object) -> list[ListedModel]:
    async with ScriptedUpstream() as up, open_client(up.url) as client:
        up.route(f"GET {path}", json_response(answer))
        return await LISTINGS[path](client)  # type: ignore[index]


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-11-20T12:00:00.123456789Z", MOMENT - 123),
        ("2026-11-20T14:00:00.123456789+02:00", MOMENT - 123),
        ("2026-11-20T12:00:00Z", MOMENT - 123),
        ("yesterday", None),
        ("", None),
    ],
)
async def test_ollama_tells_versions_and_moments(written: str, moment: int | None) -> None:
    tag = {"model": "Tiny:Latest", "digest": "abc", "modified_at": written}
    assert await listed("/api/tags", {"models": [tag]}) == [ListedModel("Tiny:Latest", "abc", moment)]


@pytest.mark.parametrize(
    ("architecture", "sees"),
    [
        ({"input_modalities": ["text", "image"]}, True),
        ({"input_modalities": ["text"]}, False),
        ({"input_modalities": "image"}, None),
        ("image", None),
        (None, None),
    ],
)
async def test_others_may_tell_what_goes_into_a_model(architecture: object, sees: bool | None) -> None:
    entry = {"id": "Tiny", "architecture": architecture}
    assert await listed("/v1/models", {"data": [entry]}) == [ListedModel("Tiny", sees_images=sees)]


@pytest.mark.parametrize(
    ("pricing", "price"),
    [
        ({"prompt": "0.0000025", "completion": "0.00001"}, ListedPrice(2_500_000, 10_000_000)),
        (
            {
                "prompt": "0.000003",
                "completion": "0",
                "input_cache_read": "0.0000003",
                "input_cache_write": "0.00000375",
            },
            ListedPrice(3_000_000, 0, 300_000, 3_750_000),
        ),
        ({"prompt": "0.1", "completion": "0.1", "request": "0", "image": "0.004"}, ListedPrice(10**11, 10**11)),
        ({"prompt": "0.1", "completion": "0.1", "input_cache_read": "?"}, ListedPrice(10**11, 10**11)),
        ({"prompt": "0.1", "completion": "0.1", "request": "0.005"}, None),  # not by tokens alone
        ({"prompt": "-1", "completion": "-1"}, None),  # it depends on the request
        ({"prompt": "0.1"}, None),
        ({"prompt": 0.1, "completion": "0.1"}, None),
        ([], None),
        (None, None),
    ],
)
async def test_openrouter_tells_prices_of_a_token(pricing: object, price: ListedPrice | None) -> None:
    [model] = await listed("/v1/models", {"data": [{"id": "a/b", "pricing": pricing}]})
    assert model.price == price


async def test_of_a_long_list_the_first_are_taken() -> None:
    entries = [{"id": str(number)} for number in range(MAX_MODELS + 1)]
    assert len(await listed("/v1/models", {"data": entries})) == MAX_MODELS


@pytest.mark.parametrize(
    ("capabilities", "sees"),
    [
        ({"image_input": {"supported": True}}, True),
        ({"image_input": {"supported": False}}, False),
        ({"image_input": True}, None),
        (["image_input"], None),
    ],
)
async def test_anthropic_tells_what_a_model_supports(capabilities: object, sees: bool | None) -> None:
    entry = {"id": "claude", "capabilities": capabilities}
    assert await listed("/v1/models", {"data": [entry]}) == [ListedModel("claude", sees_images=sees)]


async def test_a_list_is_read_page_by_page_until_one_brings_nothing_new() -> None:
    async def pages(conn: Conn, request: Request) -> None:
        asked.append(request.target)
        names = {0: ["a", "b/c"], 1: ["d"]}.get(len(asked) - 1, ["d"])
        await conn.send(json_response({"data": [{"id": name} for name in names], "has_more": True}))

    asked: list[str] = []
    async with ScriptedUpstream() as up, open_client(up.url) as client:
        up.route("GET /v1/models", pages)
        found = await LISTINGS["/v1/models"](client)
    assert [model.name for model in found] == ["a", "b/c", "d"]
    assert asked == [
        "/v1/models", "/v1/models?limit=1000&after_id=b%2Fc", "/v1/models?limit=1000&after_id=d",
    ]  # fmt: skip


async def test_an_empty_list_has_no_other_page() -> None:
    assert await listed("/v1/models", {"data": [], "has_more": True}) == []


async def test_ollama_tells_of_the_files_of_models() -> None:
    details = {"family": "llama", "parameter_size": "1.2B", "quantization_level": "Q8_0", "format": "gguf"}
    models = [
        {"model": "whole", "size": 1000, "details": details},
        {"model": "odd", "size": "big", "details": [1]},
        {"model": "odder", "size": -1, "details": {"family": 5, "parameter_size": ""}},
        {"model": "bare"},
    ]
    whole, *rest = await listed("/api/tags", {"models": models})
    assert whole.file == ModelFile(1000, "llama", "1.2B", "Q8_0")
    assert [each.file for each in rest] == [NO_FILE] * 3


async def test_ollama_tells_of_what_is_in_memory() -> None:
    whole = {
        "model": "Tiny:Latest", "size": 900, "size_vram": 0, "expires_at": "2026-11-20T14:00:00.5+02:00",
        "context_length": 4096,
    }  # fmt: skip
    odd = {"model": "odd", "size": None, "size_vram": "all", "expires_at": 5, "context_length": 0}
    async with ScriptedUpstream() as up, open_client(up.url) as client:
        up.route("GET /api/ps", json_response({"models": [whole, odd, {"model": "bare"}]}))
        assert await LOADED["/api/ps"](client) == {
            "tiny:latest": LoadedModel(900, 0, MOMENT - 123, 4096),
            "odd": LoadedModel(),
            "bare": LoadedModel(),
        }
