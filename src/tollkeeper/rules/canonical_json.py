"""Canonical JSON, as RFC 8785 has it: the same bytes for the same value, so that they can be hashed.

Only what the documents of this product are made of: objects, arrays, strings, integers, booleans and null. RFC 8785
takes numbers for IEEE doubles, so an integer beyond 2⁵³ is written as the double next to it.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

_EXACT = 2**53 - 1
_encode = msgspec.json.Encoder().encode


def canonical_json(value: object) -> bytes:
    """The canonical form in UTF-8. Raises TypeError for a type that is not one of the above, UnicodeEncodeError for
    half a surrogate pair."""
    return _encode(_canonical(value))


def _canonical(value: object) -> object:
    match value:
        case bool() | str() | None:
            return value
        case int():
            return value if -_EXACT <= value <= _EXACT else int(Decimal(repr(float(value))))
        case dict():
            return {name: _canonical(value[name]) for name in sorted(value, key=_utf16)}
        case list() | tuple():
            return [_canonical(each) for each in value]
        case _:
            raise TypeError(f"{type(value).__name__} has no canonical form here")


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be")
