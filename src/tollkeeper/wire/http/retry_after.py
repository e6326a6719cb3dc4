"""How long an upstream asks to wait: `retry-after` (RFC 9110, 10.2.3) and the finer `retry-after-ms`.

Other headers, such as `x-ratelimit-reset-tokens`, say when a limit is full again, which is later than when the next
request fits: they are not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

_NUMBER = re.compile(rb"[0-9]{1,12}(?:\.[0-9]{1,9})?")


def read_retry_after(headers: Mapping[bytes, bytes], now_ms: int) -> float | None:
    """Seconds to wait, by the headers of a response (names in lower case); 0 for a time that has passed, None where
    they say nothing that can be read. `now_ms`: the time, in milliseconds since the epoch."""
    precise = headers.get(b"retry-after-ms", b"").strip()
    if _NUMBER.fullmatch(precise):
        return float(precise) / 1000
    wait = headers.get(b"retry-after", b"").strip()
    if _NUMBER.fullmatch(wait):
        return float(wait)
    until = _read_date(wait)
    if until is None:
        return None
    # A date of the upstream's is measured by its own clock, where it shows that.
    there = _read_date(headers.get(b"date", b""))
    return max(0.0, until - (now_ms / 1000 if there is None else there))


def _read_date(text: bytes) -> float | None:
    """Seconds since the epoch at an HTTP date; None where it is none."""
    try:
        read = parsedate_to_datetime(text.decode("ascii"))
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):  # UnicodeDecodeError is one
        return None
