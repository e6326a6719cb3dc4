"""The last head of a connection, known again where the next request begins with it.

A client says the same with each request, but for the length of its body. To parse the head of seven short headers
takes 45,000 instructions, to see that it is the same 7,000, and to keep it 10,000.
"""

from __future__ import annotations

from hmac import compare_digest

from tollkeeper.gateway.http.responses import Headers

MAX_KEPT_HEAD = 1024
"""The longest head, in bytes, that a connection keeps: those of ten thousand connections must fit into the memory."""
CONTENT_LENGTH = b"content-length"
_LINE = b"\r\n" + CONTENT_LENGTH + b": "
MAX_MISSES = 4
"""Heads that are kept though the one before never came again; a client that changes its head each time keeps none."""
_CR = 13
_MAX_DIGITS = 15
"""Digits that every parser reads alike: RFC 9112, 6.3, leaves open what is done with a length that overflows."""


class KnownHead:
    """A valid head with a Content-Length. The digits of that may be others the next time, and nothing else."""

    __slots__ = ("_before", "_by_name", "_bytes", "_headers", "_place")

    def __init__(self, around: bytes, before: int, headers: Headers, by_name: dict[bytes, bytes]) -> None:
        """`around` are the bytes around the digits, of which `before` are before them."""
        self._bytes = around
        self._before = before
        self._headers = headers
        self._by_name = by_name
        self._place = headers.index((CONTENT_LENGTH, by_name[CONTENT_LENGTH]))

    def __repr__(self) -> str:
        return f"KnownHead({len(self._bytes)} bytes, {len(self._headers)} headers)"

    def read(self, data: bytes, start: int) -> tuple[Headers, dict[bytes, bytes], int] | None:
        """The headers in their order, those by name, and the offset behind the head, where `data` has this head from
        `start` on; else None."""
        known, before = self._bytes, self._before
        begin = start + before
        end = data.find(b"\r", begin, begin + _MAX_DIGITS + 1)
        digits = data[begin:end]
        if not digits.isdigit():
            return None
        behind = end + len(known) - before
        # It holds a key, and other clients may come by the same proxy: how much of it is right must not show.
        if not compare_digest(data[start:begin] + data[end:behind], known):
            return None
        headers, by_name = self._headers.copy(), self._by_name.copy()
        headers[self._place] = CONTENT_LENGTH, digits
        by_name[CONTENT_LENGTH] = digits
        return headers, by_name, behind


def known_head(head: bytes, headers: Headers, by_name: dict[bytes, bytes]) -> KnownHead | None:
    """The head to be known again, from its bytes and its headers; None where it is long, or its Content-Length none or
    written in an odd way."""
    if len(head) > MAX_KEPT_HEAD:
        return None
    begin = head.lower().find(_LINE) + len(_LINE)
    digits = by_name.get(CONTENT_LENGTH)
    if begin < len(_LINE) or digits is None or len(digits) > _MAX_DIGITS:
        return None
    end = begin + len(digits)
    if head[begin:end] != digits or head[end] != _CR:
        return None
    return KnownHead(head[:begin] + head[end:], begin, headers, by_name)
