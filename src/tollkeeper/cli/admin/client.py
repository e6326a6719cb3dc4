"""The client of the admin API. Whatever goes wrong is one line, which never has the key in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from http import HTTPStatus
from typing import Any, TypeVar

import httpcore2
import typer
from msgspec import MsgspecError, Struct, json

from tollkeeper.cli.failure import Failure
from tollkeeper.cli.terminal import printable
from tollkeeper.wire.http.address import Address

T = TypeVar("T")
Object = dict[str, Any]

TIMEOUT = {"connect": 10.0, "pool": 10.0, "read": 60.0, "write": 60.0}
"""Seconds. A check of an upstream is the longest that a gateway takes to answer."""
_NO_CONNECTION = (httpcore2.ConnectError, httpcore2.ConnectTimeout)
_NO_ANSWER = (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, OSError)
_NUMBER = re.compile(r"^\[[^]]*\] ")
"""What precedes the text of an error of the system: `[Errno 111] `."""


class ConnectionFailure(Failure):
    """A gateway that cannot be reached, or whose answer broke off."""


class _Detail(Struct):
    message: str
    param: str | None = None


class _Error(Struct):
    error: _Detail


class AdminClient:
    """Asks the gateway at an address, as the admin of a key."""

    def __init__(self, url: str, key: str, *, patience: float | None = None) -> None:
        """`patience`: seconds that an answer may take. Raises BadParameter for what is no address, and for what cannot
        be a key."""
        self._timeout = TIMEOUT if patience is None else TIMEOUT | {"read": patience}
        try:
            self.url = Address(url).url
        except ValueError:
            raise typer.BadParameter(
                "must be an address such as http://host:port or https://host/path", param_hint="--url"
            ) from None
        self._key = key.strip()
        if not (self._key and self._key.isascii() and self._key.isprintable()):
            raise typer.BadParameter("a key consists of printable ASCII characters", param_hint="--key")

    def __repr__(self) -> str:
        return f"AdminClient({self.url})"

    def get(self, path: str, shape: type[T]) -> T:
        return self._ask("GET", path, None, shape)

    def post(self, path: str, body: object, shape: type[T]) -> T:
        return self._ask("POST", path, body, shape)

    def put(self, path: str, body: object, shape: type[T]) -> T:
        return self._ask("PUT", path, body, shape)

    def patch(self, path: str, body: object, shape: type[T]) -> T:
        return self._ask("PATCH", path, body, shape)

    def delete(self, path: str, shape: type[T]) -> T:
        return self._ask("DELETE", path, None, shape)

    def events(self, path: str, shape: type[T]) -> Iterator[T]:
        """The data of a stream of server-sent events, as they come. Raises Failure, ConnectionFailure."""
        read = json.Decoder(shape, float_hook=Decimal).decode
        with self._reaching():
            stream = httpcore2.stream("GET", self.url + path, headers=self._headers(), extensions={"timeout": TIMEOUT})
            with stream as answer:
                if answer.status >= 300:
                    raise self._refused(answer.status, answer.read())
                pending = b""
                for data in answer.iter_stream():
                    *events, pending = (pending + data).split(b"\n\n")
                    for event in events:
                        found = [line[6:] for line in event.split(b"\n") if line.startswith(b"data: ")]
                        if found:
                            yield self._read(read, found[0], answer.status)

    def content(self, path: str) -> Iterator[bytes]:
        """What a path answers, piece by piece, as it is. Raises Failure, ConnectionFailure."""
        with self._reaching():
            stream = httpcore2.stream(
                "GET", self.url + path, headers=self._headers(), extensions={"timeout": self._timeout}
            )
            with stream as answer:
                if answer.status >= 300:
                    raise self._refused(answer.status, answer.read())
                yield from answer.iter_stream()

    def _ask(self, method: str, path: str, body: object, shape: type[T]) -> T:
        """The body of the answer; its numbers with a fraction are decimals, digit for digit. Raises Failure."""
        headers = self._headers()
        content = None
        if body is not None:
            headers.append(("content-type", "application/json"))
            content = json.encode(body)
        with self._reaching():
            answer = httpcore2.request(
                method, self.url + path, headers=headers, content=content, extensions={"timeout": self._timeout}
            )
        if answer.status >= 300:
            raise self._refused(answer.status, answer.content)
        return self._read(json.Decoder(shape, float_hook=Decimal).decode, answer.content, answer.status)

    def _headers(self) -> list[tuple[str, str]]:
        return [("authorization", f"Bearer {self._key}")]

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except _NO_CONNECTION as error:
            raise ConnectionFailure(f"cannot connect to {self.url}: {_reason(error)}") from None
        except _NO_ANSWER as error:
            raise ConnectionFailure(f"no answer from {self.url}: {_reason(error)}") from None

    def _read(self, read: Callable[[bytes], T], content: bytes, status: int) -> T:
        try:
            return read(content)
        except MsgspecError:
            raise self._no_gateway(status) from None

    def _refused(self, status: int, content: bytes) -> Failure:
        try:
            detail = json.decode(content, type=_Error).error
        except MsgspecError:
            return self._no_gateway(status)
        if status == HTTPStatus.UNAUTHORIZED:  # whose message begins with what was sent
            return Failure(f"the gateway at {self.url} does not know this key: check TOLLKEEPER_API_KEY or --key")
        return Failure(self._told(detail))

    def _no_gateway(self, status: int) -> Failure:
        return Failure(f"what answers at {self.url} ({status}) is no Tollkeeper gateway")

    def _told(self, detail: _Detail) -> str:
        message = detail.message
        if detail.param and detail.param not in message:
            message = f"{detail.param}: {message}"
        return printable(message.replace(self._key, "…"))


def _reason(error: Exception) -> str:
    return printable(_NUMBER.sub("", str(error))) or "timed out"
