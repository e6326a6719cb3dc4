"""The body of a request, piece by piece, without a connection; compressed bodies are in `test_coded_bodies.py`."""

import asyncio
import gzip
from types import SimpleNamespace
from typing import Any

import pytest

from tollkeeper.gateway.http.request_body import ClientGone, RequestBody
from tollkeeper.gateway.memory import RequestMemory
from tollkeeper.rules.errors import RequestTimeout, RequestTooLarge, ServerOverloaded, UnsupportedCoding


class StubChannel:
    def __init__(self, *, timeout=30.0):
        self.loop = asyncio.get_running_loop()
        self.server = SimpleNamespace(body_timeout=timeout, draining=False)
        self.flow = SimpleNamespace(resume_reading=lambda _: None)
        self.written: list[bytes] = []
        self.write = self.written.append


def body_of(headers=None, version="1.1", **given):
    channel: Any = StubChannel(**given)
    return RequestBody(channel, version, headers or {}), channel


async def test_pieces_that_came_are_read_at_once_and_the_end_is_empty():
    body, _ = body_of()
    assert body.feed(b"a") == 1
    assert body.feed(b"bc") == 3
    assert await body.read() == b"abc"
    assert body.feed(b"d") == 1
    body.feed_end()
    assert [await body.read(), await body.read()] == [b"d", b""]
    assert not body.has_more


async def test_a_reader_waits_for_the_next_piece():
    body, _ = body_of()
    reading = asyncio.ensure_future(body.read())
    await asyncio.sleep(0)
    body.feed(b"a")
    assert await reading == b"a"


async def test_all_of_it_is_held_until_it_is_closed():
    body, _ = body_of()
    memory = RequestMemory(100)
    body.feed(b"a" * 60)
    body.feed_end()
    assert await body.read_all(60, memory) == b"a" * 60
    assert memory.held == 60
    body.close()
    body.close()
    assert memory.held == 0


async def test_a_body_over_its_bound_and_one_there_is_no_room_for():
    body, _ = body_of()
    body.feed(b"a" * 61)
    body.feed_end()
    with pytest.raises(RequestTooLarge):
        await body.read_all(60, RequestMemory(100))
    body, _ = body_of()
    memory = RequestMemory(50)
    body.feed(b"a" * 60)
    body.feed_end()
    with pytest.raises(ServerOverloaded):
        await body.read_all(60, memory)
    body.close()
    assert memory.held == 0


async def test_a_client_that_asks_before_it_sends_is_refused_without_sending():
    body, channel = body_of({b"expect": b"100-continue", b"content-length": b"61"})
    with pytest.raises(RequestTooLarge):
        await body.read_all(60, RequestMemory(100))
    assert channel.written == []


@pytest.mark.parametrize(("version", "asks"), [("1.1", True), ("1.0", False)])
async def test_who_waits_to_be_told_is_told_once(version, asks):
    body, channel = body_of({b"expect": b"100-Continue"}, version)
    for piece in (b"a", b"b"):
        reading = asyncio.ensure_future(body.read())
        await asyncio.sleep(0)
        body.feed(piece)
        assert await reading == piece
    assert channel.written == [b"HTTP/1.1 100 Continue\r\n\r\n"] * asks


async def test_what_does_not_come_in_time_or_at_all():
    body, _ = body_of(timeout=0.0)
    with pytest.raises(RequestTimeout):
        await body.read()
    body, _ = body_of()
    reading = asyncio.ensure_future(body.read())
    await asyncio.sleep(0)
    body.fail(ClientGone())
    with pytest.raises(ClientGone):
        await reading


async def test_what_is_dropped_is_not_kept():
    body, _ = body_of()
    body.feed(b"a")
    body.drop()
    assert body.feed(b"b") == 0


async def test_it_is_decoded_as_it_says():
    body, _ = body_of()
    assert body.decode([b"gzip"])
    body.feed(gzip.compress(b"hello"))
    body.feed_end()
    assert await body.read() + await body.read() == b"hello"
    plain, _ = body_of()
    assert not plain.decode([b"identity"])
    with pytest.raises(UnsupportedCoding):
        plain.decode([b"compress"])
