"""Counting of a request's input tokens, without running a model: it takes no slot, uses up no limit, and leaves no
record.

An upstream that counts is asked; for all others the tokens are estimated as the bills of an upstream that reports none
are: by the mean of earlier requests. So are they where the upstream cannot say right now.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from tollkeeper.gateway.body import prepare_images, rewrite_body
from tollkeeper.gateway.context import GatewayContext
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.gateway.http.responses import JSON
from tollkeeper.gateway.intake import receive
from tollkeeper.gateway.relay import error_of
from tollkeeper.rules.errors import GatewayError, UpstreamFailure
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.services.models.catalog import Deployment
from tollkeeper.wire.dialect import AnyAdapter
from tollkeeper.wire.request import ModelRequest

log = logging.getLogger("tollkeeper.gateway")

_MAX_BYTES = 100_000
_HEADERS = ((b"content-type", JSON),)
_ESTIMATED = (b"x-estimated", b"1")


async def count(context: GatewayContext, exchange: Exchange) -> None:
    """Count the input tokens of one request. Raises one of `rules.errors`."""
    dialect = exchange.dialect
    assert dialect.count_body is not None, "a dialect with an endpoint that counts has one"
    caller, request = await receive(context, exchange)
    choices = await context.resolver.candidates(request.model)
    caller = context.accounts.refresh(caller)
    usable = context.admission.usable_of(caller.owners, [choice.deployment for choice in choices])
    adapters = dialect.adapters[request.endpoint.path]
    body = await _asked(context, exchange, caller, request, usable, adapters)
    if body is not None:
        await exchange.respond(200, [*_HEADERS], body)
        return
    facts = await context.facts.of_each(usable[:1])
    tokens = context.admission.likely_input(usable[0].model, request, facts[0])
    await exchange.respond(200, [*_HEADERS, _ESTIMATED], dialect.count_body(tokens))


async def _asked(
    context: GatewayContext,
    exchange: Exchange,
    caller: Caller,
    request: ModelRequest,
    usable: Sequence[Deployment],
    adapters: Sequence[AnyAdapter],
) -> bytes | None:
    """The response of the first upstream that counts; None where none does. Raises BadRequest, UpstreamRefusal."""
    for deployment in usable:
        upstream = deployment.upstream
        adapter = next((each for each in adapters if upstream.serves(each.path)), None)
        if adapter is None:
            continue
        adapter.check_supported(request, upstream.config.kind)
        image_urls = await prepare_images(context, exchange, request, caller) if request.images else ()
        try:
            return await _ask(context, exchange, caller, request, deployment, adapter, image_urls)
        except GatewayError as error:
            error.redact(upstream.client.redact)
            if not isinstance(error, UpstreamFailure):
                raise
            log.warning("upstream %s counts no tokens: %s", upstream.config.id, error.detail or error)
    return None


async def _ask(
    context: GatewayContext,
    exchange: Exchange,
    caller: Caller,
    request: ModelRequest,
    deployment: Deployment,
    adapter: AnyAdapter,
    image_urls: tuple[str, ...],
) -> bytes:
    """The response of an upstream. Raises UpstreamRefusal, UpstreamFailure."""
    body = await rewrite_body(context, request, adapter, deployment, caller, image_urls)
    headers = (*_HEADERS, *adapter.headers(request, exchange.headers))
    lease = await deployment.upstream.client.acquire(deployment.model)
    try:
        response = await lease.send(b"POST", adapter.path.encode(), headers, body)
        try:
            if response.status != 200:
                raise await error_of(adapter, response, context.now())
            text = bytes(await response.read_all(_MAX_BYTES))
        finally:
            response.abort()
    finally:
        lease.release()
    return bytes(adapter.read_response(request, text, exchange.request_id).body)
