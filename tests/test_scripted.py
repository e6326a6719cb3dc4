"""The scripted upstream answers like a small Ollama when no script says otherwise."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.scripted import Conn, Request, ScriptedUpstream, chunked
from tollkeeper.services.upstreams.http import HttpClient

MODELS = {"tiny:latest": ("completion", "tools"), "moondream:latest": ("completion", "vision")}


@pytest.fixture
async def up() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream(MODELS) as upstream:
        yield upstream


async def call(up: ScriptedUpstream, method: bytes, target: bytes, value: object = None) -> tuple[int, bytes]:
    client = HttpClient(up.url)
    try:
        body = b"" if value is None else json.dumps(value).encode()
        answer = await (await client.acquire()).send(method, target, (), body)
        return answer.status, bytes(await answer.read_all(10**6))
    finally:
        await client.close()


async def test_models_and_what_they_can(up: ScriptedUpstream) -> None:
    status, body = await call(up, b"GET", b"/api/tags")
    assert (status, [model["model"] for model in json.loads(body)["models"]]) == (200, list(MODELS))
    for name in ("moondream", "moondream:latest"):
        _, body = await call(up, b"POST", b"/api/show", {"model": name})
        assert json.loads(body)["capabilities"] == ["completion", "vision"]
    assert (await call(up, b"POST", b"/api/show", {"model": "nope"}))[0] == 404


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
async def test_usage_in_a_stream_only_where_asked(up: ScriptedUpstream, path: str) -> None:
    for options, told in (({}, False), ({"stream_options": {"include_usage": True}}, True)):
        _, body = await call(up, b"POST", path.encode(), {"model": "tiny", "stream": True, **options})
        *events, done = [line for line in body.decode().split("\n\n") if line]
        assert done == "data: [DONE]"
        last = json.loads(events[-1].removeprefix("data: "))
        assert (last["choices"] == []) is told
        assert last.get("usage", {}).get("total_tokens") == (7 if told else None)
    assert len(up.calls(f"POST {path}")) == 2


async def test_whole_answers(up: ScriptedUpstream) -> None:
    _, body = await call(up, b"POST", b"/v1/chat/completions", {"model": "tiny"})
    assert json.loads(body)["choices"][0]["message"] == {"role": "assistant", "content": "Hello world"}
    _, body = await call(up, b"POST", b"/v1/completions", {"model": "tiny"})
    assert json.loads(body)["choices"][0]["text"] == "Hello world"
    _, body = await call(up, b"POST", b"/v1/embeddings", {"model": "tiny", "input": ["a", "b"]})
    assert len(json.loads(body)["data"]) == 2
    assert (await call(up, b"GET", b"/nothing"))[0] == 404


async def test_a_script_that_fails_fails_the_test() -> None:
    async def script(conn: Conn, request: Request) -> None:
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        raise ValueError("of the script")

    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 (the block must end for it to raise)
        async with ScriptedUpstream() as up:
            up.answer(script)
            await call(up, b"GET", b"/")
            await up.connections[0].wait_closed()
    assert str(caught.value.exceptions[0]) == "of the script"


async def test_a_connection_that_ended_by_itself_is_no_trouble_at_the_end() -> None:
    """Closed while something was still to be sent, and ended once that was."""
    content = b"x" * 10**7
    async with ScriptedUpstream() as up:
        up.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))
        reader, writer = await asyncio.open_connection("127.0.0.1", up.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        up.connections[0].close()
        assert await reader.read(-1) == content
        await up.connections[0].wait_closed()
        writer.close()


def test_chunks_are_cut_anywhere() -> None:
    assert chunked(b"hello", 1, 4) == b"1\r\nh\r\n3\r\nell\r\n1\r\no\r\n0\r\n\r\n"
    assert chunked(b"hello", size=2, end=False) == b"2\r\nhe\r\n2\r\nll\r\n1\r\no\r\n"
