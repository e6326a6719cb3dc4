"""Chunks of content in HTTP's chunked coding (RFC 9112, 7.1), as nearly all servers write that of an event: small, its
size in lower-case digits without leading zeros, and no extension."""

from __future__ import annotations

from collections.abc import Callable

ChunkPath = Callable[[bytes], bytes | None]
"""From the bytes of one chunk to those to pass on; None: its content is to be read."""
LARGEST = 2048
"""Bytes that no chunk here reaches, framing included."""
SIZE_LINES = tuple(b"%x\r\n" % size for size in range(LARGEST))
"""The line before content, by the number of its bytes."""
FIRST_LINES = [bytes(LARGEST)] * LARGEST
"""The line that a chunk begins with, by the number of its bytes, framing included. No chunk begins with the others."""
for _size in range(1, LARGEST - len(b"7ff\r\n\r\n")):
    FIRST_LINES[len(SIZE_LINES[_size]) + _size + len(b"\r\n")] = SIZE_LINES[_size]


def content_of(chunk: bytes) -> bytes | None:
    """The content of one whole chunk; None: the bytes, which begin where a chunk does, are none of those here."""
    if len(chunk) >= LARGEST:
        return None
    rest = chunk.removeprefix(FIRST_LINES[len(chunk)])
    content = rest.removesuffix(b"\r\n")
    return None if rest is chunk or content is rest else content
