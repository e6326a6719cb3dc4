"""Responses of server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.types import Receive, Scope, Send

from tollkeeper.control.http.schemas import exact_json

_HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}  # nginx would otherwise buffer events
_REF = "#/components/schemas/{model}"


class EventStream(StreamingResponse):
    """A response of events. `close` is called when it ends, for whatever reason."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], close: Callable[[], None]) -> None:
        super().__init__(events, headers=_HEADERS)
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._close()


def no_stream() -> EventStream:
    """The response to a HEAD request."""
    return EventStream(_no_events(), lambda: None)


def event(name: str, number: int, body: BaseModel) -> bytes:
    """One event. Decimals are JSON numbers, digit for digit."""
    return b"event: %b\nid: %d\ndata: %b\n\n" % (name.encode(), number, exact_json(body))


def events_of(description: str, *bodies: type[BaseModel]) -> dict[str, Any]:
    """A response of events with these bodies, in the OpenAPI document; `add_events` adds their schemas."""
    schemas = [{"$ref": _REF.format(model=body.__name__)} for body in bodies]
    content = {"schema": schemas[0] if len(schemas) == 1 else {"oneOf": schemas}}
    return {"description": description, "content": {"text/event-stream": content}}


def add_events(document: dict[str, Any], *bodies: type[BaseModel]) -> None:
    """Add the schemas of events to the OpenAPI document."""
    _, schemas = models_json_schema([(body, "serialization") for body in bodies], ref_template=_REF)
    document["components"]["schemas"].update(schemas["$defs"])


async def _no_events() -> AsyncIterator[bytes]:
    events: tuple[bytes, ...] = ()
    for each in events:
        yield each
