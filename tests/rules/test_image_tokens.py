"""How much one image may be, by model."""

import pytest

from tollkeeper.rules.image_tokens import DEAREST, OLLAMA_DEFAULT, ollama_image_tokens, provider_image_tokens


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("gpt-4o", 85 + 170 * 8),
        ("gpt-4o-2024-11-20", 85 + 170 * 8),
        ("gpt-4o-mini", 2833 + 5667 * 8),
        ("openai/gpt-4o-mini-2024-07-18", 2833 + 5667 * 8),
        ("gpt-4.1", 1536),
        ("gpt-4.1-mini", 2489),
        ("gpt-4.1-nano", 3779),
        ("o4-mini", 2642),
        ("o1", 75 + 150 * 8),
        ("o3-pro", 75 + 150 * 8),
        ("gpt-5", 70 + 140 * 8),
        ("gpt-5-2025-08-07", 70 + 140 * 8),
        ("gpt-5-mini", 2489),
        ("anthropic/claude-3.5-sonnet", 1600),
        ("claude-opus-4-7", 4784),
        # Not in the table: it may be as dear as any.
        ("gpt-5.4", DEAREST),
        ("o1-mini", DEAREST),
        ("gpt-x", DEAREST),
        ("qwen/qwen2.5-vl-72b-instruct", DEAREST),
    ],
)
def test_providers(model, most):
    assert provider_image_tokens(model) == most


@pytest.mark.parametrize(
    ("kinds", "size", "patch", "least"),
    [
        (["llama", "clip"], 336, 14, 5 * 24 * 24),  # llava 1.6
        (["llama", "mlp"], 378, 14, 5 * 27 * 27),
        (["gemma3"], 896, 14, 256),
        (["mllama"], 560, 14, 4 * 1601),
        (["mistral3"], 1540, 14, 55 * 55),
        (["llama4"], 336, 14, 17 * 144),
        (["qwen25vl"], 560, 14, 16_384),
        (["qwen2", "qwen2.5vl_merger"], 560, 14, 16_384),
        (["something"], 4096, 14, 5 * 293 * 293),
        ([], 0, 0, OLLAMA_DEFAULT),
        (["llama", "clip"], 336, 0, OLLAMA_DEFAULT),
        (["llama", "clip"], 0, 14, OLLAMA_DEFAULT),
    ],
)
def test_ollama(kinds, size, patch, least):
    assert least <= ollama_image_tokens(kinds, size, patch) <= least + 128
