"""Writing GGUF, the model file of llama.cpp: as much of version 3 as a small file needs.

Little-endian throughout: `GGUF`, the version, the counts of tensors and of keys, the keys, the tensors' names, shapes
and places, padding, and then their bytes, each tensor at a multiple of 32.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

VERSION = 3
ALIGNMENT = 32

Value = bool | int | float | str | list[float]
"""What a key may hold here; an int is written as uint32, a float as float32."""


class ElementType(IntEnum):
    F32 = 0
    F16 = 1


STRUCT_CODES = {ElementType.F32: "f", ElementType.F16: "e"}


class Tensor(NamedTuple):
    """`shape` in the usual order, slowest first; `values` flat, as many as the shape says."""

    name: str
    shape: tuple[int, ...]
    values: Sequence[float]
    element: ElementType = ElementType.F32


def write_gguf(path: Path, keys: Mapping[str, Value], tensors: Sequence[Tensor]) -> None:
    """Write the file at `path`, replacing what is there."""
    head = bytearray(b"GGUF" + struct.pack("<IQQ", VERSION, len(tensors), len(keys)))
    for key, value in keys.items():
        head += _string(key) + _typed(value)
    data = bytearray()
    for tensor in tensors:
        # GGUF lists dimensions fastest first.
        dims = tensor.shape[::-1]
        head += _string(tensor.name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, tensor.element, len(data))
        data += _padded(struct.pack(f"<{len(tensor.values)}{STRUCT_CODES[tensor.element]}", *tensor.values))
    path.write_bytes(_padded(head) + data)


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _typed(value: Value) -> bytes:
    match value:
        case bool():
            return struct.pack("<I?", 7, value)
        case int():
            return struct.pack("<II", 4, value)
        case float():
            return struct.pack("<If", 6, value)
        case str():
            return struct.pack("<I", 8) + _string(value)
        case list():
            return struct.pack(f"<IIQ{len(value)}f", 9, 6, len(value), *value)


def _padded(raw: bytes | bytearray) -> bytes:
    return bytes(raw) + bytes(-len(raw) % ALIGNMENT)
