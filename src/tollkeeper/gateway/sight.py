"""The images of a request: checked, fetched where they are URLs, and refused where the model is blind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tollkeeper.gateway.house import House
from tollkeeper.rules.errors import BadRequest
from tollkeeper.services.catalog import Route
from tollkeeper.services.directory import Caller
from tollkeeper.services.images import MAX_IMAGES
from tollkeeper.wire.openai import Ask


async def ready_images(house: House, ask: Ask, route: Route, caller: Caller) -> Sequence[str]:
    """The URLs to send upstream instead of the request's own, in their order. Raises BadRequest, InvalidImage."""
    if not ask.images:
        return ()
    if len(ask.images) > MAX_IMAGES:
        raise BadRequest(
            f"The request holds {len(ask.images)} images; at most {MAX_IMAGES} are allowed. Send fewer.",
            param=ask.images[MAX_IMAGES].where,
        )
    if await house.catalog.sees_images(route) is False:
        raise BadRequest(
            f"The model '{route.model}' takes no images. Send text only, or choose a vision model.",
            param=ask.images[0].where,
        )
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(house.images.ready(image.url, owner=caller.user.user_id, param=image.where))
                for image in ask.images
            ]
    except BaseExceptionGroup as faults:
        raise faults.exceptions[0] from None  # one is enough to refuse the request
    return [task.result() for task in tasks]
