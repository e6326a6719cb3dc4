"""Values of fields in a chat request: None where a field is missing or null, a BadRequest where it has another type."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.strict_json import Members, begins, read_string

_NULL = Raw(b"null")
_MAX_SCALAR = 1024
_DIGITS = b"-0123456789"


def path(where: str, name: str) -> str:
    """The path of a field, as errors name it."""
    return f"{where}.{name}" if where else name


def wrong(where: str, must_be: str) -> BadRequest:
    """The error for a field of another type or value."""
    return BadRequest(f"'{where}' must be {must_be}.", param=where)


def given(members: Members, name: str) -> Raw | None:
    """The value of a field as JSON."""
    raw = members.get(name)
    return None if raw is None or raw == _NULL else raw


def string(members: Members, name: str, where: str = "") -> str | None:
    """The value of a field that is a string."""
    raw = given(members, name)
    if raw is None:
        return None
    text = read_string(raw)
    if text is None:
        raise wrong(path(where, name), "a string")
    return text


def required(members: Members, name: str, where: str = "") -> str:
    """The value of a field that is a string, and may not be missing."""
    text = string(members, name, where)
    if text is None:
        raise wrong(path(where, name), "a string")
    return text


def boolean(members: Members, name: str, where: str = "") -> bool | None:
    """The value of a field that is true or false."""
    raw = given(members, name)
    if raw is None:
        return None
    value = bytes(raw) if len(raw) <= _MAX_SCALAR else b""
    if value not in (b"true", b"false"):
        raise wrong(path(where, name), "true or false")
    return value == b"true"


def number(members: Members, name: str, where: str = "") -> Raw | None:
    """The value of a field that is a number, as it was written."""
    raw = given(members, name)
    if raw is None:
        return None
    if len(raw) > _MAX_SCALAR or bytes(memoryview(raw)[:1]) not in _DIGITS:
        raise wrong(path(where, name), "a number")
    return Raw(bytes(raw))


def integer(members: Members, name: str, where: str = "") -> int | None:
    """The value of a field that is an integer."""
    raw = number(members, name, where)
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=int)
    except msgspec.DecodeError:
        raise wrong(path(where, name), "an integer") from None


def is_object(raw: Raw) -> bool:
    """Whether a value is a JSON object."""
    return begins(raw, b"{")


def is_array(raw: Raw) -> bool:
    """Whether a value is a JSON array."""
    return begins(raw, b"[")
