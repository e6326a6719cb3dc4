"""Answers that are given away at the moment they come: as `read` gives them, but for the task that wakes up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from unittest.mock import Mock

import pytest

from tests.scripted import STREAM_HEAD, Gate, ScriptedUpstream, chunked, head, streamed
from tests.services.upstreams.http.helpers import open_client, post, sending, until
from tests.services.upstreams.http.test_connection import MB, ONE_READ, connection_of
from tests.services.upstreams.http.test_response import (
    CHUNKED,
    CUTS,
    ENDED_BY_THE_ANSWER,
    ENDED_BY_THE_CONNECTION,
    Recorder,
)
from tollkeeper.rules.errors import UpstreamFailure, UpstreamTimeout, UpstreamUnavailable
from tollkeeper.services.upstreams.http import ClientBounds, HttpClient, Timeouts
from tollkeeper.services.upstreams.http.connection import UpstreamConnection
from tollkeeper.services.upstreams.http.deadlines import Deadlines
from tollkeeper.services.upstreams.http.response import Response
from tollkeeper.services.upstreams.ports import Shortcut
from tollkeeper.wire.http.chunks import content_of

CASES = {name: (case, False) for name, case in ENDED_BY_THE_ANSWER.items()} | {
    name: (case, True) for name, case in ENDED_BY_THE_CONNECTION.items()
}


class Watched(Recorder):
    """Writes down each wait, too."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def watch(self, seconds: float) -> None:
        self.waits.append(seconds)


class Taker:
    """Keeps what it is given; `stops` says at which pieces, counted from 1, it wants no more."""

    def __init__(self, *stops: int) -> None:
        self.pieces: list[bytes] = []
        self._stops = stops

    def __call__(self, data: bytes) -> bool:
        assert data
        self.pieces.append(data)
        return len(self.pieces) not in self._stops

    @property
    def content(self) -> bytes:
        return b"".join(self.pieces)


def begun(limits: ClientBounds | None = None) -> tuple[Response, Watched]:
    line = Watched()
    answer = Response(line, Timeouts(event=7), limits or ClientBounds())
    answer.feed(CHUNKED)
    return answer, line


async def taking(answer: Response, taker: Callable[[bytes], bool]) -> asyncio.Task[bool]:
    """`each`, waiting for more."""
    task = asyncio.ensure_future(answer.each(taker))
    await asyncio.sleep(0)
    assert not task.done()
    return task


async def ended(task: asyncio.Task[bool]) -> bool:
    async with asyncio.timeout(60):
        return await task


@CUTS
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("early", [True, False], ids=["as they come", "all there before"])
async def test_it_gives_what_read_gives(case: str, cut: Callable[[bytes], list[bytes]], *, early: bool) -> None:
    (data, status, _, content, became), eof = CASES[case]
    line, taker = Recorder(), Taker()
    answer = Response(line, Timeouts(), ClientBounds(head=300))

    async def take_all() -> bool:
        await answer.head()
        return await answer.each(taker)

    task = asyncio.ensure_future(take_all())
    for piece in cut(data):
        answer.feed(piece)
        if early:
            for _ in range(3):
                await asyncio.sleep(0)
    if eof:
        answer.end(None)
    assert line.outcome == became
    if became in ("reusable", "spent"):
        assert await ended(task) is True
    else:
        with pytest.raises(UpstreamFailure):
            await task
    assert (answer.status, taker.content) == (status, content)


async def test_what_comes_is_given_before_any_task_runs() -> None:
    answer, line = begun()
    taker = Taker()
    task = await taking(answer, taker)
    for piece in (b"one", b"two"):
        answer.feed(chunked(piece, end=False))
        assert taker.pieces[-1] == piece
        assert answer.buffered == 0
    answer.feed(chunked(b"ab", size=1, end=False))  # what comes at once is given at once
    assert taker.pieces == [b"one", b"two", b"ab"]
    assert line.waits == [7] * 4, "each piece begins the silence anew"
    answer.feed(b"0\r\n\r\n")
    assert await ended(task) is True


@pytest.mark.parametrize("stop", [1, 2, 3])
@pytest.mark.parametrize("meanwhile", [0, 1, 2])
async def test_a_taker_that_stops_loses_nothing(stop: int, meanwhile: int) -> None:
    """`meanwhile`: pieces that come before its task has run."""
    answer, line = begun()
    taker = Taker(stop)
    task = await taking(answer, taker)
    parts = [b"%d" % number for number in range(stop + meanwhile)]
    for part in parts:
        answer.feed(chunked(part, end=False))
    assert taker.pieces == parts[:stop]
    assert await ended(task) is False
    answer.feed(chunked(b"more", end=False))
    assert taker.pieces == parts[:stop]
    task = await taking(answer, taker)
    answer.feed(chunked(b"last"))
    assert await ended(task) is True
    assert taker.content == b"".join(parts) + b"morelast"
    assert line.outcome == "reusable"


async def test_it_stops_at_what_was_there_before_too() -> None:
    answer, _ = begun()
    answer.feed(chunked(b"one", end=False))
    taker = Taker(1, 2)
    async with asyncio.timeout(60):
        assert await answer.each(taker) is False
        answer.feed(chunked(b"two"))
        assert await answer.each(taker) is False
        assert await answer.each(taker) is True
    assert taker.pieces == [b"one", b"two"]


async def test_what_comes_with_the_end_is_given_before_it() -> None:
    answer, line = begun()
    taker = Taker()
    task = await taking(answer, taker)
    answer.feed(chunked(b"last"))
    assert line.outcome == "reusable"
    assert await ended(task) is True
    assert taker.pieces == [b"last"]


@pytest.mark.parametrize("waiting", [True, False])
async def test_what_a_taker_raises_is_raised_and_the_rest_is_still_there(*, waiting: bool) -> None:
    def fails(data: bytes) -> bool:
        raise ZeroDivisionError(data)

    answer, line = begun()
    if waiting:
        task = await taking(answer, fails)
        answer.feed(chunked(b"one", end=False))
    else:
        answer.feed(chunked(b"one", end=False))
        task = asyncio.ensure_future(answer.each(fails))
        await asyncio.sleep(0)
    answer.feed(chunked(b"two", end=False))
    with pytest.raises(ZeroDivisionError, match="one"):
        await task
    assert line.outcome == "open", "to give the answer up is the caller's to decide"
    answer.feed(chunked(b"three"))
    taker = Taker()
    assert await answer.each(taker) is True
    assert taker.content == b"twothree"


@pytest.mark.parametrize("same", [True, False], ids=["with the piece", "after it"])
async def test_a_failure_is_raised_after_what_came_before_it(*, same: bool) -> None:
    answer, line = begun()
    taker = Taker()
    task = await taking(answer, taker)
    answer.feed(chunked(b"one", end=False))
    if same:
        answer.feed(chunked(b"two", end=False) + b"zz\r\n")
    else:
        answer.feed(chunked(b"two", end=False))
        answer.end(ConnectionResetError())
    with pytest.raises(UpstreamUnavailable):
        await task
    assert taker.content == b"onetwo"
    assert line.outcome == "UpstreamUnavailable"
    with pytest.raises(UpstreamUnavailable):
        await answer.each(taker)


async def test_a_taker_that_stopped_hears_of_a_failure_at_its_next_call() -> None:
    answer, _ = begun()
    taker = Taker(1)
    task = await taking(answer, taker)
    answer.feed(chunked(b"one", end=False) + b"zz\r\n")
    assert await ended(task) is False
    with pytest.raises(UpstreamUnavailable):
        await answer.each(taker)


async def test_a_taker_may_abort() -> None:
    def gives_up(_: bytes) -> bool:
        answer.abort()
        return True

    answer, line = begun()
    task = await taking(answer, gives_up)
    answer.feed(chunked(b"one", end=False))
    with pytest.raises(UpstreamFailure, match="given up"):
        await task
    assert line.outcome == "UpstreamFailure"


async def test_who_is_cancelled_aborts() -> None:
    answer, line = begun()
    taker = Taker()
    task = await taking(answer, taker)
    answer.feed(chunked(b"one", end=False))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert line.outcome == "UpstreamFailure"
    answer.feed(chunked(b"two"))
    assert taker.pieces == [b"one"]


async def test_one_taker_at_a_time() -> None:
    answer, _ = begun()
    taker, second = Taker(), Taker()
    task = await taking(answer, taker)
    with pytest.raises(RuntimeError, match="one reader"):
        await answer.each(second)
    answer.feed(chunked(b"one"))
    assert await ended(task) is True
    assert (taker.pieces, second.pieces) == ([b"one"], [])


# On a real socket


async def test_silence_counts_though_pieces_came_before(up: ScriptedUpstream) -> None:
    gate = Gate([STREAM_HEAD + chunked(b"one", end=False), chunked(b"two", end=False), b"0\r\n\r\n"])
    up.answer(gate)
    gate.open(2)
    async with open_client(up.url, timeouts=Timeouts(event=0.05)) as client:
        taker = Taker()
        answer = await post(client)
        with pytest.raises(UpstreamTimeout, match="fell silent"):
            await answer.each(taker)
        assert taker.content == b"onetwo"
        await up.connections[0].wait_closed()


async def test_a_whole_answer_leaves_a_connection_as_good_as_new(up: ScriptedUpstream, client: HttpClient) -> None:
    up.always(sending(streamed(b"one", b"two")))
    for _ in range(3):
        taker = Taker()
        assert await (await post(client)).each(taker) is True
        assert taker.content == b"onetwo"
    assert len(up.connections) == 1


async def test_the_upstream_is_held_back_while_nobody_takes(up: ScriptedUpstream) -> None:
    size = 20 * MB
    up.answer(sending(head(200, f"Content-Length: {size}"), *[bytes(MB)] * 20))
    async with open_client(up.url, limits=ClientBounds(buffered=65536)) as client:
        taken = pieces = 0

        def take(data: bytes) -> bool:
            nonlocal taken, pieces
            taken += len(data)
            pieces += 1
            return pieces % 5 != 0

        answer = await post(client)
        while not await answer.each(take):
            if pieces == 5:
                await until(lambda: not connection_of(client)._reading)
                await up.connections[0].blocked.wait()
            before = taken
            await asyncio.sleep(0)
            assert taken == before
            assert answer.buffered <= 65536 + ONE_READ
        assert taken == size
        assert client.statistics().idle == 1


async def test_who_is_cancelled_closes_the_connection(up: ScriptedUpstream, client: HttpClient) -> None:
    up.answer(sending(STREAM_HEAD, chunked(b"one", end=False)))
    taker = Taker()
    answer = await post(client)
    task = asyncio.ensure_future(answer.each(taker))
    await until(lambda: taker.pieces == [b"one"])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await up.connections[0].wait_closed()


# Around the parser


class Around:
    """Takes content either way, and writes down which."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.around: list[bytes] = []
        self.open = True

    def take(self, data: bytes) -> bool:
        self.pieces.append(data)
        return True

    def shortcut(self) -> Shortcut | None:
        return Shortcut(lambda chunk: chunk if content_of(chunk) else None, self.write) if self.open else None

    def write(self, chunk: bytes) -> None:
        content = content_of(chunk)
        assert content is not None
        self.pieces.append(content)
        self.around.append(content)


def on_a_line(limits: ClientBounds | None = None) -> tuple[UpstreamConnection, Response, list[object], Mock]:
    """A connection on a transport that is none, its response, and what it said of its end."""
    ends: list[object] = []
    transport = Mock(spec=asyncio.Transport)
    transport.get_write_buffer_size.return_value = 0
    line = UpstreamConnection(
        asyncio.get_running_loop(), limits or ClientBounds(head=300), lambda _: None, Deadlines([])
    )
    line.connection_made(transport)
    return line, line.start(b"", b"", ends.append, Timeouts(event=7)), ends, transport


async def around(line: UpstreamConnection, response: Response, taker: Around) -> asyncio.Task[bool]:
    """`each`, waiting for more after a first chunk."""
    line.data_received(CHUNKED + b"5\r\nfirst\r\n")
    task = asyncio.ensure_future(response.each(taker.take, taker.shortcut))
    await asyncio.sleep(0)
    assert taker.pieces == [b"first"]
    taker.pieces.clear()
    return task


@CUTS
@pytest.mark.parametrize("case", CASES)
async def test_around_the_parser_the_same_comes_out(case: str, cut: Callable[[bytes], list[bytes]]) -> None:
    (data, status, _, content, became), eof = CASES[case]
    line, response, _, _ = on_a_line()
    taker = Around()

    async def take_all() -> bool:
        await response.head()
        return await response.each(taker.take, taker.shortcut)

    task = asyncio.ensure_future(take_all())
    for piece in cut(data):
        line.data_received(piece)
        for _ in range(3):
            await asyncio.sleep(0)
    if eof:
        line.eof_received()
    if became in ("reusable", "spent"):
        assert await ended(task) is True
    else:
        with pytest.raises(UpstreamFailure):
            await task
    assert (response.status, b"".join(taker.pieces)) == (status, content)


async def test_whatever_the_cuts_chunks_come_out_alike() -> None:
    """Also where a size line is cut, or what looks like a chunk is inside of one."""
    parts = [b"one", b"3\r\ntwo\r\n", b"two\r\n" + b"x" * 14]  # the last, of 0x13 bytes, holds what 3 bytes would be
    text = b"".join(chunked(part, end=False) for part in parts) + b"0\r\n\r\n"
    went_around: set[bytes] = set()
    for first in range(len(text)):
        for second in range(first, len(text)):
            line, response, ends, _ = on_a_line()
            taker = Around()
            task = await around(line, response, taker)
            for piece in (text[:first], text[first:second], text[second:]):
                if piece:
                    line.data_received(piece)
            assert await ended(task) is True
            assert b"".join(taker.pieces) == b"".join(parts)
            assert ends == [line], "it can be used again"
            went_around.update(taker.around)
    assert went_around == set(parts)


@pytest.mark.parametrize("odd", [b"003\r\ntwo\r\n", b"3;a=b\r\ntwo\r\n", b"3\r\ntwo\r\n3\r\ntwo\r\n", b"3\r\nt"])
async def test_what_is_not_one_plain_chunk_is_parsed(odd: bytes) -> None:
    line, response, _, _ = on_a_line()
    taker = Around()
    task = await around(line, response, taker)
    for piece in (b"3\r\none\r\n", odd):
        line.data_received(piece)
    assert (taker.around, b"".join(taker.pieces)[3:4]) == ([b"one"], b"t")
    task.cancel()


async def test_garbage_behind_a_chunk_that_went_around_is_a_failure() -> None:
    line, response, ends, _ = on_a_line()
    taker = Around()
    task = await around(line, response, taker)
    line.data_received(b"3\r\none\r\n")
    line.data_received(b"zz\r\n")
    with pytest.raises(UpstreamUnavailable, match="not proper HTTP"):
        await task
    assert (taker.around, ends) == ([b"one"], [None])


async def test_an_end_behind_a_chunk_that_went_around_is_a_truncation() -> None:
    line, response, ends, _ = on_a_line()
    taker = Around()
    task = await around(line, response, taker)
    line.data_received(b"3\r\none\r\n")
    line.eof_received()
    with pytest.raises(UpstreamUnavailable, match="broke off"):
        await task
    assert (taker.around, ends) == ([b"one"], [None])


async def test_where_no_way_is_open_all_is_parsed_and_it_is_asked_for_again() -> None:
    line, response, _, _ = on_a_line()
    taker = Around()
    taker.open = False
    task = await around(line, response, taker)
    line.data_received(b"3\r\none\r\n")
    taker.open = True
    line.data_received(b"3\r\ntwo\r\n")
    line.data_received(b"5\r\nthree\r\n0\r\n\r\n")
    assert await ended(task) is True
    assert (taker.pieces, taker.around) == ([b"one", b"two", b"three"], [])

    line, response, _, _ = on_a_line()
    taker.open = False
    taker.pieces.clear()
    task = await around(line, response, taker)
    taker.open = True
    line.data_received(b"3\r\none\r\n")
    line.data_received(b"3\r\ntwo\r\n")
    assert taker.around == [b"two"]
    task.cancel()


async def test_once_stopped_nothing_goes_around_and_nothing_is_lost() -> None:
    line, response, _, _ = on_a_line()
    taker = Around()
    task = await around(line, response, taker)
    line.data_received(b"3\r\none\r\n")
    response.stop()
    line.data_received(b"3\r\ntwo\r\n")
    assert await ended(task) is False
    line.data_received(b"5\r\nthree\r\n")
    assert (taker.pieces, response.buffered) == ([b"one"], 8)
    response.stop()  # nobody reads
    task = asyncio.ensure_future(response.each(taker.take, taker.shortcut))
    await asyncio.sleep(0)
    line.data_received(b"4\r\nfour\r\n")
    line.data_received(b"0\r\n\r\n")
    assert await ended(task) is True
    assert (taker.pieces, taker.around) == ([b"one", b"twothree", b"four"], [b"one", b"four"])


async def test_who_is_cancelled_gets_nothing_more_around_the_parser() -> None:
    line, response, ends, transport = on_a_line()
    taker = Around()
    task = await around(line, response, taker)
    line.data_received(b"3\r\none\r\n")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    line.data_received(b"3\r\ntwo\r\n")
    assert (taker.pieces, ends, transport.abort.called) == ([b"one"], [None], True)


async def test_what_goes_around_begins_the_silence_anew() -> None:
    line, response, _, _ = on_a_line()
    taker = Around()
    task = await around(line, response, taker)
    line._since = -100.0  # as if the last had come long ago
    line.data_received(b"3\r\none\r\n")
    now = asyncio.get_running_loop().time()
    assert now < (line.check_deadline(now) or 0) <= now + 7
    assert (taker.around, response.waiting) == ([b"one"], True)
    line._since = -100.0
    assert line.check_deadline(now) is None
    with pytest.raises(UpstreamTimeout, match="fell silent for 7 s"):
        await task


async def test_nothing_goes_around_what_still_waits_to_be_parsed() -> None:
    line, response, _, _ = on_a_line(ClientBounds())
    taker = Around()
    task = await around(line, response, taker)
    long = chunked(b"x" * 58, end=False) * 2000  # 64 bytes each, so that what is parsed at once ends with one
    line.data_received(long)
    line.data_received(b"3\r\ntwo\r\n")
    assert not taker.around
    await until(lambda: b"".join(taker.pieces) == b"x" * 116_000 + b"two")
    line.data_received(b"5\r\nthree\r\n")
    assert taker.around == [b"three"]
    task.cancel()
