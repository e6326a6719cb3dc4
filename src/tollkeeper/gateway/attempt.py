"""One attempt to have a request served by one deployment: body, connection, intent, request, response."""

from __future__ import annotations

from functools import partial

from tollkeeper.gateway.body import prepare_body
from tollkeeper.gateway.context import GatewayContext
from tollkeeper.gateway.http.event_stream import EventStream
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.gateway.relay import relay
from tollkeeper.rules.errors import GatewayError
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.services.models.offers import Offer
from tollkeeper.services.requests.dispatched import DispatchedRequest
from tollkeeper.services.upstreams.ports import Client
from tollkeeper.wire.request import ModelRequest


async def attempt(
    context: GatewayContext,
    exchange: Exchange,
    dispatched: DispatchedRequest,
    caller: Caller,
    request: ModelRequest,
    offer: Offer,
    client: Client,
    image_urls: tuple[str, ...],
    stream: EventStream | None,
) -> None:
    """Send the request to one deployment by `client` and relay the response. `image_urls` replace those of the request.
    Raises one of `rules.errors`, without the secrets of the upstream."""
    deployment, adapter = offer.deployment, offer.adapter
    upstream, rename = deployment.upstream, None
    if deployment.spelling != deployment.model:
        rename = partial(adapter.rename, deployment.spelling, deployment.model)
    body = await prepare_body(context, request, offer, caller, dispatched.grant, image_urls)
    dispatched.attempt(deployment, offer.price)
    try:
        lease = await client.acquire(deployment.model)
        try:
            context.accounts.refresh(caller)  # access may have been revoked meanwhile
            context.resolver.check_pinned(deployment)
            dispatched.journal()
            if upstream.config.is_paid:
                await dispatched.intent_durable()  # an upstream that charges must not be called without a trace
                exchange.finish_on_disconnect = stream is None
            elif exchange.claim is not None:
                await dispatched.intent_durable()  # a retry must find the key claimed, also after a kill
            since = context.clock()
            try:
                headers = (b"content-type", request.content_type), *adapter.headers(request, exchange.headers)
                response = await lease.send(b"POST", adapter.path.encode(), headers, body)
                del headers, body  # of any size, while the response may last for minutes
            finally:
                dispatched.sent = lease.sent
            if dispatched.slot is not None and response.status == 200:
                dispatched.slot.answered(context.clock() - since, whole=stream is None)
            try:
                await relay(context, exchange, adapter, dispatched, request, response, stream, rename)
            finally:
                response.abort()
        finally:
            lease.release()
    except GatewayError as error:
        error.redact(client.redact)
        raise
