"""Embeddings in the requested encoding: numbers, or base64 of little-endian float32.

OpenAI's client for Node requests base64 by default. An upstream that does not know `encoding_format` (Ollama 0.11)
responds with numbers anyway, which that client would silently read as zeros.
"""

from __future__ import annotations

import sys
from array import array
from base64 import b64encode

import msgspec

from tollkeeper.rules.errors import UpstreamUnavailable
from tollkeeper.wire.json_slices import large_items, large_members
from tollkeeper.wire.strict_json import Edit

_SLICE = 1 << 16
_numbers = msgspec.json.Decoder(list[float]).decode


def as_base64(body: bytes) -> bytes:
    """A whole response with each list of numbers replaced by base64; all else is unchanged. Its work is linear, in
    short steps. Raises UpstreamUnavailable where an embedding is not numbers."""
    edit = Edit(body)
    try:
        for name, start, _ in _members(body, 0):
            if name == "data" and body[start : start + 1] == b"[":
                _edit_items(edit, body, start)
    except (msgspec.DecodeError, OverflowError):
        raise UpstreamUnavailable("The upstream answered with embeddings that are no numbers.") from None
    return edit.result()


def _edit_items(edit: Edit, body: bytes, at: int) -> None:
    for item, _ in large_items(body, at):
        for name, start, end in _members(body, item) if body[item : item + 1] == b"{" else ():
            if name == "embedding" and body[start : start + 1] == b"[":
                edit.replace(start, end, b'"%b"' % b64encode(_floats(body, start, end)))


def _members(body: bytes, at: int) -> list[tuple[str, int, int]]:
    return [
        (msgspec.json.decode(body[span.key_start : span.key_end], type=str), span.start, span.end)
        for span in large_members(body, at)
    ]


def _floats(body: bytes, start: int, end: int) -> bytes:
    """The list at a position, as little-endian float32."""
    floats = array("f")
    at = start + 1
    while at < end - 1:
        stop = min(at + _SLICE, end - 1)
        if stop < end - 1:
            stop = body.rfind(b",", at, stop)
            if stop < 0:
                raise msgspec.DecodeError("a number of 64 kB")
        floats.extend(_numbers(b"[%b]" % body[at:stop]))
        at = stop + 1
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tobytes()
