"""The built pages, read into memory once.

`vite build` writes `index.html`, a few files beside it, and `assets/`, where each name holds a hash of the content.
Beside a text of some size stand its compressed copies, `NAME.br` and `NAME.gz` (web/plugins/compressed.ts).
"""

from __future__ import annotations

from collections.abc import Mapping
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
_CODINGS = {".br": "br", ".gz": "gzip"}
"""Content codings by the suffix of the copy, the smallest first."""


class File(Struct, frozen=True):
    """A built file. `coded` are its compressed copies, by content coding, the smallest first."""

    content: bytes
    coded: Mapping[str, bytes]
    media_type: str

    def __repr__(self) -> str:
        return f"File({self.media_type}, {len(self.content)} bytes)"


def read_files(root: Path) -> dict[str, File]:
    """All files below `root` by their path there, with slashes. Empty where nothing was built."""
    found = (path for path in root.rglob("*") if path.is_file() and path.suffix not in _CODINGS)
    return {path.relative_to(root).as_posix(): _read(path) for path in found}


def _read(path: Path) -> File:
    copies = {coding: path.with_name(path.name + suffix) for suffix, coding in _CODINGS.items()}
    coded = {coding: copy.read_bytes() for coding, copy in copies.items() if copy.is_file()}
    return File(path.read_bytes(), coded, _MEDIA_TYPES.get(path.suffix, "application/octet-stream"))
