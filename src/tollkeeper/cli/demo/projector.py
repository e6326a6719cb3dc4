"""A small random vision projector: with it a text model accepts images, but cannot see them.

The demo's stand-in for `moondream` is a text model with such a projector. Images are fully processed (decoding,
patches, attention, tokens in the prompt, their price), but the weights are noise. An image is 16 tokens and one or two
separators.
"""

from __future__ import annotations

from math import prod
from random import Random
from typing import TYPE_CHECKING

from tollkeeper.cli.demo.gguf import ElementType, Tensor, Value, write_gguf

if TYPE_CHECKING:
    from pathlib import Path

IMAGE_SIZE, PATCH_SIZE = 56, 14
WIDTH, LAYERS, HEADS, INNER = 32, 2, 2, 64
NOISE = 0.01
ALL_F32 = 0

KEYS: dict[str, Value] = {
    "general.architecture": "clip",
    "general.name": "random-projector",
    "general.file_type": ALL_F32,
    "clip.has_vision_encoder": True,
    "clip.has_llava_projector": True,
    "clip.use_gelu": True,
    "clip.projector_type": "mlp",
    "clip.vision.image_size": IMAGE_SIZE,
    "clip.vision.patch_size": PATCH_SIZE,
    "clip.vision.embedding_length": WIDTH,
    "clip.vision.block_count": LAYERS,
    "clip.vision.feed_forward_length": INNER,
    "clip.vision.attention.head_count": HEADS,
    "clip.vision.attention.layer_norm_epsilon": 1e-5,
    "clip.vision.image_mean": [0.5, 0.5, 0.5],
    "clip.vision.image_std": [0.5, 0.5, 0.5],
}


def write_projector(path: Path, text_width: int) -> None:
    """Write a projector for a text model with embeddings of `text_width`. The file depends on that width only."""
    random = Random(0)  # noqa: S311

    def noise(name: str, *shape: int, element: ElementType = ElementType.F32) -> Tensor:
        return Tensor(name, shape, [random.gauss(0, NOISE) for _ in range(prod(shape))], element)

    def linear(name: str, out: int, into: int) -> list[Tensor]:
        return [noise(f"{name}.weight", out, into, element=ElementType.F16), _flat(f"{name}.bias", out, 0.0)]

    def norm(name: str) -> list[Tensor]:
        return [_flat(f"{name}.weight", WIDTH, 1.0), _flat(f"{name}.bias", WIDTH, 0.0)]

    patches = (IMAGE_SIZE // PATCH_SIZE) ** 2
    tensors = [
        noise("v.patch_embd.weight", WIDTH, 3, PATCH_SIZE, PATCH_SIZE, element=ElementType.F16),
        noise("v.class_embd", WIDTH),
        noise("v.position_embd.weight", patches + 1, WIDTH),
        *norm("v.pre_ln"),
    ]
    for layer in range(LAYERS):
        block = f"v.blk.{layer}"
        tensors += [*norm(f"{block}.ln1"), *norm(f"{block}.ln2")]
        for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
            tensors += linear(f"{block}.{part}", WIDTH, WIDTH)
        tensors += [*linear(f"{block}.ffn_up", INNER, WIDTH), *linear(f"{block}.ffn_down", WIDTH, INNER)]
    tensors += [*linear("mm.0", text_width, WIDTH), *linear("mm.2", text_width, text_width)]
    write_gguf(path, {**KEYS, "clip.vision.projection_dim": text_width}, tensors)


def _flat(name: str, width: int, value: float) -> Tensor:
    return Tensor(name, (width,), [value] * width)
