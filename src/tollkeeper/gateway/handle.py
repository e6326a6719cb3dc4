"""The life of a request, on one screen.

    authenticate → read → route and price → ready the images → connect → journal the intent → dispatch → relay → settle

Each line returns a value or raises one of `rules.errors`; `entry.py` tells the client. Until `begin`, a failure leaves
no record; after it, leaving the `with` block settles the run whatever happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from tollkeeper.gateway.exchange import Exchange
from tollkeeper.gateway.house import House
from tollkeeper.gateway.relay import relay
from tollkeeper.gateway.sight import ready_images
from tollkeeper.wire.openai import Endpoint, read_ask, rewrite

_HEADERS = ((b"content-type", b"application/json"),)
_LARGE = 200_000
T = TypeVar("T")


async def handle(house: House, exchange: Exchange, endpoint: Endpoint) -> None:
    """Answer one model request. Raises what the client is to be told."""
    started, created_at, bounds = house.clock(), house.now(), house.bounds
    caller = house.accounts.identify(exchange.secret())
    text = await exchange.body(limit=bounds.max_body_bytes, timeout=bounds.body_timeout, bodies=house.bodies)
    ask = await _aside(len(text), partial(read_ask, text, endpoint))
    exchange.watch()
    route = await house.catalog.route(ask.model)
    price = house.prices.in_force(route.model, created_at)
    house.runs.check_open()
    changed = partial(
        rewrite,
        ask,
        model=route.model,
        opaque_user=house.opaque(caller.user.user_id),
        image_urls=await ready_images(house, ask, route, caller),
        caps_as_max_tokens=route.upstream.kind == "ollama",
    )
    body = await _aside(len(text), changed)
    exchange.hold(len(body) - len(text))  # images that were URLs
    lease = await route.client.acquire()
    run = house.runs.begin(
        exchange.request_id,
        created_at,
        started,
        caller,
        model=route.model,
        requested_model=ask.model,
        endpoint=endpoint.path,
        upstream=route.upstream.id,
        stream=ask.stream,
        price=price,
        text_bytes=ask.text_bytes,
        images=len(ask.images),
        metadata=ask.metadata,
        end_with=exchange.end_with,
    )
    exchange.dispatched = True
    with run:
        if route.upstream.kind != "ollama":
            await run.intent_durable()  # what is paid for must not be forgotten; an Ollama costs only time
        answer = await lease.send(b"POST", endpoint.path.encode(), _HEADERS, body)
        try:
            await relay(house, exchange, run, endpoint, ask, answer)
        finally:
            answer.abort()


async def _aside(size: int, work: Callable[[], T]) -> T:
    """Do the work on a body of `size` bytes: in a thread when it is large, so that other requests go on meanwhile."""
    return work() if size < _LARGE else await asyncio.to_thread(work)
