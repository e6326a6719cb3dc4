"""The answer on its way to the client: whole, or event by event.

What ends an answer (the body, or `[DONE]`) is held until its record is durable; all before it leaves when it arrives.
Waiting for the client to take an event stops the reading, which stops the upstream.
"""

from __future__ import annotations

from tollkeeper.gateway.answers import EVENT_STREAM, JSON, Headers
from tollkeeper.gateway.exchange import Exchange
from tollkeeper.gateway.house import House
from tollkeeper.rules.errors import GatewayError, UpstreamFailure, UpstreamUnavailable
from tollkeeper.rules.ids import answer_id
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.upstream_status import upstream_error
from tollkeeper.services.runs import Run
from tollkeeper.services.upstream.ports import Answer
from tollkeeper.wire.openai import Ask, Endpoint, duration
from tollkeeper.wire.openai_answer import StreamReader, error_message, read_whole
from tollkeeper.wire.sse import EventSplitter, EventTooLarge

_MAX_ERROR_BYTES = 1_000_000
_PACE_HEADERS = {
    kind: tuple(f"x-ratelimit-{name}-{kind}".encode() for name in ("limit", "remaining", "reset"))
    for kind in ("requests", "tokens")
}


async def relay(house: House, exchange: Exchange, run: Run, endpoint: Endpoint, ask: Ask, answer: Answer) -> None:
    """Pass on an answer whose head has come, and settle the run. Raises what the client is to be told."""
    if answer.status != 200:
        raise await _refused(answer)
    headers = [(b"openai-processing-ms", b"%d" % run.elapsed_ms()), *_pace(house, run)]
    minted = answer_id(endpoint.id_prefix, exchange.request_id) if endpoint.id_prefix else None
    if ask.stream and minted is not None:
        reader = StreamReader(minted, pass_usage=ask.wants_usage)
        await _stream(exchange, run, answer, reader, EventSplitter(house.bounds.max_event_bytes), headers)
    else:
        await _whole(exchange, run, answer, minted, house.bounds.max_answer_bytes, headers)


def _pace(house: House, run: Run) -> Headers:
    """The tightest limits of pace, in OpenAI's headers."""
    headers: Headers = []
    now = house.now()
    for kind, standing in run.grant.pace():
        limit, remaining, reset = _PACE_HEADERS[kind]
        headers += [
            (limit, b"%d" % standing.limit),
            (remaining, b"%d" % max(0, standing.left)),
            (reset, duration(max(0, (standing.clear_at or now) - now)).encode()),
        ]
    return headers


async def _whole(
    exchange: Exchange, run: Run, answer: Answer, minted: str | None, limit: int, headers: Headers
) -> None:
    whole = read_whole(await answer.read_all(limit), minted)
    run.heard = whole
    run.settle("completed")
    await run.durable()
    cost = (b"x-cost-usd", format_usd(run.cost_pico).encode())
    await exchange.answer(200, [(b"content-type", JSON), cost, *headers], whole.body)


async def _stream(
    exchange: Exchange, run: Run, answer: Answer, reader: StreamReader, splitter: EventSplitter, headers: Headers
) -> None:
    kind = answer.headers.get(b"content-type", b"")
    if not kind.lower().startswith(EVENT_STREAM):
        raise UpstreamUnavailable("The upstream was asked for a stream and answered with something else.")
    run.heard = reader

    def relayed(data: bytes) -> bool:
        """Called as the bytes come. Whether to go on: not at the end, nor before the client took what it has."""
        again = None if splitter.unfinished else reader.again(data)
        if again is not None:
            return exchange.push(again)
        passed, failure = _take(reader, splitter, data)
        if run.first_token_ms is None and reader.content_events:
            run.saw_content()
        keeps_up = not passed or exchange.stream(passed, headers)
        if failure is not None:
            raise failure
        if reader.finished:
            run.finish_relayed = exchange.reads_on = True
        return keeps_up and not reader.done

    while not (reader.done or await answer.each(relayed)):
        await exchange.drained()
    if not reader.done or reader.finish_reason is None:  # Ollama breaks off without a word
        raise UpstreamFailure("The upstream broke off in the middle of its answer.", code="upstream_unavailable")
    run.settle("completed")
    await run.durable()
    exchange.stream(reader.end, headers)
    exchange.end()


def _take(reader: StreamReader, splitter: EventSplitter, data: bytes) -> tuple[bytes, GatewayError | None]:
    """What to pass on of `data`, and the failure that came after it, if one did."""
    passed: list[bytes] = []
    try:
        for event in splitter.feed(data):
            passed.append(reader.take(event))  # noqa: PERF401 (what came before a failure is kept)
    except EventTooLarge:
        return b"".join(passed), UpstreamFailure("The upstream sent an event that is too large to relay.")
    except GatewayError as error:
        return b"".join(passed), error
    return b"".join(passed), None


async def _refused(answer: Answer) -> GatewayError:
    """The error for an upstream's own."""
    message = error_message(await answer.read_all(_MAX_ERROR_BYTES))
    wait = answer.headers.get(b"retry-after", b"")
    return upstream_error(answer.status, message, float(wait) if wait.isdigit() else None)
