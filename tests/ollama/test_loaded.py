"""Two Ollamas with memory for one model each."""

from __future__ import annotations

from pathlib import Path

from tests.ollama.pool import client_of, gateway_of, machines, upstream
from tests.ollama.rig import Ollama


async def test_models_that_are_asked_for_in_turn_stay_each_in_the_memory_of_one(ollama: Ollama, tmp_path: Path):
    async with machines(tmp_path, ollama.models, "ab", OLLAMA_MAX_LOADED_MODELS="1") as both:
        async with gateway_of(tmp_path, [upstream(each) for each in both]) as gateway, client_of(gateway) as client:
            for number in range(40):
                messages = [{"role": "user", "content": f"m{number}"}]
                model = ("tiny", "tiny-loop")[number % 2]
                await client.chat.completions.create(model=model, messages=messages, max_tokens=5)
        loads = sum(each.ollama.loads() for each in both)
    # A model that nobody has in memory is loaded by whose turn it is, which may be one that has just loaded the other.
    assert 2 <= loads <= 3
