"""The person whom a request is for, where its key acts for others.

Only such keys come here: with all others, nothing that a request says of a person has a meaning.
"""

from __future__ import annotations

from tollkeeper.gateway.context import GatewayContext
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.wire.end_users import named_in_headers
from tollkeeper.wire.request import ModelRequest


async def act_by_headers(context: GatewayContext, exchange: Exchange, caller: Caller, *, make: bool = True) -> Caller:
    """The caller as it asks for the person whom a header names; the caller itself where none does. `make`: a new name
    may make a new end user. Raises BadRequest, Forbidden, LedgerUnavailable."""
    name = named_in_headers(exchange.all_headers, context.acting_headers)
    return caller if name is None else await context.accounts.act_for(caller, name, make=make)


async def act_by_body(context: GatewayContext, exchange: Exchange, caller: Caller, request: ModelRequest) -> Caller:
    """As `act_by_headers`, by the field of the body in which the dialect names a person, or else by a header. Raises
    also what `Admission.check_blocked` does, which could not look at the person's limits before the body was read."""
    name = exchange.dialect.end_user(request)
    if name is None:
        name = named_in_headers(exchange.all_headers, context.acting_headers)
    if name is None:
        return caller
    caller = await context.accounts.act_for(caller, name)
    context.admission.check_blocked(caller.owners, exchange.endpoint)
    return caller


async def look_up_for(context: GatewayContext, exchange: Exchange, caller: Caller) -> Caller:
    """As `act_by_headers`, for a request that asks no model: nobody is made by it."""
    return await act_by_headers(context, exchange, caller, make=False) if caller.acts_by is not None else caller
