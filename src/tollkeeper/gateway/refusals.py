"""What is counted of a refused request."""

from __future__ import annotations

from tollkeeper.gateway.context import GatewayContext
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.rules.errors import GatewayError
from tollkeeper.rules.reasons import INVALID
from tollkeeper.services.ledger.observers import Refusal


def refusal_of(context: GatewayContext, exchange: Exchange, endpoint: str, error: GatewayError) -> Refusal:
    """The refusal of a request by `error`: whose it was, as far as anybody knows, and of which model."""
    caller = exchange.caller
    return Refusal(
        endpoint,
        error.status,
        error.code or INVALID,
        "" if caller is None else caller.user.user_id,
        "" if caller is None else caller.key_id or "",
        context.resolver.canonical(exchange.model) if exchange.model else "",
        error.limit or "",
    )
