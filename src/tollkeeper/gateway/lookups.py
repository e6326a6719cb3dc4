"""What the gateway tells by itself, without asking a model: handlers for each kind of `wire.dialect.Lookup`, and for
requests that ask for nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any

from msgspec import Struct

from tollkeeper.gateway.context import GatewayContext
from tollkeeper.gateway.description import Describe
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.gateway.http.responses import JSON
from tollkeeper.gateway.identity import authenticate
from tollkeeper.gateway.listing import list_models, show_model
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.wire.dialect import Description, Greeting, Listing, Lookup, ServerVersion
from tollkeeper.wire.request import ModelRequest


class LookupRow(Struct, frozen=True):
    """A path of a lookup. `of_one`: it ends with `{id}`, which the handler takes as `name`. `behind_key`: it is there
    only where a key stands in front of it."""

    method: str
    path: str
    handler: Callable[..., Awaitable[None]]
    of_one: bool = False
    behind_key: bool = False


def rows_of(lookup: Lookup) -> Iterator[LookupRow]:
    """Return the paths of a lookup."""
    return _ROWS[type(lookup)](lookup)


def _of_listing(listing: Listing) -> Iterator[LookupRow]:
    yield LookupRow("GET", listing.path, partial(list_models, listing=listing))
    if listing.body_of_one is not None:
        show = partial(show_model, body_of_one=listing.body_of_one)
        yield LookupRow("GET", listing.path + "/{id}", show, of_one=True)


def _of_description(description: Description) -> Iterator[LookupRow]:
    yield LookupRow("POST", description.path, Describe(description))


def _of_version(version: ServerVersion) -> Iterator[LookupRow]:
    yield LookupRow("GET", version.path, partial(tell_version, version=version))


def _of_greeting(greeting: Greeting) -> Iterator[LookupRow]:
    yield LookupRow("GET", "/", partial(greet, greeting=greeting), behind_key=True)


_ROWS: Mapping[type[Any], Callable[[Any], Iterator[LookupRow]]] = {
    Listing: _of_listing,
    Description: _of_description,
    ServerVersion: _of_version,
    Greeting: _of_greeting,
}


async def tell_version(context: GatewayContext, exchange: Exchange, version: ServerVersion) -> None:
    """Tell the version that clients may count on, from those of the upstreams that have the same lookup."""
    authenticate(exchange, context.accounts)
    versions = [
        upstream.version
        for upstream in context.registry.active()
        if upstream.config.kind.probed_by == version.path and upstream.version
    ]
    await exchange.respond(200, [(b"content-type", JSON)], version.body(versions))


async def greet(_: GatewayContext, exchange: Exchange, greeting: Greeting) -> None:
    """Say that the server is there, whatever the key in the path: who has none learns nothing of it."""
    await exchange.respond(200, [(b"content-type", b"text/plain; charset=utf-8")], greeting.text)


async def answer_empty(context: GatewayContext, exchange: Exchange, caller: Caller, request: ModelRequest) -> bool:
    """Answer a request that asks a model for nothing. Returns False, and does nothing, where it asks for something.
    Raises ModelNotAllowed."""
    make = exchange.dialect.empty_response
    if make is None or make(request, "", 0) is None:
        return False
    model = await context.resolver.model(request.model)
    context.admission.usable(caller.owners, model)
    await exchange.respond(200, [(b"content-type", JSON)], make(request, model.name, context.now()) or b"")
    return True
