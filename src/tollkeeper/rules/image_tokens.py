"""Upper bounds of the input tokens of one image, by model: for what limits hold, not for bills.

Sources: OpenAI's guide "Images and vision" (tiles: a base plus an amount for each of at most 8 squares of 512
pixels, as 2048×768 has; patches: at most 1536 of 32 pixels, times a factor of the model); Anthropic's guide "Vision"
(about 1,600 for an image scaled to 1568 pixels, 4,784 at 2576); Ollama's image processors (`model/models/*`) and
llama.cpp's (`tools/mtmd/clip.cpp`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

TYPICAL = 1000
"""Tokens billed for one image where the upstream reports no usage: about those of one megapixel at the large providers
(OpenAI: 765 to 1,105 tokens for 1024×1024 in high detail)."""

_TILES = 8
_PATCHES = 1536


def _tiled(base: int, tile: int) -> int:
    return base + tile * _TILES


def _patched(percent: int) -> int:
    return -(-_PATCHES * percent // 100)


DEAREST = _tiled(2833, 5667)
"""The most that any provider is known to count (gpt-4o-mini), and the bound of models that are not in the table."""
_PROVIDERS: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (re.compile(pattern), bound)
    for pattern, bound in (
        (r"gpt-4o-mini.*", DEAREST),
        (r"(chatgpt-4o|gpt-4o|gpt-4\.5|gpt-4-turbo|gpt-4-vision).*", _tiled(85, 170)),
        (r"gpt-4\.1-mini.*|gpt-5-mini.*", _patched(162)),
        (r"gpt-4\.1-nano.*|gpt-5-nano.*", _patched(246)),
        (r"o4-mini.*", _patched(172)),
        (r"gpt-4\.1(-\d.*)?", _PATCHES),
        (r"gpt-5(\.1)?(-(chat|codex|pro|\d).*)?", _tiled(70, 140)),
        (r"o[13](-(pro|\d).*)?", _tiled(75, 150)),
        (r"computer-use-preview.*", _tiled(65, 129)),
        (r"moondream.*", 27 * 27 * 5 + 64),  # as llama.cpp serves it: 378 pixels in squares of 14, and grids of it
        (r"claude-3.*", 1_600),
        (r"claude.*", 4_784),
    )
)

OLLAMA_DEFAULT = 16_384
"""Bound of a model on Ollama that describes no vision: 16 megapixels in squares of 32, the most of its Qwen models."""
_GRIDS = 5
"""Tiles that projectors of llama.cpp make of an image, each of the model's input size: llava 1.6's four and the whole.
Those that make more (InternVL, SmolVLM, MiniCPM-V) merge patches, and stay below."""
_SEPARATORS = 64
_OLLAMA = {
    "gemma3": 256 + _SEPARATORS,
    "gemma3n": 256 + _SEPARATORS,
    "gemma4": 280 + _SEPARATORS,
    "llama4": 17 * 144 + _SEPARATORS,  # sixteen tiles and the whole
    "mllama": 4 * 1601,
    "mistral3": 55 * 56 + _SEPARATORS,  # 1540 pixels in squares of 28, and a break for each row
}
_CUT_INTO_GRIDS = frozenset({"clip", "mlp", "ldp", "ldpv2", "adapter", "resampler", "idefics3", "internvl"})


def provider_image_tokens(model: str) -> int:
    """The most tokens of one image for a provider's model, by its name; what routers put before a slash is ignored."""
    name = model.rpartition("/")[2]
    return next((bound for pattern, bound in _PROVIDERS if pattern.fullmatch(name)), DEAREST)


def ollama_image_tokens(kinds: Iterable[str], image_size: int, patch_size: int) -> int:
    """The most tokens of one image for a model on Ollama. `kinds` are the names of its architecture and its projector
    (`clip` where it gives no other). The sizes are in pixels; 0: unknown."""
    names = list(kinds)
    known = [_OLLAMA[name] for name in names if name in _OLLAMA]
    if known:
        return max(known)
    side = -(-image_size // patch_size) if image_size > 0 and patch_size > 0 else 0
    bound = side * side * _GRIDS + _SEPARATORS
    return bound if side and not _CUT_INTO_GRIDS.isdisjoint(names) else max(OLLAMA_DEFAULT, bound)
