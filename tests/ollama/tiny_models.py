"""Tiny GGUF files that a real Ollama (or llama.cpp) accepts, and whose answers are known in advance.

    tiny.gguf         a llama of 2 layers, width 64: answers SENTENCE to everything, then stops
    tiny-loop.gguf    the same, but begins again after the last word and never stops by itself
    tiny-vision.gguf  as tiny, in other bytes (Ollama tells loaded models apart by file), for mmproj-64
    mmproj-W.gguf     a random CLIP tower and a projector to width W: an image is 16 tokens

The weights are noise; only the output matrix is chosen, so that each word of SENTENCE is followed by the next. All
other tokens share one embedding, whose successor is the first word. So prompt and temperature do not matter, while the
server does all its real work: tokenizing, batching, attention, sampling, streaming.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

import gguf
import numpy as np
from numpy.typing import NDArray

SENTENCE = (
    "Hello, this is a tiny model with random weights made only for tests; it knows one answer and "
    "gives that every time until its last word."
)
# No word may come twice: each has one successor.
WORDS = re.findall(r"\w+|[,;.]", SENTENCE)
ANSWER_TOKENS = len(WORDS) + 1
"""What a whole answer counts: its words, commas and stops, and the end-of-turn token."""
TINY_WIDTH, SMOLLM2_WIDTH = 64, 576
IMAGE_TOKENS = 16

LAYERS, HEADS, KV_HEADS, FFN, CONTEXT = 2, 4, 2, 128, 8192
IMAGE, PATCH, V_WIDTH, V_LAYERS, V_HEADS, V_FFN = 56, 14, 32, 2, 2, 64
END_OF_TEXT, TURN_BEGINS, TURN_ENDS = SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

Matrix = NDArray[np.float32]
Ending = Literal["stop", "again"]
"""What follows the last word."""


class Vocabulary(NamedTuple):
    tokens: list[str]
    kinds: list[gguf.TokenType]
    merges: list[str]
    chain: list[int]
    """The ids of the tokens of SENTENCE, in order."""


def write_all(folder: Path) -> None:
    """Every file of the table above into `folder`. The same bytes each time."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    words = vocabulary()
    write_llama(folder / "tiny.gguf", words, rng, after_last="stop")
    write_llama(folder / "tiny-loop.gguf", words, rng, after_last="again")
    write_llama(folder / "tiny-vision.gguf", words, rng, after_last="stop")
    for width in (TINY_WIDTH, SMOLLM2_WIDTH):
        write_projector(folder / f"mmproj-{width}.gguf", width, rng)


def vocabulary() -> Vocabulary:
    """Specials, the 256 bytes in GPT-2's printable form, and the words of SENTENCE with the merges that build them."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    tokens = [*SPECIAL, *map(chr, printable), *(chr(256 + i) for i in range(256 - len(printable)))]
    merges: list[str] = []
    space = chr(256 + ord(" "))
    words = [word if i == 0 or not word.isalpha() else space + word for i, word in enumerate(WORDS)]
    for word in words:
        for end in range(2, len(word) + 1):
            if word[:end] not in tokens:
                tokens.append(word[:end])
                merges.append(f"{word[: end - 1]} {word[end - 1]}")
    kinds = [gguf.TokenType.CONTROL] * len(SPECIAL) + [gguf.TokenType.NORMAL] * (len(tokens) - len(SPECIAL))
    return Vocabulary(tokens, kinds, merges, [tokens.index(word) for word in words])


def write_llama(path: Path, words: Vocabulary, rng: np.random.Generator, *, after_last: Ending) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    _describe_llama(writer, path.stem, words)
    embeddings, output = _chained(words, rng, after_last)
    writer.add_tensor("token_embd.weight", embeddings)
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output_norm.weight", np.ones(TINY_WIDTH, np.float32))
    kv = TINY_WIDTH * KV_HEADS // HEADS
    shapes = {
        "attn_q": (TINY_WIDTH, TINY_WIDTH),
        "attn_k": (kv, TINY_WIDTH),
        "attn_v": (kv, TINY_WIDTH),
        "attn_output": (TINY_WIDTH, TINY_WIDTH),
        "ffn_gate": (FFN, TINY_WIDTH),
        "ffn_up": (FFN, TINY_WIDTH),
        "ffn_down": (TINY_WIDTH, FFN),
    }
    for layer in range(LAYERS):
        for name, shape in shapes.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", _noise(rng, *shape))
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(TINY_WIDTH, np.float32))
    _finish(writer)


def _describe_llama(writer: Any, name: str, words: Vocabulary) -> None:
    writer.add_name(name)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(TINY_WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(TINY_WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(words.tokens))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(words.tokens)
    writer.add_token_types(words.kinds)
    writer.add_token_merges(words.merges)
    writer.add_bos_token_id(words.tokens.index(TURN_BEGINS))
    writer.add_eos_token_id(words.tokens.index(TURN_ENDS))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def _chained(words: Vocabulary, rng: np.random.Generator, after_last: Ending) -> tuple[Matrix, Matrix]:
    """The embeddings, one for all tokens but the words; and the output matrix, which says what follows each."""
    embeddings = np.tile(_noise(rng, 1, TINY_WIDTH, scale=1.0), (len(words.tokens), 1))
    embeddings[words.chain] = _noise(rng, len(words.chain), TINY_WIDTH, scale=1.0)
    output = np.zeros((len(words.tokens), TINY_WIDTH), np.float32)
    any_other = words.tokens.index(END_OF_TEXT)
    last = words.chain[0] if after_last == "again" else words.tokens.index(TURN_ENDS)
    for here, following in zip([any_other, *words.chain], [*words.chain, last], strict=True):
        output[following] += 8 * embeddings[here] / np.linalg.norm(embeddings[here])
    return embeddings, output


def write_projector(path: Path, width: int, rng: np.random.Generator) -> None:
    """A vision tower for a language model of `width`."""
    writer = gguf.GGUFWriter(path, "clip")
    _describe_projector(writer, path.stem, width)
    writer.add_tensor("v.patch_embd.weight", _noise(rng, V_WIDTH, 3, PATCH, PATCH).astype(np.float16))
    writer.add_tensor("v.class_embd", _noise(rng, V_WIDTH))
    writer.add_tensor("v.position_embd.weight", _noise(rng, (IMAGE // PATCH) ** 2 + 1, V_WIDTH))
    norms = ["v.pre_ln", *(f"v.blk.{layer}.{norm}" for layer in range(V_LAYERS) for norm in ("ln1", "ln2"))]
    for name in norms:
        writer.add_tensor(f"{name}.weight", np.ones(V_WIDTH, np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(V_WIDTH, np.float32))
    linear = {"mm.0": (width, V_WIDTH), "mm.2": (width, width)}
    for layer in range(V_LAYERS):
        linear |= {f"v.blk.{layer}.{name}": (V_WIDTH, V_WIDTH) for name in ("attn_q", "attn_k", "attn_v", "attn_out")}
        linear |= {f"v.blk.{layer}.ffn_up": (V_FFN, V_WIDTH), f"v.blk.{layer}.ffn_down": (V_WIDTH, V_FFN)}
    for name, shape in linear.items():
        writer.add_tensor(f"{name}.weight", _noise(rng, *shape))
        writer.add_tensor(f"{name}.bias", np.zeros(shape[0], np.float32))
    _finish(writer)


def _describe_projector(writer: Any, name: str, width: int) -> None:
    writer.add_name(name)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    for flag in ("has_vision_encoder", "has_llava_projector", "use_gelu"):
        writer.add_bool(f"clip.{flag}", True)
    writer.add_string("clip.projector_type", "mlp")
    sizes = {
        "image_size": IMAGE,
        "patch_size": PATCH,
        "embedding_length": V_WIDTH,
        "block_count": V_LAYERS,
        "feed_forward_length": V_FFN,
        "projection_dim": width,
        "attention.head_count": V_HEADS,
    }
    for key, value in sizes.items():
        writer.add_uint32(f"clip.vision.{key}", value)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])


def write_twin(source: Path, target: Path) -> None:
    """A copy of the model in `source` that differs only in its name, and so is another file to Ollama."""
    content = bytearray(source.read_bytes())
    name = gguf.GGUFReader(source).fields["general.name"].contents().encode()
    at = content.index(name)
    content[at : at + len(name)] = name[::-1]
    target.write_bytes(content)


def _noise(rng: np.random.Generator, *shape: int, scale: float = 0.01) -> Matrix:
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def _finish(writer: Any) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    write_all(parser.parse_args().folder)
