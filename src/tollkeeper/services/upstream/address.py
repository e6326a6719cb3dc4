"""Where an upstream is, and the head of each request to it."""

from __future__ import annotations

import base64
import re
from urllib.parse import SplitResult, unquote, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
UNSAFE = re.compile(r"[\x00-\x20\x7f\\?#]")
BEGUN_KEPT = 64
CONTENT_UNUSUAL = frozenset((b"GET", b"HEAD"))
"""Methods whose requests need not say that they have no content (RFC 9110, 8.6)."""


class Address:
    """A base URL, taken apart once. Its `repr` shows no credentials."""

    __slots__ = ("_begun", "_fixed", "_fixed_lines", "_origin", "_path", "host", "port", "secure")

    def __init__(self, base_url: str) -> None:
        """`base_url` may have a path, which is put before each target, and credentials, which are sent as basic
        authorization (then requests bring no `authorization` of their own).

        Raises ValueError for what is not the http(s) address of a server.
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
        self.host = url.hostname or ""
        self.port = port or DEFAULT_PORTS[url.scheme]
        self._begun: dict[tuple[bytes, bytes, tuple[tuple[bytes, bytes], ...]], bytes] = {}
        """Heads but for their length: nearly all requests have one of a few."""
        self._origin = f"{url.scheme}://{_authority(url)}"
        self._path = path.rstrip(b"/")
        self._fixed = b" HTTP/1.1\r\nhost: %b\r\n%baccept-encoding: identity\r\n" % (
            _authority(url).encode("idna" if not self.host.isascii() else "ascii"),
            _authorization(url),
        )
        self._fixed_lines = self._fixed.count(b"\n")

    def __repr__(self) -> str:
        return f"Address({self.url})"

    @property
    def url(self) -> str:
        """The base URL without credentials, and without a slash at its end."""
        return f"{self._origin}{self._path.decode()}"

    def head(self, method: bytes, target: bytes, headers: tuple[tuple[bytes, bytes], ...], length: int) -> bytes:
        """The head of a request with `length` bytes of content. Raises ValueError when a line break hides in a part:
        it would let that part write headers, or a request, of its own."""
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
        parts = [method, b" ", self._path, target, self._fixed]
        for name, value in headers:
            parts += (name, b": ", value, b"\r\n")
        begun = b"".join(parts)
        lines = self._fixed_lines + len(headers)
        if begun.count(b"\n") != lines or begun.count(b"\r") != lines:
            raise ValueError("a line break in the head of a request")
        return begun


def _no_address() -> ValueError:
    return ValueError("the address of an upstream looks like http://host:port or https://host/path")


def _authority(url: SplitResult) -> str:
    host = url.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{url.port}" if url.port and url.port != DEFAULT_PORTS[url.scheme] else host


def _authorization(url: SplitResult) -> bytes:
    if url.username is None:
        return b""
    pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return b"authorization: Basic %b\r\n" % base64.b64encode(pair.encode())
