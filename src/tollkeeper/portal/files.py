"""The built pages, read into memory once.

`vite build` writes `index.html`, a few files beside it, and `assets/`, where each name holds a hash of the content.
"""

from __future__ import annotations

import gzip
from pathlib import Path

from msgspec import Struct

INDEX = "index.html"
HASHED = "assets/"
_MEDIA_TYPES = {  # not from `mimetypes`, which depends on the tables of the machine
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
_MIN_GZIPPED = 1024
"""Bytes; a smaller response is one packet either way."""


class File(Struct, frozen=True):
    """A built file. `gzipped` is `content` in gzip, None where that gains nothing."""

    content: bytes
    gzipped: bytes | None
    media_type: str

    def __repr__(self) -> str:
        return f"File({self.media_type}, {len(self.content)} bytes)"


def read_files(root: Path) -> dict[str, File]:
    """All files below `root` by their path there, with slashes. Empty where nothing was built."""
    return {path.relative_to(root).as_posix(): _read(path) for path in root.rglob("*") if path.is_file()}


def _read(path: Path) -> File:
    content = path.read_bytes()
    media_type = _MEDIA_TYPES.get(path.suffix, "application/octet-stream")
    compresses = media_type.endswith("utf-8") and path.name != INDEX  # which has another nonce each time
    gzipped = gzip.compress(content, mtime=0) if compresses and len(content) >= _MIN_GZIPPED else None
    return File(content, gzipped, media_type)
