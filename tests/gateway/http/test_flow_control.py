"""Flow control by itself, on a transport that notes what it is asked."""

from __future__ import annotations

import asyncio

from tollkeeper.gateway.http.flow_control import BEHIND, BODY_UNREAD, NEXT_UNREAD, TURN, FlowControl


class Noting(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.closing = False

    def pause_reading(self) -> None:
        self.asked.append("pause")

    def resume_reading(self) -> None:
        self.asked.append("resume")

    def is_closing(self) -> bool:
        return self.closing


async def test_reading_goes_on_once_no_reason_is_left() -> None:
    transport = Noting()
    flow = FlowControl(transport, asyncio.get_running_loop())
    flow.resume_reading(BODY_UNREAD)
    assert transport.asked == []
    flow.pause_reading(BODY_UNREAD)
    flow.pause_reading(TURN)
    flow.pause_reading(TURN)
    flow.resume_reading(BODY_UNREAD)
    assert transport.asked == ["pause"]
    flow.resume_reading(BEHIND, TURN)
    assert transport.asked == ["pause", "resume"]


async def test_what_waited_of_the_next_body_waits_for_its_reader_once_it_has_its_turn() -> None:
    transport = Noting()
    flow = FlowControl(transport, asyncio.get_running_loop())
    flow.pause_reading(NEXT_UNREAD)
    flow.resume_reading(BODY_UNREAD)
    assert transport.asked == ["pause"]
    flow.begin_next()
    flow.resume_reading(BODY_UNREAD)
    assert transport.asked == ["pause", "resume"]


async def test_a_connection_that_closes_is_not_read_again() -> None:
    transport = Noting()
    flow = FlowControl(transport, asyncio.get_running_loop())
    flow.pause_reading(TURN)
    transport.closing = True
    flow.resume_reading(TURN)
    assert transport.asked == ["pause"]


async def test_who_writes_waits_until_the_client_took_enough() -> None:
    flow = FlowControl(Noting(), asyncio.get_running_loop())
    await flow.drained()
    flow.pause_writing()
    waiting = asyncio.create_task(flow.drained())
    await asyncio.sleep(0)
    assert not waiting.done()
    flow.resume_writing()
    await waiting
