"""Relay of an upstream's response to the client: whole, or event by event.

What completes a response (the body, or the last event) is held until its record is durable; everything before it is
sent as it arrives. While the client reads slowly, nothing more is read, which slows the upstream down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from tollkeeper.gateway.context import GatewayContext
from tollkeeper.gateway.http.event_stream import EventStream
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.gateway.http.responses import Headers
from tollkeeper.gateway.memory import FREE, Share
from tollkeeper.rules.errors import (
    AnswerTooLong,
    GatewayError,
    Quota,
    ServerOverloaded,
    UpstreamFailure,
    UpstreamUnavailable,
)
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.upstream_status import INSUFFICIENT_QUOTA, upstream_error
from tollkeeper.services.requests.dispatched import TURNED_AWAY, DispatchedRequest
from tollkeeper.services.upstreams.ports import Response, Shortcut
from tollkeeper.wire.dialect import AnyAdapter, EventSplitter, StreamReader, WholeResponse
from tollkeeper.wire.error_text import error_code
from tollkeeper.wire.http.retry_after import read_retry_after
from tollkeeper.wire.json_scan import Steps
from tollkeeper.wire.request import ModelRequest
from tollkeeper.wire.response_names import Rename

T = TypeVar("T")

_MAX_ERROR_BYTES = 1_000_000
_AT_ONCE = 262_144
"""Bytes of a response that are parsed in one go; longer ones are parsed in steps, and other work runs in between."""
_TURN = 256
"""Events that are parsed in one go."""


async def relay(
    context: GatewayContext,
    exchange: Exchange,
    adapter: AnyAdapter,
    run: DispatchedRequest,
    request: ModelRequest,
    response: Response,
    stream: EventStream | None,
    rename: Rename | None = None,
) -> None:
    """Relay a response from its head on, as `adapter` reads it, and settle the request. `stream` is that of the client;
    None: the request is not streamed. `rename` changes the upstream's name of the model. Raises one of
    `rules.errors`."""
    if response.status != 200:
        run.partial = TURNED_AWAY
        raise await error_of(adapter, response, context.now())
    share = Share(context.response_memory)
    try:
        if stream is not None:
            stream.headers = response_headers(context, exchange, run)
            reader = adapter.open_stream(request, exchange.request_id)
            stream.error_event = _renamed(reader.error_event, rename)
            if adapter.passes_type:
                stream.media_type = response.headers.get(b"content-type")
            splitter = adapter.split_events(context.bounds.max_event_bytes)
            await _Stream(exchange, run, reader, splitter, share, stream, rename).relay(response, adapter.stream_type)
        else:
            headers = response_headers(context, exchange, run)
            try:
                body = await response.read_all(context.bounds.max_response_bytes, share.resize)
            except (AnswerTooLong, ServerOverloaded):
                run.give_up()
                raise
            if rename is not None:
                body = rename(body)
            if isinstance(body, bytes) or len(body) <= _AT_ONCE:
                whole = adapter.read_response(request, bytes(body), exchange.request_id)
            else:
                steps = adapter.read_large_response(request, body, exchange.request_id)
                whole = await _in_steps(steps, context.response_memory.turn)
            await _relay_whole(context, exchange, run, whole, headers)
    finally:
        share.resize(0)


def _renamed(
    error_event: Callable[[GatewayError], bytes] | None, rename: Rename | None
) -> Callable[[GatewayError], bytes] | None:
    """The events for an error, which may repeat what a response began with, with the client's name of the model."""
    if error_event is None or rename is None:
        return error_event
    return lambda error: bytes(rename(error_event(error)))


def response_headers(context: GatewayContext, exchange: Exchange, run: DispatchedRequest) -> Headers:
    """The headers that a relayed response has beside those of its content."""
    now = context.now()
    headers = exchange.dialect.response_headers(run.elapsed_ms(), _rate_limits(run, now), now)
    headers.append((b"x-queued-ms", b"%d" % run.queued_ms))
    return headers


def _rate_limits(run: DispatchedRequest, now: int) -> list[Quota]:
    """Return the tightest rate limits as they were at admission, for the response headers."""
    now += run.grant.ahead
    quotas = []
    for kind, status in run.grant.pace:
        resets_at = status.resets_at
        left = resets_at - now if resets_at is not None and resets_at > now else 0
        quotas.append(Quota(kind, status.limit, status.remaining, left))
    return quotas


async def _in_steps(steps: Steps[T], turn: asyncio.Lock) -> T:
    """The result of the steps, between which other work runs."""
    while True:
        async with turn:
            try:
                next(steps)
            except StopIteration as end:
                result: T = end.value
                return result
            await asyncio.sleep(0)


async def _relay_whole(
    context: GatewayContext,
    exchange: Exchange,
    run: DispatchedRequest,
    whole: WholeResponse,
    headers: Headers,
) -> None:
    run.partial = whole
    run.settle("completed")  # the upstream did the work, whether or not the client gets the response
    body = whole.body
    if whole.convert is not None:
        body = await context.offload.run(len(body), run.user_id, partial(whole.convert, bytes(body)))
    await run.durable()
    cost = (b"x-cost-usd", format_usd(run.cost_pico).encode())
    await exchange.respond(200, [(b"content-type", whole.media_type), cost, *headers], body)


class _Stream:
    """Relay of one streamed response."""

    __slots__ = ("_client", "_exchange", "_reader", "_rename", "_run", "_share", "_splitter", "_waiting")

    def __init__(
        self,
        exchange: Exchange,
        run: DispatchedRequest,
        reader: StreamReader,
        splitter: EventSplitter,
        share: Share,
        client: EventStream,
        rename: Rename | None,
    ) -> None:
        self._exchange = exchange
        self._run = run
        self._reader = reader
        self._splitter = splitter
        self._share = share
        self._client = client
        self._rename = rename
        self._waiting: list[bytes] = []
        """Bytes that arrived and are too many to be parsed at once."""

    def __repr__(self) -> str:
        return f"_Stream({self._reader!r}, {self._splitter!r})"

    async def relay(self, response: Response, stream_type: bytes | tuple[bytes, ...]) -> None:
        kind = response.headers.get(b"content-type", b"")
        if not kind.lower().startswith(stream_type):
            raise UpstreamUnavailable("The upstream did not return a stream, although one was requested.")
        response.headers.clear()  # read; a stream may last for minutes, and there may be thousands
        run, reader, exchange = self._run, self._reader, self._exchange
        run.partial = reader
        exchange.interrupt = response.stop
        while not reader.done:
            if self._waiting or self._splitter.more:
                await self._read_waiting()
            elif await response.each(self._on_bytes, self._shortcut):
                break
            if not reader.done:
                await exchange.drained()
                self._share.resize(self._splitter.held)  # what the client lagged behind is written
        if not reader.complete:
            raise UpstreamFailure("The upstream broke off in the middle of its response.", code="upstream_unavailable")
        run.settle("completed")
        await run.durable()
        self._client.send(reader.end if self._rename is None else bytes(self._rename(reader.end)))
        exchange.end()

    def _on_bytes(self, data: bytes) -> bool:
        """Relay bytes of the upstream as they arrive; called by the connection. Returns whether to go on reading: not
        at the end, not while the client lags behind, and not when parsing would keep others waiting."""
        splitter = self._splitter
        if splitter.held + len(data) > _AT_ONCE:
            self._waiting.append(data)
            return False
        return self._pass_on(*_take(self._reader, splitter, data))

    def _shortcut(self) -> Shortcut | None:
        """The way on which events need not be read; None where the next may have to be, or is not sent as a chunk."""
        write = self._exchange.write_chunk
        if write is None or self._splitter.unfinished:
            return None
        path = self._reader.chunk_path(self._rename)
        return None if path is None else Shortcut(path, write)

    async def _read_waiting(self) -> None:
        """Parse some of the waiting bytes, while no other large response is being parsed."""
        data = b"".join(self._waiting)
        self._waiting.clear()
        steps = _take_large(self._reader, self._splitter, data)
        self._pass_on(*await _in_steps(steps, self._share.memory.turn))

    def _pass_on(self, passed: bytes, failure: GatewayError | None) -> bool:
        run, exchange, reader, splitter = self._run, self._exchange, self._reader, self._splitter
        if run.first_token_ms is None and reader.content_events:
            run.saw_content()
        if reader.begun and not self._client.answering:
            self._client.begin_answering()
        if self._rename is not None:
            passed = bytes(self._rename(passed))
        keeps_up = not passed or self._client.send(passed)
        if failure is not None:
            raise failure
        if reader.finished:
            run.finish_relayed = exchange.linger_on_disconnect = True
        if splitter.held > FREE or self._share.held or not keeps_up:
            self._share.resize(splitter.held + (0 if keeps_up else exchange.unsent))
        return keeps_up and not reader.done and not splitter.more


def _take(reader: StreamReader, splitter: EventSplitter, data: bytes) -> tuple[bytes, GatewayError | None]:
    """Return what to relay of `data`, and the failure that followed it, if any."""
    passed: list[bytes] = []
    try:
        for event in splitter.feed(data, _TURN):
            passed.append(reader.read(event))  # noqa: PERF401 (what precedes a failure is kept)
    except GatewayError as error:
        return b"".join(passed), error
    return b"".join(passed), None


def _take_large(reader: StreamReader, splitter: EventSplitter, data: bytes) -> Steps[tuple[bytes, GatewayError | None]]:
    """As `_take`, in steps, where the data or an event is long."""
    passed: list[bytes] = []
    try:
        for event in splitter.feed(data, _TURN):
            if len(event) > _AT_ONCE:
                passed.append((yield from reader.read_large(event)))
            else:
                passed.append(reader.read(event))
    except GatewayError as error:
        yield
        return b"".join(passed), error
    yield
    return b"".join(passed), None


async def error_of(adapter: AnyAdapter, response: Response, now_ms: int) -> GatewayError:
    """Return the client's error for an error response of the upstream."""
    try:
        body = bytes(await response.read_all(_MAX_ERROR_BYTES))
    except UpstreamFailure:  # the status has said what counts
        body = b""
    return upstream_error(
        response.status,
        adapter.error_message(body),
        read_retry_after(response.headers, now_ms),
        code=INSUFFICIENT_QUOTA if f'"{INSUFFICIENT_QUOTA}"'.encode() in body else None,
        own_code=error_code(body),
        well_formed=body.lstrip().startswith(b"{"),
    )
