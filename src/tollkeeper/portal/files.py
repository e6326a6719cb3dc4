"""The built pages, read once.

`vite build` writes `index.html`, a few files beside it, and `assets/`, whose names hold a hash of what is in them.
"""

from __future__ import annotations

import gzip
import mimetypes
from pathlib import Path

from msgspec import Struct

INDEX = "index.html"
HASHED = "assets/"
_TEXT = frozenset({".html", ".js", ".css", ".svg", ".json", ".map", ".txt"})
_WORTH_PACKING = 1024
"""Bytes; below this an answer is one packet either way."""


class File(Struct, frozen=True):
    """`packed` is `content` in gzip, None where that gains nothing."""

    content: bytes
    packed: bytes | None
    media_type: str

    def __repr__(self) -> str:
        return f"File({self.media_type}, {len(self.content)} bytes)"


def read_files(root: Path) -> dict[str, File]:
    """All files below `root` by their path there, with slashes. Empty where nothing was built."""
    return {path.relative_to(root).as_posix(): _read(path) for path in root.rglob("*") if path.is_file()}


def _read(path: Path) -> File:
    content = path.read_bytes()
    text = path.suffix in _TEXT and path.name != INDEX  # which is a little different each time
    packed = gzip.compress(content, mtime=0) if text and len(content) >= _WORTH_PACKING else None
    kind = mimetypes.types_map.get(path.suffix, "application/octet-stream")
    return File(content, packed, f"{kind}; charset=utf-8" if path.suffix in _TEXT else kind)
