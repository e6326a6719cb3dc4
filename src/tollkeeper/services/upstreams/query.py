"""The gateway's own requests to an upstream: for the models it has, and for facts about them."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from tollkeeper.rules.errors import UpstreamFailure
from tollkeeper.services.upstreams.ports import Client

_MAX_BYTES = 4_000_000
_JSON = ((b"content-type", b"application/json"),)
T = TypeVar("T")


async def query(client: Client, method: bytes, path: bytes, body: object, shape: type[T]) -> T:
    """The JSON of an upstream's response, read as a `shape`; `body` None sends none. Raises UpstreamFailure for any
    other response, UpstreamUnavailable, UpstreamTimeout."""
    lease = await client.acquire()
    text = b"" if body is None else msgspec.json.encode(body)
    response = await lease.send(method, path, _JSON if text else (), text)
    try:
        content = await response.read_all(_MAX_BYTES)
        if response.status != 200:
            raise UpstreamFailure(f"it answered {response.status} to {path.decode()}")
        return msgspec.json.decode(content, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UpstreamFailure(f"what it answered to {path.decode()} is not JSON of its API") from None
    finally:
        response.abort()
