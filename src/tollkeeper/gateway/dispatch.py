"""Dispatch of an admitted request: attempts, until one upstream has served it or none is left to try."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from tollkeeper.gateway.attempt import attempt
from tollkeeper.gateway.body import prepare_images, seeing_images
from tollkeeper.gateway.context import GatewayContext
from tollkeeper.gateway.heartbeat import Heartbeat
from tollkeeper.gateway.http.event_stream import EventStream
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.rules.errors import GatewayError
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.services.limits.grant import Grant
from tollkeeper.services.models.offers import Offer
from tollkeeper.services.requests.dispatched import Started
from tollkeeper.wire.request import ModelRequest


async def dispatch(
    context: GatewayContext,
    exchange: Exchange,
    started: Started,
    caller: Caller,
    request: ModelRequest,
    grant: Grant,
) -> None:
    """Have the request served by one of the offers that were admitted, and relay its response. Raises one of
    `rules.errors`.

    A failure before anything was sent leaves no record and releases everything reserved; after that, leaving the `with`
    block of the dispatched request settles it, whatever happened. It ends before its slot is given back, so that the
    line learns what it used.
    """
    offers: Sequence[Offer] = grant.offers
    image_urls: tuple[str, ...] = ()
    if request.images:
        offers = await seeing_images(context, request, offers, caller)
        image_urls = await prepare_images(context, exchange, request, caller)
    user_id = caller.user.user_id
    conversation = _conversation(exchange, user_id, request) if len(offers) > 1 else None
    with (
        context.selection.enter(user_id, caller.queue_weight, offers, request.endpoint.path, conversation) as route,
        context.requests.begin(started, caller, request, grant, exchange.end_with, exchange.claim) as dispatched,
    ):
        exchange.run = dispatched
        dispatched.slot = route
        stream, heartbeat = None, None
        if request.stream:
            stream = EventStream(exchange, [], route.answering)
            heartbeat = Heartbeat(context, exchange, dispatched, stream)
            if exchange.headers.get(b"x-queue-events") == b"1":
                route.ticket.watch(heartbeat.show_place)
        try:
            while True:
                offer = route.slot_at_once() or await route.slot()
                dispatched.queued_ms = round(route.ticket.queued * 1000)
                try:
                    await attempt(
                        context, exchange, dispatched, caller, request, offer, route.client, image_urls, stream
                    )
                except GatewayError as error:
                    if not route.failed(error, answering=stream is not None and stream.answering):
                        raise
                    if exchange.disconnected:  # it was only read to its end because it is charged
                        raise
                    dispatched.attempt_failed(offer.deployment, error)
                    exchange.finish_on_disconnect = False
                else:
                    return
        finally:
            if heartbeat is not None:
                heartbeat.end()


def _conversation(exchange: Exchange, user_id: str, request: ModelRequest) -> str | None:
    """A short name of the user's conversation, by which its turns go to one upstream; None: there is none."""
    named = exchange.headers.get(b"x-session-affinity")
    name = exchange.dialect.conversation(request) if named is None else named.decode("latin-1")
    return sha256(f"{user_id} {name}".encode()).hexdigest() if name else None
