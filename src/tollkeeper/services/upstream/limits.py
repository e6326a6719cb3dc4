"""Every bound of the upstream client."""

from __future__ import annotations

from msgspec import Struct


class Timeouts(Struct, frozen=True):
    """Seconds. `connect`: name look-up, connection and TLS together. `first_byte`: from the last byte of the request
    that could be written to the whole head of the answer. `event`: the longest silence while someone reads."""

    connect: float = 5
    first_byte: float = 300
    event: float = 60


class Limits(Struct, frozen=True):
    """Bytes of one answer. `head`: status line and headers, interim answers included; it also bounds trailers and chunk
    framing that bring no content. `buffered`: content that may wait unread; beyond it the upstream is held back (what
    one system call brought, 256 kB at most, comes on top)."""

    head: int = 65536
    buffered: int = 65536
