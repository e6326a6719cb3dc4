"""Commands that change which models an upstream has, or has in memory, for each API that has them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from tollkeeper.rules.errors import UpstreamFailure
from tollkeeper.rules.kinds import ManagedBy
from tollkeeper.services.upstreams.ports import Client, Response
from tollkeeper.wire.error_text import NO_REASON, UNREADABLE, error_text

_JSON = ((b"content-type", b"application/json"),)
_MAX_BYTES = 1_000_000
_MAX_LINE = 1_000_000
"""Bytes of the longest line of progress, or of the longest answer."""


class PullLine(Struct, frozen=True):
    """What an upstream tells of a pull. `status`: what it does; `digest`, `total`, `completed`: of the layer that
    arrives, in bytes; `error`: why it gave up; empty, or 0: it does not say."""

    status: str = ""
    digest: str = ""
    total: int = 0
    completed: int = 0
    error: str = ""

    @property
    def is_end(self) -> bool:
        """Whether the model is there, complete."""
        return self.status == "success"


class Commands(Struct, frozen=True):
    """The commands of one API. Models are named as the upstream spells them. They raise UpstreamFailure, with what the
    upstream says as its `detail`, UpstreamUnavailable and UpstreamTimeout.

    `load` brings a model into memory for so many seconds, and returns when it is there; 0 takes it out. `copy` gives a
    model a second name. `pull` gets it from a registry, in plain http too where `insecure`: its lines as they come."""

    load: Callable[[Client, str, int], Awaitable[None]]
    copy: Callable[[Client, str, str], Awaitable[None]]
    delete: Callable[[Client, str], Awaitable[None]]
    pull: Callable[[Client, str, bool], AsyncGenerator[PullLine, None]]


class CommandRefused(UpstreamFailure):
    """An answer that is none of success. `detail` is what the upstream says."""


class _Failed(Struct):
    error: Raw = Raw(b"")


class _Line(Struct):
    status: Any = None
    digest: Any = None
    total: Any = None
    completed: Any = None
    error: Raw = Raw(b"")


async def _send(client: Client, method: bytes, path: bytes, body: object) -> Response:
    """The response, its head received. Raises CommandRefused for any other status than 200."""
    lease = await client.acquire()
    response = await lease.send(method, path, _JSON, msgspec.json.encode(body))
    if response.status != 200:
        try:
            content = bytes(await response.read_all(_MAX_BYTES))
        finally:
            response.abort()
        raise CommandRefused(f"it answered {response.status} to {path.decode()}", detail=_reason(content))
    return response


async def _command(client: Client, method: bytes, path: bytes, body: object) -> None:
    response = await _send(client, method, path, body)
    try:
        await response.read_all(_MAX_BYTES)
    finally:
        response.abort()


def _reason(content: bytes) -> str:
    try:
        return error_text(msgspec.json.decode(content, type=_Failed).error)
    except UNREADABLE:
        return NO_REASON


async def _load(client: Client, model: str, seconds: int) -> None:
    body = {"model": model, "keep_alive": seconds, "stream": False}
    try:
        await _command(client, b"POST", b"/api/generate", body)
    except CommandRefused as error:
        if "does not support generate" not in str(error.detail):
            raise
        # It makes embeddings only.
        await _command(client, b"POST", b"/api/embed", {"model": model, "keep_alive": seconds, "input": ""})


async def _copy(client: Client, source: str, name: str) -> None:
    await _command(client, b"POST", b"/api/copy", {"source": source, "destination": name})


async def _delete(client: Client, model: str) -> None:
    await _command(client, b"DELETE", b"/api/delete", {"model": model})


async def _pull(client: Client, model: str, insecure: bool) -> AsyncGenerator[PullLine, None]:
    body = {"model": model, "insecure": insecure, "stream": True}
    try:
        response = await _send(client, b"POST", b"/api/pull", body)
    except CommandRefused as error:
        yield PullLine(error=f"{error.detail} ({error.message})")
        return
    try:
        pending = b""
        while data := await response.read():
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                if line.strip():
                    yield _read_line(line)
            if len(pending) > _MAX_LINE:
                raise UpstreamFailure("a line of its progress is too long")
        if pending.strip():
            yield _read_line(pending)
    finally:
        response.abort()


def _read_line(line: bytes) -> PullLine:
    try:
        read = msgspec.json.decode(line, type=_Line)
    except UNREADABLE:
        raise UpstreamFailure("what it tells of a pull is not JSON of its API") from None
    return PullLine(
        _text(read.status),
        _text(read.digest),
        _bytes(read.total),
        _bytes(read.completed),
        error_text(read.error) if read.error else "",
    )


def _text(value: object) -> str:
    return value[:300] if isinstance(value, str) else ""


def _bytes(value: object) -> int:
    return value if type(value) is int and 0 <= value < 2**53 else 0


COMMANDS: Mapping[ManagedBy, Commands] = {"/api/pull": Commands(_load, _copy, _delete, _pull)}
"""The commands of upstreams whose models are ours to change, by the path that stands for them."""
