"""Request bodies: reading them, and preparing them for an upstream.

Images are validated, fetched where they are URLs, and refused where the model has no vision. Large bodies are parsed
and rewritten in a thread, so that other requests go on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from tollkeeper.gateway.context import GatewayContext
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.pricing import Price
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.services.images import MAX_IMAGES, WorkOfRequest
from tollkeeper.services.limits.grant import Grant
from tollkeeper.services.models.catalog import Deployment
from tollkeeper.services.models.offers import Offer
from tollkeeper.services.offload import SMALL
from tollkeeper.wire.dialect import AnyAdapter
from tollkeeper.wire.request import ModelRequest

_MAX_SUGGESTED = 8
"""Models that an error message suggests at most."""


async def read_body(context: GatewayContext, exchange: Exchange, caller: Caller) -> ModelRequest:
    """Read and parse the body. Raises one of `rules.errors`; a caller blocked by a limit of 0 is refused before any of
    it is read."""
    dialect, endpoint = exchange.dialect, exchange.endpoint
    context.admission.check_blocked(caller.owners, endpoint)
    bounds = context.bounds
    text = await exchange.body.read_all(bounds.max_body_bytes, context.request_memory)
    request: ModelRequest
    if len(text) < SMALL:
        request = dialect.read_request(text, endpoint)
    else:
        request = await context.offload.run(len(text), caller.user.user_id, dialect.read_request, text, endpoint)
    exchange.model = request.model
    return request


async def prepare_body(
    context: GatewayContext,
    request: ModelRequest,
    offer: Offer,
    caller: Caller,
    grant: Grant,
    image_urls: Sequence[str],
) -> bytes:
    """Return the body to send to one upstream. Raises BadRequest, InvalidImage, ServerOverloaded."""
    if request.context is not None:
        request = replace(request, context=await _bounded_context(context, request.context, offer))
    output_cap, adapter = grant.max_tokens, offer.adapter
    if output_cap is None and request.output_cap is None and adapter.needs_cap:
        output_cap = context.admission.default_max_tokens
    return await rewrite_body(
        context, request, adapter, offer.deployment, caller, image_urls, output_cap=output_cap, price=offer.price
    )


async def rewrite_body(
    context: GatewayContext,
    request: ModelRequest,
    adapter: AnyAdapter,
    deployment: Deployment,
    caller: Caller,
    image_urls: Sequence[str],
    *,
    output_cap: int | None = None,
    price: Price | None = None,
) -> bytes:
    """Return the body that an adapter makes for one upstream. Raises as `prepare_body` does."""
    how: dict[str, Any] = {
        "model": deployment.spelling,
        "opaque_user": partial(_opaque_user, context, caller),
        "image_urls": image_urls,
        "output_cap": output_cap,
        "kind": deployment.upstream.config.kind,
        "price": price,
    }
    size = len(request.body)
    if image_urls:
        size += sum(map(len, image_urls))
    if size < SMALL:
        return adapter.rewrite(request, **how)
    return await context.offload.run(size, caller.user.user_id, partial(adapter.rewrite, request, **how))


def _opaque_user(context: GatewayContext, caller: Caller) -> str:
    """What the upstream learns of the person: an id that is nobody's name."""
    return caller.end_user_id or context.opaque(caller.user.user_id)


async def _bounded_context(context: GatewayContext, wanted: int, offer: Offer) -> int | None:
    """Return the length of context to ask for: at most that which the model was made for; None where that is unknown,
    since any memory might not be enough."""
    most = (await context.facts.of(offer.deployment)).context
    return None if most is None else min(wanted, most)


async def seeing_images(
    context: GatewayContext, request: ModelRequest, offers: Sequence[Offer], caller: Caller
) -> list[Offer]:
    """Return the offers of models that may take images. Raises BadRequest where there is none."""
    described = await context.facts.of_each([offer.deployment for offer in offers])
    seeing = [offer for offer, facts in zip(offers, described, strict=True) if facts.sees_images is not False]
    if not seeing:
        choice = _vision_models(context, caller)
        raise BadRequest(
            f"The model '{offers[0].deployment.model}' takes no images. Send text only, or choose {choice}.",
            param=request.images[0].where,
        )
    return seeing


async def prepare_images(
    context: GatewayContext, exchange: Exchange, request: ModelRequest, caller: Caller
) -> tuple[str, ...]:
    """Return the image URLs to send upstream in place of the request's own, in the same order; their size counts
    against the request's memory. Raises BadRequest, InvalidImage, ServerOverloaded."""
    if len(request.images) > MAX_IMAGES:
        raise BadRequest(
            f"The request holds {len(request.images)} images; at most {MAX_IMAGES} are allowed. Send fewer.",
            param=request.images[MAX_IMAGES].where,
        )
    owner, spend = caller.user.user_id, WorkOfRequest().spend
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    context.images.prepare(
                        image.url, owner=owner, param=image.where, hold=exchange.body.hold, spend=spend
                    )
                )
                for image in request.images
            ]
    except BaseExceptionGroup as faults:
        raise faults.exceptions[0] from None  # one is enough to refuse the request
    return tuple(task.result() for task in tasks)


def _vision_models(context: GatewayContext, caller: Caller) -> str:
    """Phrase naming the vision models that the caller may use, for an error message."""
    names = [f"'{model.name}'" for model in context.facts.seeing() if caller.allows(model.name)]
    if not names:
        return "a vision model"
    more = "" if len(names) <= _MAX_SUGGESTED else f" or {len(names) - _MAX_SUGGESTED} more"
    return f"one that does: {', '.join(names[:_MAX_SUGGESTED])}{more}"
