"""Successful and failed responses, and the times of tokens."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from tests.cli.load.conftest import Loaded
from tests.scripted import (
    STREAM_HEAD,
    Conn,
    Request,
    Script,
    ScriptedUpstream,
    chat_answer,
    chat_chunks,
    chunked,
    json_response,
    response,
    sse,
    streamed,
)
from tests.shapes import usage_object
from tollkeeper.cli.load import validation as validation
from tollkeeper.cli.load.connection import INCOMPLETE, NO_RESPONSE, NOT_HTTP, TIMED_OUT
from tollkeeper.cli.load.validation import ERROR_IN_STREAM, NO_DONE, NOT_JSON, TOO_LARGE

GOOD = json_response(chat_answer())
WHOLE_STREAM = streamed(*sse(*chat_chunks()))
ERROR = {"error": {"message": "x", "type": "server_error", "code": "upstream_error"}}


async def resets(conn: Conn, request: Request) -> None:
    conn.reset()


async def breaks_off(conn: Conn, request: Request) -> None:
    await conn.send(GOOD[:-5])
    conn.close()


async def is_silent(conn: Conn, request: Request) -> None:
    await conn.hang()


async def is_silent_in_mid_answer(conn: Conn, request: Request) -> None:
    await conn.send(GOOD[:-5])
    await conn.hang()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (json_response(ERROR, 502), "502 upstream_error"),
        (json_response({"error": "no"}, 500), "500"),
        (response(b"<html>", 404), "404"),
        (response(b"<html>"), NOT_JSON),
        (json_response(ERROR), "error with status 200"),
        (b"garbage\r\n\r\n", NOT_HTTP),
        (resets, NO_RESPONSE),
        (breaks_off, INCOMPLETE),
        (is_silent, TIMED_OUT),
        (is_silent_in_mid_answer, TIMED_OUT),
    ],
)
async def test_errors_of_whole_responses(up: ScriptedUpstream, loaded: Loaded, script: Script, reason: str) -> None:
    up.answer(GOOD, script, GOOD)
    # A busy machine may keep a good answer waiting, too.
    result = await loaded(requests=3, timeout=1 if reason == TIMED_OUT else 30)
    assert (result.answered, result.failed) == (2, 1)
    assert result.errors == {reason: 1}
    assert result.latency.count == 2


async def stream_breaks_off(conn: Conn, request: Request) -> None:
    await conn.send(streamed(*sse(*chat_chunks()), end=False)[:-40])
    conn.close()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (streamed(*sse(*chat_chunks(), done=False)), NO_DONE),
        (streamed(*sse(*chat_chunks()[:1], ERROR, done=False)), f"{ERROR_IN_STREAM} upstream_error"),
        (streamed(*sse(*chat_chunks()[:1], {"error": "no"})), ERROR_IN_STREAM),
        (streamed(*sse("not JSON")), NOT_JSON),
        (json_response(ERROR, 429), "429 upstream_error"),
        (GOOD, NO_DONE),
        (stream_breaks_off, INCOMPLETE),
    ],
)
async def test_errors_of_streams(up: ScriptedUpstream, loaded: Loaded, script: Script, reason: str) -> None:
    up.answer(WHOLE_STREAM, script, WHOLE_STREAM)
    result = await loaded(requests=3, stream=True)
    assert (result.answered, result.failed) == (2, 1)
    assert result.errors == {reason: 1}
    assert result.latency.count == 2


@pytest.mark.parametrize("stream", [False, True])
async def test_an_endless_response_is_not_kept_in_memory(
    up: ScriptedUpstream, loaded: Loaded, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    monkeypatch.setattr(validation, "MAX_BYTES", 100_000)

    async def endless(conn: Conn, request: Request) -> None:
        await conn.send(STREAM_HEAD)
        while True:
            await conn.send_chunk(b"x" * 10_000)

    up.answer(endless)
    result = await loaded(requests=1, stream=stream)
    assert result.errors == {TOO_LARGE: 1}


async def test_a_stream_in_single_bytes(up: ScriptedUpstream, loaded: Loaded) -> None:
    async def bytewise(conn: Conn, request: Request) -> None:
        for byte in WHOLE_STREAM:
            await conn.send(bytes([byte]))
            await asyncio.sleep(0)

    up.answer(bytewise)
    result = await loaded(requests=2, stream=True)
    assert result.answered == 2
    assert result.completion_tokens == 4
    assert result.events == 2 * len(sse(*chat_chunks()))


async def test_times_of_tokens(up: ScriptedUpstream, loaded: Loaded) -> None:
    """Events without content are no tokens: those with the role, the finish reason or the usage, and `[DONE]`."""
    role = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}

    async def speaks(conn: Conn, request: Request) -> None:
        await conn.send(STREAM_HEAD)
        events = sse(role, *chat_chunks(["a", "b", "c"], usage=(5, 3)))
        for number, event in enumerate(events):
            if number in {1, 2, 3}:
                await asyncio.sleep(0.05)
            await conn.send(chunked(event, end=False))
        await conn.end_chunks()

    up.always(speaks)
    result = await loaded(requests=2, stream=True)
    assert result.first.count == 2
    assert result.first.fastest >= 0.045
    assert result.between.count == 4
    assert result.between.average >= 0.04
    assert result.completion_tokens == 6
    assert result.tokens_rate == pytest.approx(6 / result.seconds)


async def test_usage_in_every_event_counts_once(up: ScriptedUpstream, loaded: Loaded) -> None:
    """Some servers send growing usage with each piece of text."""
    chunks = chat_chunks(include_usage=False)
    up.always(streamed(*sse(*({**chunk, "usage": usage_object((5, n))} for n, chunk in enumerate(chunks)))))
    assert (await loaded(requests=1, stream=True)).completion_tokens == 2


async def test_without_usage_there_are_no_tokens(up: ScriptedUpstream, loaded: Loaded) -> None:
    up.always(json_response(chat_answer(usage=None)))
    result = await loaded(requests=1)
    assert result.answered == 1
    assert result.completion_tokens is None
    assert result.tokens_rate is None


async def test_error_codes_of_a_server_are_filtered_and_bounded(up: ScriptedUpstream, loaded: Loaded) -> None:
    """A server may repeat the key that it refuses."""
    up.answer(json_response({"error": {"code": "sk-alice-123", "message": "sk-alice-123"}}, 401))
    assert (await loaded(requests=1)).errors == {"401": 1}
    names = ("".join(letters) for letters in itertools.product("abcdefgh", repeat=3))
    up.answer(*(json_response({"error": {"code": name}}, 400) for name in itertools.islice(names, 200)))
    result = await loaded(requests=200)
    assert len(result.errors) == 51
    assert result.errors["other errors"] == 150
