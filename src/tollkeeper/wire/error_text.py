"""The message in the value of `error`, which is an object with a `message`, or the message itself, in every dialect.
Such an object may have a code as well."""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw, Struct

NO_REASON = "it gave no reason"
# Invalid UTF-8 is noticed where a text is decoded; where it stays raw it is passed on.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MAX_REASON = 2000


class _Error(Struct):
    message: Raw = Raw(b"")
    code: Raw = Raw(b"")
    type: Raw = Raw(b"")


class _Body(Struct):
    error: _Error


_CODE = re.compile(r"[a-z0-9_.-]{1,64}")
_read_body = msgspec.json.Decoder(_Body).decode
_read_error = msgspec.json.Decoder(_Error).decode


def error_text(raw: Raw) -> str:
    """The message in the value of `error`; a plain phrase where there is none."""
    try:
        if bytes(memoryview(raw)[:1]) == b"{":
            raw = _read_error(raw).message
        text = msgspec.json.decode(raw, type=str)
    except UNREADABLE:
        return NO_REASON
    return text[:_MAX_REASON] if text.strip() else NO_REASON


def error_code(body: bytes) -> str | None:
    """The `code` of an error in the body of an upstream, or else its `type`, where it is one word that cannot be text:
    it is kept, and what was written by people must not be. None where there is none."""
    try:
        error = _read_body(body).error
    except UNREADABLE:
        return None
    return _code(error.code) or _code(error.type)


def _code(raw: Raw) -> str | None:
    try:
        text = msgspec.json.decode(raw, type=str)
    except UNREADABLE:
        return None
    return text if _CODE.fullmatch(text) else None
