"""The life of a model request, on one screen.

    receive (authenticate, read, claim the key) → resolve the model → price → admit → dispatch and relay → settle

Each line returns a value or raises one of `rules.errors`, which `router.py` turns into a response. Leaving the grant's
`with` block releases what was reserved, unless the request was dispatched: then it ends in one record (`dispatch.py`).
"""

from __future__ import annotations

from tollkeeper.gateway.context import GatewayContext
from tollkeeper.gateway.dispatch import dispatch
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.gateway.intake import receive
from tollkeeper.gateway.lookups import answer_empty
from tollkeeper.gateway.offers import offers_of, supported
from tollkeeper.services.offload import SMALL
from tollkeeper.services.requests.dispatched import Started


async def handle(context: GatewayContext, exchange: Exchange) -> None:
    """Serve one model request. Raises one of `rules.errors`."""
    clock, dialect = context.clock(), exchange.dialect
    caller, request = await receive(context, exchange)
    candidates = context.resolver.known(request.model) or await context.resolver.candidates(request.model)
    if (size := len(request.body)) < SMALL:
        served = supported(dialect, request, candidates)
    else:  # a translation reads all of it
        served = await context.offload.run(size, caller.user.user_id, supported, dialect, request, candidates)
    caller = context.accounts.refresh(caller)  # its access and limits may have changed while the body arrived
    if dialect.empty_response is not None and await answer_empty(context, exchange, caller, request):
        return
    prefetched = await context.admission.prefetch(
        caller.owners, request, [(choice.deployment, adapter) for choice, adapter in served]
    )
    caller = context.accounts.refresh(caller)
    exchange.arrive()  # no await from here to admission, so it is checked at the moment it counts from
    offers = offers_of(context.prices, request, served, exchange.created_at)
    context.requests.check_open()
    with await context.admission.admit(caller.owners, request, offers, prefetched, exchange.created_at) as grant:
        exchange.date(grant.at)  # by the clock of the counters
        started = Started(exchange.request_id, exchange.created_at, clock)
        await dispatch(context, exchange, started, caller, request, grant)
