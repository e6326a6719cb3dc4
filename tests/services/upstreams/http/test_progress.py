"""How much of a request was sent when it failed, and whether it is sent again: a paid one only where that is safe."""

from __future__ import annotations

import os
import socket

import pytest

from tests.scripted import Conn, Request, ScriptedUpstream, json_response
from tests.services.upstreams.http.helpers import hanging, open_client, post, sending
from tollkeeper.rules.errors import UpstreamFailure, UpstreamTimeout, UpstreamUnavailable
from tollkeeper.services.upstreams.http import HttpClient, Timeouts

OK = json_response({"ok": True})
LARGE = bytes(64 << 20)
"""More than any buffer between two sockets holds."""


async def failure(client: HttpClient, body: bytes = b"{}") -> UpstreamFailure:
    with pytest.raises(UpstreamFailure) as caught:
        await post(client, body)
    return caught.value


async def test_nothing_where_there_is_no_connection(up: ScriptedUpstream) -> None:
    await up.stop_listening()
    async with open_client(up.url) as client:
        assert (await failure(client)).progress == "nothing"


async def test_nothing_when_the_gateway_stops(up: ScriptedUpstream, client: HttpClient) -> None:
    await client.close()
    assert (await failure(client)).progress == "nothing"


@pytest.mark.parametrize("answer", [b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-le"])
@pytest.mark.parametrize("end", [Conn.close, Conn.reset])
async def test_the_whole_where_an_answer_began(
    up: ScriptedUpstream, client: HttpClient, answer: bytes, end: object
) -> None:
    up.always(sending(answer, then=end))  # type: ignore[arg-type]
    assert (await failure(client)).progress == "whole"
    assert len(up.requests) == 1


async def test_the_whole_after_a_silence(up: ScriptedUpstream) -> None:
    up.always(hanging)
    async with open_client(up.url, timeouts=Timeouts(first_byte=0.02)) as client:
        error = await failure(client)
        assert isinstance(error, UpstreamTimeout)
        assert error.progress == "whole"


@pytest.mark.parametrize("is_paid", [False, True])
@pytest.mark.parametrize("end", [Conn.close, Conn.reset])
async def test_a_part_is_sent_again_once(is_paid: bool, end: object) -> None:
    async with ScriptedUpstream(early=True) as up, open_client(up.url, is_paid=is_paid) as client:
        up.always(sending(then=end))  # type: ignore[arg-type]
        error = await failure(client, LARGE)
        assert (error.status, error.progress) == (502, "part")
        assert len(up.requests) == len(up.connections) == 2
        assert client.statistics().retried == 1


async def test_a_part_after_a_silence_is_not_sent_again() -> None:
    async with ScriptedUpstream(early=True) as up:
        up.always(hanging)
        async with open_client(up.url, timeouts=Timeouts(first_byte=0.02)) as client:
            error = await failure(client, LARGE)
            assert isinstance(error, UpstreamTimeout)
            assert error.progress == "part"
            assert len(up.requests) == 1


@pytest.mark.parametrize("end", [Conn.close, Conn.reset])
async def test_a_paid_request_that_may_have_been_served_is_not_sent_again(up: ScriptedUpstream, end: object) -> None:
    up.answer(OK, sending(then=end))  # type: ignore[arg-type]
    async with open_client(up.url, is_paid=True) as client:
        await (await post(client)).read_all(100)
        error = await failure(client)
        assert isinstance(error, UpstreamUnavailable)
        assert (error.status, error.progress) == (502, "whole")
        assert len(up.requests) == 2
        assert client.statistics().retried == 0


async def test_a_paid_request_goes_to_a_fresh_connection_where_the_kept_one_has_ended(up: ScriptedUpstream) -> None:
    up.always(OK)
    async with open_client(up.url, is_paid=True) as client:
        await (await post(client)).read_all(100)
        lease = await client.acquire()
        # The end is there, and the loop has had no turn to see it.
        with socket.socket(fileno=os.dup(up.connections[0].transport.get_extra_info("socket").fileno())) as end:
            end.shutdown(socket.SHUT_RDWR)
        assert await (await lease.send(b"POST", b"/", (), b"again")).read_all(100) == b'{"ok":true}'
        assert [request.body for request in up.requests] == [b"{}", b"again"]
        assert client.statistics().retried == 1


async def test_of_two_attempts_the_one_that_got_further_counts(up: ScriptedUpstream, client: HttpClient) -> None:
    async def close_for_good(conn: Conn, _: Request) -> None:
        await up.stop_listening()
        conn.close()

    up.answer(OK, close_for_good)
    await (await post(client)).read_all(100)
    error = await failure(client)
    assert (error.status, error.progress) == (503, "whole")
