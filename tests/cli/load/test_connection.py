"""Connections of the generator: kept, replaced, over TLS and IPv6."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.cli.load.conftest import Loaded
from tests.scripted import (
    Conn,
    Request,
    ScriptedUpstream,
    chat_answer,
    head,
    json_response,
    response,
)
from tollkeeper.cli.failure import Failure
from tollkeeper.cli.load import validation as validation
from tollkeeper.cli.load.validation import NOT_JSON

GOOD = json_response(chat_answer())


async def test_connections_are_kept_alive(up: ScriptedUpstream, loaded: Loaded) -> None:
    assert (await loaded(requests=20)).answered == 20
    assert len(up.connections) == 2  # and the one that looked


async def test_a_closed_connection_is_replaced(up: ScriptedUpstream, loaded: Loaded) -> None:
    closing = response(b"{}", 200, "Connection: close")

    async def closes(conn: Conn, request: Request) -> None:
        await conn.send(closing)
        conn.close()

    up.answer(closes, closing, GOOD)
    assert (await loaded(requests=3)).answered == 3
    assert len(up.connections) == 4


async def test_a_response_may_end_with_its_connection(up: ScriptedUpstream, loaded: Loaded) -> None:
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


async def test_interim_responses_are_ignored(up: ScriptedUpstream, loaded: Loaded) -> None:
    up.always(b"HTTP/1.1 103 Early Hints\r\n\r\n" + GOOD)
    result = await loaded(requests=3)
    assert result.answered == 3
    assert result.statuses == {200: 3}


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
        with pytest.raises(Failure, match="untrusted certificate"):
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
