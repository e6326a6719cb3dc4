"""Writer of GGUF files, the model format of llama.cpp: the part of version 3 that a small file needs.

All numbers are little-endian. The file consists of `GGUF`, the version, the counts of tensors and keys, the keys, the
names, shapes and offsets of tensors, padding, and the data of tensors, each at a multiple of 32 bytes.
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
"""Values of keys. An int is written as uint32, a float as float32."""


class ElementType(IntEnum):
    F32 = 0
    F16 = 1


STRUCT_CODES = {ElementType.F32: "f", ElementType.F16: "e"}


class Tensor(NamedTuple):
    """A tensor. `shape` has the slowest dimension first, as usual; `values` are flat, as many as the shape has."""

    name: str
    shape: tuple[int, ...]
    values: Sequence[float]
    element: ElementType = ElementType.F32


def write_gguf(path: Path, keys: Mapping[str, Value], tensors: Sequence[Tensor]) -> None:
    """Write a file, and replace any that exists."""
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
