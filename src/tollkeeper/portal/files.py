"""The built pages, read once.

`vite build` writes `index.html`, a few files beside it, and `assets/`, whose names hold a hash of what is in them.
"""

from __future__ import annotations

import gzip
from pathlib import Path

from msgspec import Struct

INDEX = "index.html"
HASHED = "assets/"
_KINDS = {  # here, not by `mimetypes`, which answers as the machine's own tables say
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
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
    kind = _KINDS.get(path.suffix, "application/octet-stream")
    packs = kind.endswith("utf-8") and path.name != INDEX  # which is a little different each time
    packed = gzip.compress(content, mtime=0) if packs and len(content) >= _WORTH_PACKING else None
    return File(content, packed, kind)
