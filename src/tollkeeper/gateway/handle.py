"""The life of a request, on one screen.

    authenticate → read → route and price → admit → ready the body → connect → journal the intent → dispatch → relay
    → settle

Each line returns a value or raises one of `rules.errors`; `entry.py` tells the client. Until something was sent, a
failure leaves no record and gives back all that was taken; after it, leaving the `with` block settles the run, whatever
happened.
"""

from __future__ import annotations

from tollkeeper.gateway.body import read_body, ready_body
from tollkeeper.gateway.exchange import Exchange
from tollkeeper.gateway.house import House
from tollkeeper.gateway.relay import relay
from tollkeeper.services.runs import Started
from tollkeeper.wire.openai import Endpoint

_HEADERS = ((b"content-type", b"application/json"),)


async def handle(house: House, exchange: Exchange, endpoint: Endpoint) -> None:
    """Answer one model request. Raises what the client is to be told."""
    clock = house.clock()
    caller = exchange.caller(house.accounts)
    ask = await read_body(house, exchange, endpoint)
    exchange.watch()
    route = await house.catalog.route(ask.model)
    caller = house.accounts.again(caller)  # what came in force while its body came
    foreseen = await house.admission.foresee(caller, ask, route)
    caller = house.accounts.again(caller)
    exchange.arrive()  # from here to the admission nothing waits: it is asked at the moment that it counts at
    started = Started(exchange.request_id, exchange.created_at, clock)
    price = house.prices.in_force(route.model, started.created_at)
    house.runs.check_open()
    with await house.admission.admit(caller, ask, route, price, foreseen, started.created_at) as grant:
        body = await ready_body(house, exchange, ask, route, caller, grant)
        lease = await route.client.acquire()
        try:
            caller = house.accounts.again(caller)  # it may have lost its access since
            with house.runs.begin(started, caller, endpoint, ask, route, price, grant, exchange.end_with) as run:
                exchange.run = run
                if route.upstream.kind != "ollama":
                    await run.intent_durable()  # what is paid for must not be forgotten; an Ollama costs only time
                    exchange.stays = not ask.stream
                try:
                    answer = await lease.send(b"POST", endpoint.path.encode(), _HEADERS, body)
                finally:
                    run.dispatched = lease.sent
                try:
                    await relay(house, exchange, run, endpoint, ask, answer)
                finally:
                    answer.abort()
        finally:
            lease.release()
