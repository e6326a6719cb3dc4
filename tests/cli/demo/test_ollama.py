import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tollkeeper.cli.demo.ollama import has_models

WANTED = ("llama3.2:1b", "moondream:latest")


@asynccontextmanager
async def answering(status: str, body: str) -> AsyncIterator[str]:
    """A server that gives everyone the same answer."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def tags(*names: str) -> str:
    listed = ", ".join(f'{{"name": "{name}", "size": 1}}' for name in names)
    return f'{{"models": [{listed}]}}'


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        ("200 OK", tags("other:7b", "llama3.2:1b", "moondream:latest"), True),
        ("200 OK", tags("Llama3.2:1B", "moondream:latest"), True),
        ("200 OK", tags("llama3.2:1b"), False),
        ("200 OK", tags("llama3.2:latest", "moondream:latest"), False),
        ("200 OK", tags(), False),
        ("200 OK", "<html>a web server</html>", False),
        ("200 OK", "[]", False),
        ("404 Not Found", "{}", False),
        ("oops", "", False),
    ],
)
async def test_ollama_must_have_both_models(status: str, body: str, expected: bool) -> None:
    async with answering(status, body) as url:
        assert await has_models(url, WANTED) is expected


async def test_an_unreachable_ollama() -> None:
    async with answering("200 OK", "") as url:
        pass
    assert not await has_models(url, WANTED)
    assert not await has_models("http://no-such-name.invalid", WANTED)


@pytest.mark.parametrize("url", ["http://", "http://[", "https://user@"])
async def test_an_address_that_is_none(url: str) -> None:
    assert not await has_models(url, WANTED)
