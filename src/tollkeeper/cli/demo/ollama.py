"""Whether an Ollama answers that has the demo's models: then it is asked, and no stand-in is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpcore2
from msgspec import MsgspecError, Struct, json

from tollkeeper.rules.names import canonical

if TYPE_CHECKING:
    from collections.abc import Collection

SECONDS = 2
TIMEOUT = {"connect": SECONDS, "read": SECONDS, "write": SECONDS, "pool": SECONDS}
NOT_AN_OLLAMA = (
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    httpcore2.ProtocolError,
    OSError,
    MsgspecError,
    ValueError,  # an address that cannot be read
)


class Tag(Struct):
    name: str


class Tags(Struct):
    models: list[Tag]


async def has_models(base_url: str, wanted: Collection[str]) -> bool:
    """Whether the Ollama at `base_url` answers within a few seconds and has all of `wanted`."""
    try:
        async with httpcore2.AsyncConnectionPool() as pool:
            answer = await pool.request("GET", f"{base_url}/api/tags", extensions={"timeout": TIMEOUT})
        tags = json.decode(answer.content, type=Tags)
    except NOT_AN_OLLAMA:
        return False
    known = {tag.name.lower() for tag in tags.models}
    return all(canonical(name, known, {}) is not None for name in wanted)
