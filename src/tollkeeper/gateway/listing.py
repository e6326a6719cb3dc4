"""Lists of the models that a caller may use, with prices, in the format of each dialect."""

from __future__ import annotations

from collections.abc import Callable

from tollkeeper.gateway.acting import look_up_for
from tollkeeper.gateway.context import GatewayContext
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.gateway.http.responses import JSON
from tollkeeper.gateway.identity import authenticate
from tollkeeper.rules.errors import ModelNotAllowed
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.services.models.catalog import Deployment, Model
from tollkeeper.services.models.prices import price_body
from tollkeeper.wire.dialect import InMemory, ListedModel, Listing


async def list_models(context: GatewayContext, exchange: Exchange, listing: Listing) -> None:
    """List every model that the caller may use."""
    caller = await look_up_for(context, exchange, authenticate(exchange, context.accounts))
    if not context.catalog.models():
        await context.catalog.refresh_on_miss()
    listed = []
    for model in context.catalog.models():
        try:
            shown = listed_model(context, caller, model)
        except ModelNotAllowed:
            continue
        if shown.memory is not None or not listing.in_memory:
            listed.append(shown)
    await _send(exchange, listing.body(listed))


async def show_model(
    context: GatewayContext, exchange: Exchange, body_of_one: Callable[[ListedModel], bytes], name: str
) -> None:
    """Show one model, by any spelling of its name."""
    caller = await look_up_for(context, exchange, authenticate(exchange, context.accounts))
    model = await context.resolver.model(name)
    await _send(exchange, body_of_one(listed_model(context, caller, model)))


def listed_model(context: GatewayContext, caller: Caller, model: Model) -> ListedModel:
    """Return the entry of a model, as the first upstream has it that the caller may use. Raises ModelNotAllowed."""
    usable = context.admission.usable(caller.owners, model)
    first, config = usable[0], usable[0].upstream.config
    price = context.prices.in_force(model.name, config.id, context.now())
    file = first.file
    return ListedModel(
        model.name,
        first.modified_at,
        context.facts.sees_images(model),
        None if price is None else price_body(price),
        file.size or 0,
        first.version,
        file.family or config.kind.name,
        file.parameters or "",
        file.quantization or "",
        next((memory for each in usable if (memory := _memory(each)) is not None), None),
    )


def _memory(deployment: Deployment) -> InMemory | None:
    load = deployment.upstream.load
    if not load.loaded or deployment.model not in load.loaded:
        return None
    told = load.memory.get(deployment.model)
    return None if told is None else InMemory(told.memory or 0, told.gpu_memory or 0, told.until, told.context)


async def _send(exchange: Exchange, body: bytes) -> None:
    await exchange.respond(200, [(b"content-type", JSON)], body)
