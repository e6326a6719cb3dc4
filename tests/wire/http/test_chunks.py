"""Chunks, told from everything else."""

from __future__ import annotations

import pytest

from tests.shapes import chunked
from tollkeeper.wire.http.chunks import LARGEST, SIZE_LINES, content_of

SIZES = [1, 2, 9, 10, 15, 16, 17, 255, 256, 257, LARGEST - 8]


@pytest.mark.parametrize("size", SIZES)
def test_the_content_of_a_chunk(size: int) -> None:
    content = b"x" * size
    chunk = chunked(content, end=False)
    assert content_of(chunk) == content
    assert chunk == SIZE_LINES[size] + content + b"\r\n"


@pytest.mark.parametrize("size", [0, *SIZES, LARGEST - 7, LARGEST, 5000])
def test_what_is_no_such_chunk_has_none(size: int) -> None:
    content = b"x" * size
    chunk = b"%x\r\n%b\r\n" % (size, content)
    others = [
        chunk[:-1], chunk[1:], chunk[:-2] + b"xx", chunk + b"0", chunk + b"x\r\n", chunk * 2, b"0" + chunk,
        b"%x;ext\r\n%b\r\n" % (size, content), b"%x\r\n%b\r\n" % (size + 1, content), content, b"", b"\r\n",
        b"\0" + content + b"\r\n", b"\0" + chunk, content + b"\r\n",
    ]  # fmt: skip
    for other in others + ([] if 0 < size < LARGEST - 7 else [chunk]):
        assert content_of(other) is None, other
