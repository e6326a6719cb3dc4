"""Bounds of the upstream client, in seconds and bytes."""

from __future__ import annotations

from msgspec import Struct


class Timeouts(Struct, frozen=True):
    """Timeouts in seconds. `connect`: name look-up, connection and TLS together. `first_byte`: from the last byte of
    the request that could be written to the whole head of the response. `event`: the longest silence during a read."""

    connect: float = 5
    first_byte: float = 300
    event: float = 60


class ClientBounds(Struct, frozen=True):
    """Bounds of one response, in bytes. `head`: status line and headers, with those of interim responses; it also
    bounds trailers and chunk framing without content. `buffered`: unread content; beyond it reading from the upstream
    pauses (what one system call returned, 256 kB at most, comes on top)."""

    head: int = 65536
    buffered: int = 65536
