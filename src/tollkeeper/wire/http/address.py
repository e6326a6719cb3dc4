"""The address of an upstream, and the heads of requests to it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import SplitResult, unquote, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
UNSAFE = re.compile(r"[\x00-\x20\x7f\\?#]")
BEGUN_KEPT = 64
CONTENT_UNUSUAL = frozenset((b"GET", b"HEAD"))
"""Methods for which a request without content needs no Content-Length (RFC 9110, 8.6)."""


class Address:
    """The parsed base URL of an upstream. Its `repr` shows no credentials."""

    __slots__ = ("_begun", "_fixed", "_fixed_lines", "_origin", "_path", "_start", "host", "port", "secure")

    def __init__(
        self, base_url: str, headers: Iterable[tuple[bytes, bytes]] = (), *, through_proxy: bool = False
    ) -> None:
        """`base_url` may have a path, which is put before each target, but for a `/v1` at its end: targets begin with
        that, and providers write it as part of their address. It may have credentials, which are sent as basic
        authorization. `headers` are sent with every request; an `authorization` among them is sent instead of the
        credentials (and requests bring none of their own). `through_proxy`: requests go to a proxy, which is told the
        whole address (RFC 9112, 3.2.2).

        Raises ValueError for what is not the http(s) address of a server, and for a line break in `headers`.
        """
        try:
            url = urlsplit(base_url)
            port, path = url.port, url.path.encode("ascii")
            name = (url.hostname or "").encode("idna")  # no empty part, and none over 63 letters
        except ValueError:
            raise _no_address() from None
        if url.scheme not in DEFAULT_PORTS or not name or port == 0 or UNSAFE.search(base_url):
            raise _no_address()
        self.secure = url.scheme == "https"
        self.host = name.decode("ascii")
        self.port = port or DEFAULT_PORTS[url.scheme]
        self._begun: dict[tuple[bytes, bytes, tuple[tuple[bytes, bytes], ...]], bytes] = {}
        """Cache of heads without the length: nearly all requests have one of a few."""
        authority = _authority(self.host, url)
        self._origin = f"{url.scheme}://{authority}"
        self._path = path.rstrip(b"/").removesuffix(b"/v1").rstrip(b"/")
        self._start = self._origin.encode() + self._path if through_proxy else self._path
        fixed = [(b"host", authority.encode()), (b"accept-encoding", b"identity"), *headers]
        if url.username is not None and not any(header.lower() == b"authorization" for header, _ in fixed):
            fixed.insert(1, (b"authorization", _basic(url)))
        self._fixed = b" HTTP/1.1\r\n" + b"".join(b"%b: %b\r\n" % header for header in fixed)
        self._fixed_lines = 1 + len(fixed)
        if not self._fixed.count(b"\n") == self._fixed.count(b"\r") == self._fixed_lines:
            raise _line_break()

    def __repr__(self) -> str:
        return f"Address({self.url})"

    @property
    def url(self) -> str:
        """The base URL without credentials, and without a `/v1` or slash at its end."""
        return f"{self._origin}{self._path.decode()}"

    def head(self, method: bytes, target: bytes, headers: tuple[tuple[bytes, bytes], ...], length: int) -> bytes:
        """The head of a request with `length` bytes of content. Raises ValueError for a line break in any part, which
        could inject headers or another request."""
        place = (method, target, headers)
        begun = self._begun.get(place)
        if begun is None:
            begun = self._begin(method, target, headers)
            if len(self._begun) < BEGUN_KEPT:
                self._begun[place] = begun
        if length or method not in CONTENT_UNUSUAL:
            return b"%bcontent-length: %d\r\n\r\n" % (begun, length)
        return begun + b"\r\n"

    def _begin(self, method: bytes, target: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
        parts = [method, b" ", self._start, target, self._fixed]
        for name, value in headers:
            parts += (name, b": ", value, b"\r\n")
        begun = b"".join(parts)
        lines = self._fixed_lines + len(headers)
        if begun.count(b"\n") != lines or begun.count(b"\r") != lines:
            raise _line_break()
        return begun


def _line_break() -> ValueError:
    return ValueError("a line break in the head of a request")


def _no_address() -> ValueError:
    return ValueError("the address of an upstream looks like http://host:port or https://host/path")


def _authority(host: str, url: SplitResult) -> str:
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{url.port}" if url.port and url.port != DEFAULT_PORTS[url.scheme] else host


def _basic(url: SplitResult) -> bytes:
    pair = f"{unquote(url.username or '')}:{unquote(url.password or '')}"
    return b"Basic " + base64.b64encode(pair.encode())
