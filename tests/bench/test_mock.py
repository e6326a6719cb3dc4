"""The mock reads of a request where it ends and whether it asks for a stream, however a gateway writes both."""

from __future__ import annotations

import asyncio
import json

import pytest
from bench.mock import MODEL, Upstream, script


class Written(asyncio.Transport):
    """Keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.data += data


async def answered(*parts: bytes) -> list[bytes]:
    """What the mock has written after each part of a request."""
    transport = Written()
    upstream = Upstream(script(), asyncio.get_running_loop())
    upstream.connection_made(transport)
    written = []
    for part in parts:
        upstream.data_received(part)
        written.append(transport.data)
    upstream.connection_lost(None)
    return written


async def test_a_body_of_a_length_may_come_in_parts():
    first, second = await answered(b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n{}", b"{}")
    assert first == b""
    assert second.startswith(b"HTTP/1.1 200 OK")


async def test_a_body_in_chunks_ends_with_the_empty_one():
    first, second = await answered(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", b"0\r\n\r\n")
    assert first == b""
    assert second.count(b"HTTP/1.1 200 OK") == 1


@pytest.mark.parametrize("body", [b'{"stream":true}', b'{"stream": true}'])
async def test_a_stream_is_asked_for_with_and_without_a_space(body: bytes):
    [written] = await answered(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert b"text/event-stream" in written


@pytest.mark.parametrize(("path", "name"), [("/api/tags", "models"), ("/v1/models", "data")])
async def test_its_model_is_on_both_lists(path: str, name: str):
    [written] = await answered(f"GET {path} HTTP/1.1\r\n\r\n".encode())
    [model] = json.loads(written.partition(b"\r\n\r\n")[2])[name]
    assert MODEL in (model.get("id"), model.get("name"))
