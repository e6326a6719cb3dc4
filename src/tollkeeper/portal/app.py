"""The ASGI app of the web pages: built files, and for every other path the one page, whose script shows the rest.

The page's policy allows files of this origin, and style elements with the nonce of this one response: no inline
script, no other host. (Content Security Policy Level 3, W3C.)
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from tollkeeper.portal.files import HASHED, INDEX, File, read_files
from tollkeeper.wire.http.accept_encoding import best_coding

Message = MutableMapping[str, Any]
Headers = list[tuple[bytes, bytes]]

PREFIX = "/ui/"
_NONCE = b"__NONCE__"
"""What the build leaves in index.html for the nonce: `html.cspNonce` in web/vite.config.ts."""
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")
_PLAIN = (b"content-type", b"text/plain")
_SECURITY_HEADERS: Headers = [
    _NO_SNIFFING,
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]
_IMMUTABLE = b"public, max-age=31536000, immutable"
_REVALIDATE = b"no-cache"
_HTML = b"text/html; charset=utf-8"
_NOT_BUILT = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Tollkeeper</title>
<h1>The pages are not built</h1>
<p>This gateway runs from its sources, and its pages were not built. Everything else works: see
<a href="/docs">the API</a>.
<p>To build them, run <code>scripts/demo</code> or <code>scripts/test</code>, or install the package
(<code>uv pip install .</code>), which builds them too. Then start the gateway again.
</html>
"""


def assets() -> Path:
    """The folder of the built pages in this installation."""
    return Path(str(files("tollkeeper.portal").joinpath("assets")))


class Portal:
    """An ASGI app for everything under `/ui/`; `root` is the folder of the built pages."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[str, File] | None = None

    def __repr__(self) -> str:
        return f"Portal({str(self._root)!r})"

    async def __call__(
        self,
        scope: Message,
        _receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        status, headers, content = await self._respond(scope)
        headers.append((b"content-length", b"%d" % len(content)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})

    async def _respond(self, scope: Message) -> tuple[int, Headers, bytes]:
        if scope["method"] not in ("GET", "HEAD"):
            return 405, [_NO_SNIFFING, _PLAIN, (b"allow", b"GET, HEAD")], b"Pages are read with GET."
        if scope["path"] == PREFIX.rstrip("/"):
            query: bytes = scope.get("query_string", b"")
            return 307, [(b"location", PREFIX.encode() + (b"?" + query if query else b""))], b""
        if self._files is None:
            self._files = await asyncio.to_thread(read_files, self._root)
        index = self._files.get(INDEX)
        if index is None:
            policy = _policy("self")
            return 503, [*_SECURITY_HEADERS, (b"content-type", _HTML), (b"content-security-policy", policy)], _NOT_BUILT
        name = scope["path"].removeprefix(PREFIX)
        file = self._files.get(name)
        if file is None and name.startswith(HASHED):
            return 404, [_NO_SNIFFING, _PLAIN], b"There is no such file. Load the page again."
        return _page(index) if file is None or name == INDEX else _file(file, name, scope)


def _page(index: File) -> tuple[int, Headers, bytes]:
    nonce = secrets.token_urlsafe(16)
    headers = [
        *_SECURITY_HEADERS,
        (b"content-type", _HTML),
        (b"content-security-policy", _policy(f"nonce-{nonce}")),
        (b"cache-control", b"no-store"),
    ]
    return 200, headers, index.content.replace(_NONCE, nonce.encode())


def _policy(styles: str) -> bytes:
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' '{styles}'; img-src 'self' data: blob:; "
        "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ).encode()


def _file(file: File, name: str, scope: Message) -> tuple[int, Headers, bytes]:
    headers = [
        _NO_SNIFFING,
        (b"content-type", file.media_type.encode()),
        (b"cache-control", _IMMUTABLE if name.startswith(HASHED) else _REVALIDATE),
    ]
    if not file.coded:
        return 200, headers, file.content
    headers.append((b"vary", b"accept-encoding"))
    coding = best_coding(scope["headers"], tuple(file.coded))
    if coding is None:
        return 200, headers, file.content
    return 200, [*headers, (b"content-encoding", coding.encode())], file.coded[coding]
