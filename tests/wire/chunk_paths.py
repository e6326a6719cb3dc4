"""How tests send an event past a reader."""

from __future__ import annotations

from tests.shapes import chunked
from tollkeeper.wire.dialect import StreamReader
from tollkeeper.wire.http.chunks import content_of
from tollkeeper.wire.response_names import Rename


def passed_by_chunk(reader: StreamReader, event: bytes, rename: Rename | None = None) -> bytes | None:
    """What is passed on for an event that comes as a chunk; None: it must be read."""
    path = reader.chunk_path(rename)
    chunk = None if path is None else path(chunked(event, end=False))
    if chunk is None:
        return None
    content = content_of(chunk)
    assert content is not None, chunk
    return content
