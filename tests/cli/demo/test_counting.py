"""The gateway records all tokens that the embedded engine generates, even if its usage covers one choice of several."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.conftest import Gateway, running
from tests.gateway.test_bad_input import check
from tests.ollama.tiny_models import write_all
from tollkeeper.cli.demo.engine.model import EngineModel
from tollkeeper.cli.demo.engine.process import run_engine
from tollkeeper.cli.demo.projector import write_projector
from tollkeeper.cli.demo.texts import SAMPLE_IMAGE
from tollkeeper.rules.kinds import OPENAI_COMPATIBLE
from tollkeeper.services.upstreams.config import UpstreamConfig

IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{SAMPLE_IMAGE}"}}
CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
PROMPTS = ["Hello" + " there" * number for number in range(16)]


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    write_all(tmp_path)
    projector = tmp_path / "projector.gguf"
    write_projector(projector, 64)
    weights = str(tmp_path / "tiny.gguf")
    blind, seeing = EngineModel("blind", weights, None), EngineModel("seeing", weights, str(projector))
    async with run_engine(blind, tmp_path / "log") as (one, _), run_engine(seeing, tmp_path / "log2") as (other, _):
        upstreams = [
            UpstreamConfig("one", OPENAI_COMPATIBLE, one, ("blind",), paid=False),
            UpstreamConfig("other", OPENAI_COMPATIBLE, other, ("seeing",), paid=False),
        ]
        async with running(tmp_path, one, upstreams=upstreams) as gateway:
            yield gateway


async def used(gateway: Gateway, path: str, **fields: object) -> tuple[int, int, bool]:
    """Send a request; returns prompt tokens, completion tokens and `estimated` of its record."""
    answer = await gateway.client.post(path, json={"model": "blind", "temperature": 0, "max_tokens": 10} | fields)
    assert answer.status_code == 200, answer.text
    record = (await gateway.records())[0]
    assert record.status == "completed"
    return record.usage.prompt_tokens, record.usage.completion_tokens, record.usage.estimated


@pytest.mark.parametrize("stream", [False, True])
async def test_several_choices_for_one_prompt(gateway: Gateway, stream: bool) -> None:
    messages = [{"role": "user", "content": "Hello"}]
    prompt, output, _ = await used(gateway, CHAT, messages=messages)
    assert output == 10
    assert await used(gateway, CHAT, messages=messages, n=4, stream=stream) == (prompt, 40, not stream)


@pytest.mark.parametrize("stream", [False, True])
async def test_several_prompts_in_one_request(gateway: Gateway, stream: bool) -> None:
    alone = [await used(gateway, COMPLETIONS, prompt=prompt) for prompt in PROMPTS]
    prompts, outputs = sum(one[0] for one in alone), sum(one[1] for one in alone)
    told = await used(gateway, COMPLETIONS, prompt=PROMPTS, stream=stream)
    if stream:
        assert told == (prompts, outputs, False)
    else:
        assert told[2]
        assert abs(told[1] - outputs) <= outputs // 10


async def test_the_list_of_models_says_which_take_images(gateway: Gateway) -> None:
    await gateway.context.catalog.refresh()
    shown = (await gateway.client.get("/v1/models")).json()["data"]
    assert {model["id"]: model["vision"] for model in shown} == {"blind": False, "seeing": True}
    messages = [{"role": "user", "content": [IMAGE]}]
    answer = await gateway.client.post(CHAT, json={"model": "blind", "messages": messages})
    assert "choose one that does: 'seeing'" in check(answer, 400, None, "messages[0].content[0].image_url")
    assert not await gateway.records()
    answer = await gateway.client.post(CHAT, json={"model": "seeing", "messages": messages, "max_tokens": 5})
    assert answer.status_code == 200


async def test_embeddings_are_refused(gateway: Gateway) -> None:
    answer = await gateway.client.post("/v1/embeddings", json={"model": "blind", "input": "x"})
    assert "does not support embeddings" in check(answer, 400, None)
