"""The body of a request: read as it came, and made ready to be sent on.

Images are checked, fetched where they are URLs, and refused where the model is blind. Large bodies are read and edited
in a thread, so that other requests go on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from tollkeeper.gateway.exchange import Exchange
from tollkeeper.gateway.house import House
from tollkeeper.rules.errors import BadRequest
from tollkeeper.services.admission import Grant
from tollkeeper.services.aside import aside
from tollkeeper.services.catalog import Route
from tollkeeper.services.directory import Caller
from tollkeeper.services.images import MAX_IMAGES
from tollkeeper.wire.openai import Ask, Endpoint, read_ask, rewrite


async def read_body(house: House, exchange: Exchange, endpoint: Endpoint) -> Ask:
    """What the request asks. Raises what is wrong with it."""
    bounds = house.bounds
    text = await exchange.body(limit=bounds.max_body_bytes, bodies=house.bodies)
    return await aside(len(text), partial(read_ask, text, endpoint))


async def ready_body(house: House, exchange: Exchange, ask: Ask, route: Route, caller: Caller, grant: Grant) -> bytes:
    """The body to send upstream. Raises BadRequest, InvalidImage, ServerOverloaded."""
    changed = partial(
        rewrite,
        ask,
        model=route.model,
        opaque_user=partial(house.opaque, caller.user.user_id),
        image_urls=await _ready_images(house, exchange, ask, route, caller) if ask.images else (),
        max_tokens=grant.max_tokens,
        kind=route.upstream.kind,
    )
    return await aside(len(ask.body), changed)


async def _ready_images(house: House, exchange: Exchange, ask: Ask, route: Route, caller: Caller) -> Sequence[str]:
    """The URLs to send upstream instead of the request's own, in their order; what they add to the body is accounted
    for. Raises BadRequest, InvalidImage, ServerOverloaded."""
    if len(ask.images) > MAX_IMAGES:
        raise BadRequest(
            f"The request holds {len(ask.images)} images; at most {MAX_IMAGES} are allowed. Send fewer.",
            param=ask.images[MAX_IMAGES].where,
        )
    if (await house.catalog.facts(route)).sees_images is False:
        raise BadRequest(
            f"The model '{route.model}' takes no images. Send text only, or choose a vision model.",
            param=ask.images[0].where,
        )
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    house.images.ready(image.url, owner=caller.user.user_id, param=image.where, hold=exchange.hold)
                )
                for image in ask.images
            ]
    except BaseExceptionGroup as faults:
        raise faults.exceptions[0] from None  # one is enough to refuse the request
    return [task.result() for task in tasks]
