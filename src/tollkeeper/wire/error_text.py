"""The message in the value of `error`, which is an object with a `message`, or the message itself, in every dialect."""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

NO_REASON = "it gave no reason"
# Invalid UTF-8 is noticed where a text is decoded; where it stays raw it is passed on.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MAX_REASON = 2000


class _Error(Struct):
    message: Raw = Raw(b"")


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
