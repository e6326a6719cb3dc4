"""An upstream of a kind, with one model, which plays a script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from tests.agents.apis import CHAT, MESSAGES, RESPONSES, Api
from tests.agents.script import Script
from tests.scripted import Conn, Request, ScriptedUpstream, json_response, streamed

MODEL = "scripted:latest"


class Kind(NamedTuple):
    """A kind of upstream: its path below its address, and what it speaks."""

    name: str
    path: str
    apis: tuple[Api, ...]


OLLAMA = Kind("ollama", "", (CHAT,))
OPENAI = Kind("openai", "/v1", (CHAT, RESPONSES))
ANTHROPIC = Kind("anthropic", "", (MESSAGES,))
KINDS = (OLLAMA, OPENAI, ANTHROPIC)


@asynccontextmanager
async def scripted_model(kind: Kind, script: Script) -> AsyncIterator[ScriptedUpstream]:
    """Ollama's own paths are those of the scripted upstream; the list of models is there for the others. What the model
    was not asked for in the right way makes the context fail."""
    async with ScriptedUpstream({MODEL: ("completion", "tools")}) as upstream:
        upstream.route("GET /v1/models", json_response({"object": "list", "data": [{"id": MODEL, "object": "model"}]}))
        for api in kind.apis:
            upstream.route(f"POST {api.path}", _playing(api, script))
        yield upstream


def _playing(api: Api, script: Script) -> Callable[[Conn, Request], Awaitable[None]]:
    async def play(conn: Conn, request: Request) -> None:
        asked = api.read(request.json)
        try:
            turn = script.play(asked)
        except AssertionError as error:
            # Which agents do not try again; the context fails for it.
            await conn.send(json_response({"error": {"type": "invalid_request_error", "message": str(error)}}, 400))
            raise
        if asked.stream:
            await conn.send(streamed(*api.events(turn, asked.model)))
        else:
            await conn.send(json_response(api.whole(turn, asked.model)))

    return play
