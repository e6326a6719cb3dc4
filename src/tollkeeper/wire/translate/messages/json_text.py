"""JSON of texts and of the arguments of calls: a long one is made in slices, so that no step blocks the interpreter."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.json_slices import LARGE, joined, string_parts
from tollkeeper.wire.strict_json import check_text

_SLICE = 1 << 16
_NOTHING = (b"", b"null")
INVALID = '{"INVALID_JSON":"'
"""How arguments that are no object begin, as the value in one."""

encode = msgspec.json.Encoder().encode
_check = msgspec.json.Decoder(Raw).decode


def json_string(text: str) -> bytes:
    """A text as a JSON string."""
    parts = string_parts(text)
    return parts[0] if len(parts) == 1 else joined(parts)


def json_object(arguments: str) -> bytes:
    """The arguments of a call as a JSON object, exactly as the model wrote them where they are one.

    A call without arguments has an empty one. Models also write JSON that is broken, or no object; Anthropic's API
    takes objects only, and advises to show the model such a text as the value of `INVALID_JSON`, so that it can see its
    mistake ("Fine-grained tool streaming").
    """
    slices = (arguments[start : start + _SLICE] for start in range(0, len(arguments), _SLICE))
    text = joined(map(str.encode, slices)).strip()
    if text in _NOTHING:
        return b"{}"
    return text if is_object(text) else INVALID[:-1].encode() + json_string(arguments) + b"}"


def is_object(text: bytes) -> bool:
    """Whether a text without surrounding white space is a JSON object."""
    if not text.startswith(b"{"):
        return False
    try:
        check_text(text)  # of a long one, it checks all
        if len(text) <= LARGE:
            _check(text)
    except (BadRequest, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
