"""A response of events: its head waits for the first, and an error that comes later is the last."""

from tests.gateway.http.served import LAST, Served
from tollkeeper.gateway.http.event_stream import EventStream
from tollkeeper.rules.errors import UpstreamTimeout


async def test_the_head_goes_out_with_the_first_event():
    async def answer(exchange):
        stream = EventStream(exchange, [(b"x-a", b"b")])
        assert not exchange.started
        stream.send(b"data: 1\n\n")
        assert exchange.started
        exchange.end()

    async with Served(answer).open() as served:
        told = await served.told(LAST)
    head, _, rest = told.partition(b"\r\n\r\n")
    for line in (b"content-type: text/event-stream", b"cache-control: no-cache", b"x-accel-buffering: no", b"x-a: b"):
        assert head.count(line) == 1
    assert rest == b"9\r\ndata: 1\n\n\r\n0\r\n\r\n"


async def test_an_error_before_any_event_is_a_response_of_its_own():
    async def answer(exchange):
        EventStream(exchange, [])
        raise UpstreamTimeout("Slow.")

    async with Served(answer).open() as served:
        told = await served.told(LAST)
    assert told.startswith(b"HTTP/1.1 504 ")
    assert b"event-stream" not in told


async def test_an_error_behind_an_event_is_the_last_of_them():
    async def answer(exchange):
        EventStream(exchange, []).send(b"data: 1\n\n")
        raise UpstreamTimeout("Slow.")

    async with Served(answer).open() as served:
        told = await served.told(LAST)
    assert told.startswith(b"HTTP/1.1 200 ")
    assert told.index(b"data: 1") < told.index(b"upstream_timeout")
    assert b"x-should-retry" not in told


async def test_comments_may_come_before_the_first_event_and_none_behind_it():
    noted = []

    async def answer(exchange):
        stream = EventStream(exchange, [(b"x-a", b"b")], lambda: noted.append(exchange.started))
        stream.comment("waiting")
        assert exchange.started
        assert not stream.answering
        stream.send(b": from upstream\n\n")
        stream.send(b"data: 1\n\n")
        stream.begin_answering()
        stream.comment("loading")
        exchange.end()

    async with Served(answer).open() as served:
        told = await served.told(LAST)
    assert noted == [True]
    assert b": waiting\n\n" in told
    assert told.index(b": waiting\n\n") < told.index(b": from upstream\n\n") < told.index(b"data: 1\n\n")
    assert b"loading" not in told


async def test_an_error_behind_a_comment_is_an_event():
    async def answer(exchange):
        EventStream(exchange, []).comment("waiting")
        raise UpstreamTimeout("Slow.")

    async with Served(answer).open() as served:
        told = await served.told(LAST)
    assert told.startswith(b"HTTP/1.1 200 ")
    assert told.index(b": waiting") < told.index(b"upstream_timeout")
