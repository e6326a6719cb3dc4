"""Checks of RFC 9112 beyond those of the parser: the request line, its target, the framing of the body.

httptools accepts more than HTTP/1.1: `HTTP/2.0` and `RTSP/1.0`, two spaces for one, `gzip, chunked` as if it were
`chunked`. Anything that a proxy on the way could interpret differently is refused here (request smuggling).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote

from tollkeeper.gateway.http.responses import Headers
from tollkeeper.rules.errors import BadRequest, GatewayError, RequestTooLarge

MAX_HEAD_BYTES = 65_536

_METHODS = {
    name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
}  # CONNECT is for proxies
_VERSIONS = {b"HTTP/1.1\r\n": "1.1", b"HTTP/1.0\r\n": "1.0"}
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110, 5.6.2
_LINE = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e]+) HTTP/([0-9])\.[0-9]\r\n")
_BEGINS_WITH_TOKEN = re.compile(_TOKEN)
_ABSOLUTE = re.compile(rb"https?://([^/?@]+)(/[^?]*)?(?:\?(.*))?", re.IGNORECASE)


class RequestLine(NamedTuple):
    """The first line of a request. `version` is "1.0" or "1.1"; a later HTTP/1 counts as "1.1" (RFC 9110, 2.5)."""

    method: str
    target: bytes
    version: str


class Target(NamedTuple):
    """The target of a request. `path` is decoded, `raw_path` as received; `authority` is the host of an absolute
    target, which replaces the Host header."""

    path: str
    raw_path: bytes
    query: bytes
    authority: bytes | None = None


def read_request_line(line: bytes) -> RequestLine:
    """Parse the first line of a request, including its line end. Raises BadRequest."""
    parts = line.split(b" ")
    if len(parts) == 3:
        method, version = _METHODS.get(parts[0]), _VERSIONS.get(parts[2])
        if method is not None and version is not None:
            return RequestLine(method, parts[1], version)
    return _read_unusual_line(line)


def _read_unusual_line(line: bytes) -> RequestLine:
    found = _LINE.fullmatch(line)
    if found is None:
        raise unreadable()
    name, target, major = found.groups()
    if major != b"1":
        raise BadRequest("Only HTTP/1.1 and HTTP/1.0 are supported. Send the request as HTTP/1.1.", status=505)
    if name == b"CONNECT":
        raise BadRequest("This server is not a proxy. Send requests for its own paths.")
    method = _METHODS.get(name)
    if method is None:
        raise BadRequest(
            f"No path here takes the method {name[:32].decode()}. GET /docs shows what there is.", status=501
        )
    return RequestLine(method, target, "1.1")


def begins_like_a_request(data: bytes) -> bool:
    """Whether an incomplete first line may still become a request. A TLS handshake cannot."""
    return _BEGINS_WITH_TOKEN.match(data) is not None


def read_target(method: str, target: bytes) -> Target:
    """Parse the target of a request, in one of the forms that a server must support (RFC 9112, 3.2). A fragment, which
    clients should not send, is dropped. Raises BadRequest."""
    target = target.partition(b"#")[0]
    if target.startswith(b"/"):
        path, _, query = target.partition(b"?")
        return _target(path, query)
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is not None:
        authority, path, query = absolute.groups()
        return _target(path or b"/", query or b"", authority)
    if target == b"*" and method == "OPTIONS":
        return _target(target, b"")
    raise BadRequest("The target of the request is not a path. Send one that begins with '/'.")


def _target(path: bytes, query: bytes, authority: bytes | None = None) -> Target:
    return Target(unquote(path.decode("latin-1")), path, query, authority)


def check_codings(version: str, codings: Sequence[bytes]) -> None:
    """Check the values of the Transfer-Encoding headers of a request that has some. Raises BadRequest."""
    if version == "1.0":
        raise BadRequest("HTTP/1.0 has no Transfer-Encoding. Send the body with a Content-Length, or use HTTP/1.1.")
    if len(codings) != 1 or codings[0].lower() != b"chunked":
        raise BadRequest(
            "The only supported Transfer-Encoding is 'chunked', given once. Declare compression in Content-Encoding.",
            status=501,
        )


def with_host(headers: Headers, authority: bytes) -> Headers:
    """Replace the Host header by the authority of an absolute target (RFC 9112, 3.2.2). More than one Host is left as
    it is, and refused later."""
    others = [header for header in headers if header[0] != b"host"]
    return headers if len(headers) - len(others) > 1 else [*others, (b"host", authority)]


def options(value: bytes) -> list[bytes]:
    """Split a comma-separated header value, in lower case."""
    return [option.strip(b" \t") for option in value.lower().split(b",")]


def unreadable() -> GatewayError:
    return BadRequest("This is not an HTTP/1.1 request that can be read. Check the client or the proxy.")


def unreadable_body() -> GatewayError:
    return BadRequest("The chunks of the body cannot be read. Check the client or the proxy.")


def framing_too_large() -> GatewayError:
    return BadRequest("The body has more framing than content. Send larger chunks, no trailers.")


def head_too_large() -> GatewayError:
    return RequestTooLarge(
        f"The head of the request is over {MAX_HEAD_BYTES} bytes. Send fewer or shorter headers.", status=431
    )
