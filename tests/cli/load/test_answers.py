"""Which answers are good, what is wrong with the others, and when tokens came."""

from __future__ import annotations

import asyncio
import itertools
import ssl
import subprocess
from pathlib import Path

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
    head,
    json_response,
    response,
    sse,
    streamed,
)
from tests.shapes import usage_object
from tollkeeper.cli.failure import Failure
from tollkeeper.cli.load import reading
from tollkeeper.cli.load.connection import BROKE_OFF, NO_ANSWER, NOT_HTTP, SILENT
from tollkeeper.cli.load.reading import ERROR_IN_STREAM, NOT_DONE, NOT_JSON, TOO_LONG

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
    ("script", "words"),
    [
        (json_response(ERROR, 502), "502 upstream_error"),
        (json_response({"error": "no"}, 500), "500"),
        (response(b"<html>", 404), "404"),
        (response(b"<html>"), NOT_JSON),
        (json_response(ERROR), "an error with status 200"),
        (b"garbage\r\n\r\n", NOT_HTTP),
        (resets, NO_ANSWER),
        (breaks_off, BROKE_OFF),
        (is_silent, SILENT),
        (is_silent_in_mid_answer, SILENT),
    ],
)
async def test_what_is_wrong_with_a_whole_answer(
    up: ScriptedUpstream, loaded: Loaded, script: Script, words: str
) -> None:
    up.answer(GOOD, script, GOOD)
    # A busy machine may keep a good answer waiting, too.
    result = await loaded(requests=3, patience=1 if words == SILENT else 30)
    assert (result.answered, result.failed) == (2, 1)
    assert result.errors == {words: 1}
    assert result.latency.count == 2


async def stream_breaks_off(conn: Conn, request: Request) -> None:
    await conn.send(streamed(*sse(*chat_chunks()), end=False)[:-40])
    conn.close()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (streamed(*sse(*chat_chunks(), done=False)), NOT_DONE),
        (streamed(*sse(*chat_chunks()[:1], ERROR, done=False)), f"{ERROR_IN_STREAM} upstream_error"),
        (streamed(*sse(*chat_chunks()[:1], {"error": "no"})), ERROR_IN_STREAM),
        (streamed(*sse("not JSON")), NOT_JSON),
        (json_response(ERROR, 429), "429 upstream_error"),
        (GOOD, NOT_DONE),
        (stream_breaks_off, BROKE_OFF),
    ],
)
async def test_what_is_wrong_with_a_stream(up: ScriptedUpstream, loaded: Loaded, script: Script, words: str) -> None:
    up.answer(WHOLE_STREAM, script, WHOLE_STREAM)
    result = await loaded(requests=3, stream=True)
    assert (result.answered, result.failed) == (2, 1)
    assert result.errors == {words: 1}
    assert result.latency.count == 2


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_never_ends_is_not_held(
    up: ScriptedUpstream, loaded: Loaded, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    monkeypatch.setattr(reading, "BOUND", 100_000)

    async def endless(conn: Conn, request: Request) -> None:
        await conn.send(STREAM_HEAD)
        while True:
            await conn.send_chunk(b"x" * 10_000)

    up.answer(endless)
    result = await loaded(requests=1, stream=stream)
    assert result.errors == {TOO_LONG: 1}


async def test_answers_in_any_pieces(up: ScriptedUpstream, loaded: Loaded) -> None:
    async def bytewise(conn: Conn, request: Request) -> None:
        for byte in WHOLE_STREAM:
            await conn.send(bytes([byte]))
            await asyncio.sleep(0)

    up.answer(bytewise)
    result = await loaded(requests=2, stream=True)
    assert result.answered == 2
    assert result.completion_tokens == 4
    assert result.events == 2 * len(sse(*chat_chunks()))


async def test_connections_are_kept_alive(up: ScriptedUpstream, loaded: Loaded) -> None:
    assert (await loaded(requests=20)).answered == 20
    assert len(up.connections) == 2  # and the one that looked


async def test_a_connection_that_ends_is_replaced(up: ScriptedUpstream, loaded: Loaded) -> None:
    closing = response(b"{}", 200, "Connection: close")

    async def closes(conn: Conn, request: Request) -> None:
        await conn.send(closing)
        conn.close()

    up.answer(closes, closing, GOOD)
    assert (await loaded(requests=3)).answered == 3
    assert len(up.connections) == 4


async def test_the_end_of_the_connection_may_be_that_of_an_answer(up: ScriptedUpstream, loaded: Loaded) -> None:
    async def unframed(conn: Conn, request: Request) -> None:
        await conn.send(head(200, "Content-Type: application/json") + b'{"choices":[]}')
        conn.close()

    async def cut(conn: Conn, request: Request) -> None:
        await conn.send(head(200, "Content-Type: application/json") + b'{"choices":')
        conn.close()

    up.answer(unframed, cut)
    result = await loaded(requests=2)
    assert result.answered == 1
    assert result.errors == {NOT_JSON: 1}


async def test_an_interim_answer_is_none(up: ScriptedUpstream, loaded: Loaded) -> None:
    up.always(b"HTTP/1.1 103 Early Hints\r\n\r\n" + GOOD)
    result = await loaded(requests=3)
    assert result.answered == 3
    assert result.statuses == {200: 3}


async def test_tokens_and_when_they_came(up: ScriptedUpstream, loaded: Loaded) -> None:
    """Events without content are no tokens: not the one with the role, nor the reason, the usage, `[DONE]`."""
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


async def test_usage_on_every_event_counts_once(up: ScriptedUpstream, loaded: Loaded) -> None:
    """As some servers do: growing figures beside the words."""
    chunks = chat_chunks(include_usage=False)
    up.always(streamed(*sse(*({**chunk, "usage": usage_object((5, n))} for n, chunk in enumerate(chunks)))))
    assert (await loaded(requests=1, stream=True)).completion_tokens == 2


async def test_no_usage_no_tokens(up: ScriptedUpstream, loaded: Loaded) -> None:
    up.always(json_response(chat_answer(usage=None)))
    result = await loaded(requests=1)
    assert result.answered == 1
    assert result.completion_tokens is None
    assert result.tokens_rate is None


async def test_words_of_a_server_are_not_shown_and_are_few(up: ScriptedUpstream, loaded: Loaded) -> None:
    """Only what cannot be anything but a code: a server may repeat the key that it refuses."""
    up.answer(json_response({"error": {"code": "sk-alice-123", "message": "sk-alice-123"}}, 401))
    assert (await loaded(requests=1)).errors == {"401": 1}
    names = ("".join(letters) for letters in itertools.product("abcdefgh", repeat=3))
    up.answer(*(json_response({"error": {"code": name}}, 400) for name in itertools.islice(names, 200)))
    result = await loaded(requests=200)
    assert len(result.errors) == 51
    assert result.errors["other errors"] == 150


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    return key, cert


async def test_https(certificate: tuple[Path, Path], loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1], certificate[0])
    async with ScriptedUpstream(tls=context) as up:
        with pytest.raises(Failure, match="a certificate that is not trusted"):
            await loaded(up.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
        assert (await loaded(up.url, requests=4, connections=2)).answered == 4


async def test_ipv6(loaded: Loaded) -> None:
    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1):
            writer.write(response(b"{}", 200, "Connection: close"))
        writer.close()

    try:
        server = await asyncio.start_server(answers, "::1", 0)
    except OSError:
        pytest.skip("ci-ok: this machine has no IPv6")
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert (await loaded(f"http://[::1]:{port}", requests=2)).answered == 2
