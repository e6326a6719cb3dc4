"""Requests with an idempotency key."""

from __future__ import annotations

from functools import partial

from tollkeeper.gateway.context import GatewayContext
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.wire.http.idempotency import HEADER, fingerprint, read_key

__all__ = ["HEADER", "claim_key"]


async def claim_key(context: GatewayContext, exchange: Exchange, caller: Caller, body: bytes) -> None:
    """Claim the idempotency key in the headers of a request, until its exchange ends or it leaves a record. Raises
    BadRequest, IdempotencyInProgress, IdempotencyReplayed, IdempotencyMismatch, LedgerUnavailable."""
    key, user_id = read_key(exchange.all_headers), caller.user.user_id
    digest = partial(fingerprint, exchange.endpoint.path, body)
    exchange.claim = await context.keys.claim(user_id, key, await context.offload.run(len(body), user_id, digest))
