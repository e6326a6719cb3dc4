"""A check of settings before they are saved: whether they reach a server of their kind.

What it finds is told in the gateway's own words. Nothing that the server sent is shown, so that an admin cannot read
with it what other servers of the network hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec import Struct

from tollkeeper.rules.errors import GatewayError
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.listings import LISTINGS
from tollkeeper.services.upstreams.ports import Client


class ConnectionCheck(Struct, frozen=True):
    """`models` is how many it lists; None, with an `error`, where it could not list them. `took` is seconds."""

    models: int | None
    error: str | None
    took: float


async def check_connection(
    config: UpstreamConfig, connect: Callable[[UpstreamConfig], Client], clock: Callable[[], float], *, patience: float
) -> ConnectionCheck:
    """List an upstream's models through a client of its own, within `patience` seconds by the monotonic `clock`."""
    began = clock()
    try:
        client = connect(config)
    except ValueError as error:
        return ConnectionCheck(None, str(error), 0.0)
    try:
        async with asyncio.timeout(patience):
            listed = await LISTINGS[config.kind.lists_by](client)
    except GatewayError as error:
        return ConnectionCheck(None, error.message, clock() - began)
    except TimeoutError:
        return ConnectionCheck(None, f"it does not answer within {patience:g} seconds", clock() - began)
    finally:
        await client.close()
    return ConnectionCheck(len(listed), None, clock() - began)
