"""The canonical name of a model in a response, in place of the upstream's spelling of it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tollkeeper.wire.json_scan import Buffer

Rename = Callable[[Buffer], Buffer]
"""Changes the name of a model in a response, or in events of one. What it has changed, it does not change again."""

_EDGE = 4096
"""Bytes at the beginning and the end of a long response where servers write the model's name."""
_LONG = 262_144


def rename_model(old: str, new: str, text: Buffer) -> Buffer:
    """A response, or events of one, whose `model` is `new` where it is `old`; a bytearray is changed in place.

    Quotes in strings are escaped, so this name with bare quotes can only be a key."""
    was, now = msgspec.json.encode(old), msgspec.json.encode(new)
    if isinstance(text, bytearray) and len(text) > _LONG:
        for edge in (slice(len(text) - _EDGE, len(text)), slice(0, _EDGE)):
            text[edge] = _renamed(bytes(text[edge]), was, now)
        return text
    return _renamed(bytes(text), was, now)


def _renamed(text: bytes, was: bytes, now: bytes) -> bytes:
    for key in (b'"model":', b'"model": '):
        text = text.replace(key + was, key + now)
    return text
