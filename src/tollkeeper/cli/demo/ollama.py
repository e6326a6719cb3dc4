"""Detection of an Ollama with the demo's models, which then serves the demo in place of stand-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpcore2
from msgspec import MsgspecError, Struct, json

from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.rules.names import resolve, spellings

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
    ValueError,  # an invalid address
)


class Tag(Struct):
    name: str


class Tags(Struct):
    models: list[Tag]


async def has_models(base_url: str, wanted: Collection[str]) -> bool:
    """Whether an Ollama at `base_url` responds within two seconds and has all `wanted` models."""
    try:
        async with httpcore2.AsyncConnectionPool() as pool:
            response = await pool.request("GET", f"{base_url}/api/tags", extensions={"timeout": TIMEOUT})
        tags = json.decode(response.content, type=Tags)
    except NOT_AN_OLLAMA:
        return False
    known = spellings((tag.name.lower(), OLLAMA) for tag in tags.models)
    return all(resolve(name, known, {}) for name in wanted)
