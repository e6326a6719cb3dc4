"""Descriptions of single models: that of an upstream which describes models in the client's dialect, as it is; else one
that is made of what its list says."""

from __future__ import annotations

import asyncio

from tollkeeper.gateway.acting import look_up_for
from tollkeeper.gateway.context import GatewayContext
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.gateway.http.responses import JSON
from tollkeeper.gateway.idempotency import HEADER, claim_key
from tollkeeper.gateway.identity import authenticate
from tollkeeper.gateway.listing import listed_model
from tollkeeper.gateway.memory import Share
from tollkeeper.rules.errors import GatewayError, UpstreamFailure
from tollkeeper.services.models.catalog import Deployment
from tollkeeper.wire.dialect import Description

_MAX_REQUEST = 65_536
_MAX_DESCRIPTION = 32_000_000
"""Bytes: with every token of a large vocabulary they are some megabytes."""
_HEADERS = ((b"content-type", b"application/json"),)


class Describe:
    """Handler of requests to describe a model. Such requests are not limited, so an upstream is never asked for the
    same description twice at a time: those who ask meanwhile share it."""

    def __init__(self, description: Description) -> None:
        self._description = description
        self._pending: dict[tuple[Deployment, bytes], asyncio.Task[bytes]] = {}

    def __repr__(self) -> str:
        return f"Describe({self._description.path}, {len(self._pending)} asked for)"

    async def __call__(self, context: GatewayContext, exchange: Exchange) -> None:
        """Describe the model that the request names, if the caller may use it."""
        description = self._description
        caller = await look_up_for(context, exchange, authenticate(exchange, context.accounts))
        text = await exchange.body.read_all(_MAX_REQUEST, context.request_memory)
        exchange.watch()
        if HEADER in exchange.headers:
            await claim_key(context, exchange, caller, text)
        model = await context.resolver.model(description.read(text))
        usable = context.admission.usable(caller.owners, model)
        describing = [each for each in usable if each.upstream.config.kind.describes_by == description.path]
        share = Share(context.response_memory)
        try:
            if describing:
                body = await self._ask_one_of(context, describing, text)
                share.resize(len(body))
            else:
                body = description.body(listed_model(context, caller, model))
            await exchange.respond(200, [(b"content-type", JSON)], body)
        finally:
            share.resize(0)

    async def _ask_one_of(self, context: GatewayContext, deployments: list[Deployment], text: bytes) -> bytes:
        """The description by the first upstream that gives one; those that can serve are asked first."""
        now = context.clock()
        failure: GatewayError | None = None
        for each in sorted(deployments, key=lambda each: not each.upstream.health.can_serve(each.model, now)):
            try:
                return await self._ask(each, self._description.rewrite(text, each.spelling))
            except GatewayError as error:
                error.redact(each.upstream.client.redact)
                failure = failure or error
        assert failure is not None, "there is at least one"
        raise failure

    async def _ask(self, deployment: Deployment, request: bytes) -> bytes:
        key = (deployment, request)
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = asyncio.create_task(self._fetch(deployment, request))
            pending.add_done_callback(lambda task: self._done(key, task))
        return await asyncio.shield(pending)

    def _done(self, key: tuple[Deployment, bytes], task: asyncio.Task[bytes]) -> None:
        del self._pending[key]
        if not task.cancelled():
            task.exception()  # all who asked may have left

    async def _fetch(self, deployment: Deployment, request: bytes) -> bytes:
        lease = await deployment.upstream.client.acquire()
        response = await lease.send(b"POST", self._description.path.encode(), _HEADERS, request)
        try:
            body = await response.read_all(_MAX_DESCRIPTION)
        finally:
            response.abort()
        if response.status != 200:
            raise UpstreamFailure(f"The upstream does not describe '{deployment.model}' right now. Try again later.")
        return bytes(body)
