"""Receiving a request that asks a model: who sends it, for whom, what it asks, and the claim to its idempotency key."""

from __future__ import annotations

from tollkeeper.gateway.acting import act_by_body, act_by_headers
from tollkeeper.gateway.body import read_body
from tollkeeper.gateway.context import GatewayContext
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.gateway.idempotency import HEADER, claim_key
from tollkeeper.gateway.identity import authenticate
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.wire.request import ModelRequest


async def receive(context: GatewayContext, exchange: Exchange) -> tuple[Caller, ModelRequest]:
    """The caller, as it asks for the person whom the request names, and the request. From here on the exchange ends
    when its client leaves. Raises one of `rules.errors`."""
    caller = authenticate(exchange, context.accounts)
    if caller.acts_by == "headers":
        caller = await act_by_headers(context, exchange, caller)
    request = await read_body(context, exchange, caller)
    exchange.watch()
    if caller.acts_by == "body":
        caller = await act_by_body(context, exchange, caller, request)
    if HEADER in exchange.headers:
        await claim_key(context, exchange, caller, request.body)
    return caller, request
