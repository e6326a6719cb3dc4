"""The OpenAPI document, and the page that shows it: Swagger UI from its wheel, so that it works offline.

The page has no inline script or style: its policy allows files of our own only.
"""

from __future__ import annotations

import asyncio
import gzip
from importlib.resources import files

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from msgspec import Struct

from tollkeeper.rules.errors import NotFound
from tollkeeper.wire.http.accept_encoding import best_coding

_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; style-src 'self'; object-src 'none'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class _File(Struct, frozen=True):
    package: str
    path: str
    media_type: str


class _Document(Struct, frozen=True):
    plain: bytes
    packed: bytes


_OURS, _SWAGGER = "tollkeeper.control", "fastapi_swagger"
_PAGE = _File(_OURS, "pages/docs.html", "text/html")
_FILES = {
    "docs.js": _File(_OURS, "pages/docs.js", "text/javascript"),
    "swagger-ui.js": _File(_SWAGGER, "resources/swagger-ui-bundle.js", "text/javascript"),
    "swagger-ui.css": _File(_SWAGGER, "resources/swagger-ui.css", "text/css"),
    "icon.png": _File(_SWAGGER, "resources/favicon-32x32.png", "image/png"),
}

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def _document(request: Request) -> Response:
    state = request.app.state
    # Written and compressed once: anybody may ask for it, as often as they like.
    if not hasattr(state, "document"):
        state.document = await asyncio.to_thread(_write_document, request.app)
    document: _Document = state.document
    if best_coding(request.scope["headers"], ("gzip",)) is None:
        return Response(document.plain, media_type="application/json")
    # What is compressed here passes through `Compression` as it is.
    headers = {"content-encoding": "gzip", "vary": "accept-encoding"}
    return Response(document.packed, headers=headers, media_type="application/json")


@router.get("/docs")
async def _page() -> Response:
    return await _respond(_PAGE)


@router.get("/docs/{name}")
async def _file(name: str) -> Response:
    if name not in _FILES:
        raise NotFound(f"There is no documentation file {name[:64]!r}.")
    return await _respond(_FILES[name])


async def _respond(file: _File) -> Response:
    content = await asyncio.to_thread(_read, file)
    return Response(content, headers={**_HEADERS, "cache-control": "max-age=3600"}, media_type=file.media_type)


def _read(file: _File) -> bytes:
    return files(file.package).joinpath(file.path).read_bytes()


def _write_document(app: FastAPI) -> _Document:
    # Building the document takes a tenth of a second, once: not on the event loop.
    plain = msgspec.json.encode(app.openapi())
    return _Document(plain, gzip.compress(plain, mtime=0))
