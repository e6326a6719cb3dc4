"""The relay without sockets: what happens to it, and what it does, line by line.

    await Playbook(stream=True).plays(
        upstream(STREAM_HEAD, ONE),      # happens
        "client gets 200",               # is done
        "client gets one",
        client_leaves,                   # happens
        "upstream aborted",              # is done
        "settled as cancelled",
    )

The upstream's bytes go through a connection of our own client; what goes to the client comes out of a real exchange.
Between them stand no socket and no clock. Whatever is done must be written down, in its order.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

from tollkeeper.gateway.context import Bounds, GatewayContext
from tollkeeper.gateway.http.channel import Channel
from tollkeeper.gateway.http.event_stream import EventStream
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.gateway.http.flow_control import FlowControl
from tollkeeper.gateway.http.server_state import ServerState
from tollkeeper.gateway.memory import FREE, ResponseMemory
from tollkeeper.gateway.relay import relay
from tollkeeper.rules.errors import Forbidden, GatewayError, UpstreamFailure
from tollkeeper.rules.ids import request_id
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.services.ledger.observers import Observer
from tollkeeper.services.limits.grant import Grant
from tollkeeper.services.models.catalog import Deployment
from tollkeeper.services.requests.dispatched import DispatchedRequests, Started
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.http.bounds import ClientBounds, Timeouts
from tollkeeper.services.upstreams.http.connection import UpstreamConnection
from tollkeeper.services.upstreams.http.deadlines import Deadlines
from tollkeeper.services.upstreams.http.response import Response
from tollkeeper.services.upstreams.ports import Client
from tollkeeper.services.upstreams.registry import Upstream
from tollkeeper.store.ports.ledger import Ledger
from tollkeeper.store.ports.records import Intent, Record
from tollkeeper.wire.openai.dialect import OPENAI
from tollkeeper.wire.openai.request import CHAT, read_request

(ADAPTER,) = OPENAI.adapters[CHAT.path]
NOW = 1_795_181_970_000
Happens = Callable[["Playbook"], None]
Line = Happens | str

LAG = 2 * FREE
_TURNS = 20
"""Turns of the loop after which nothing moves any more that does not wait for something to happen."""


def upstream(*data: bytes) -> Happens:
    """The upstream sends this, in these pieces."""

    def happen(play: Playbook) -> None:
        for piece in data:
            play.line.data_received(piece)

    return happen


def unparsed(data: bytes) -> Happens:
    """The upstream sends this, which the parser of the response does not see."""

    def happen(play: Playbook) -> None:
        parsed = play.response._wire
        play.line.data_received(data)
        assert play.response._wire == parsed

    return happen


def counted(events: int) -> Happens:
    """So many events with output were counted."""

    def happen(play: Playbook) -> None:
        assert play.exchange.run is not None
        assert play.exchange.run.partial.content_events == events

    return happen


def held(size: int) -> Happens:
    """So many bytes are counted as memory of responses."""

    def happen(play: Playbook) -> None:
        assert play.memory.held == size

    return happen


def only_what_is_needed(play: Playbook) -> None:
    """Nothing is kept of the heads, since a stream may last for long."""
    exchange = play.exchange
    kept = exchange.headers, exchange.all_headers, exchange.body.headers, play.response.headers, play.stream.headers
    assert not any(kept), kept


def unread(play: Playbook) -> None:
    """Nothing is done yet."""


def at_once(*happens: Happens) -> Happens:
    """All of this, before any task runs."""

    def happen(play: Playbook) -> None:
        for one in happens:
            one(play)

    return happen


def upstream_closes(play: Playbook) -> None:
    play.line.eof_received()


def upstream_falls_silent(play: Playbook) -> None:
    play.response.timed_out()


def client_is_full(play: Playbook) -> None:
    """The client has more to take than it should."""
    play.exchange._channel.flow.pause_writing()
    play.exchange.interrupt()


def full_with_the_next(play: Playbook) -> None:
    """What is written next is more than the client takes: `LAG` bytes wait."""
    cast("_Channel", play.exchange._channel).full_with_the_next = True


def client_drained(play: Playbook) -> None:
    cast("_Channel", play.exchange._channel).unsent = 0
    play.exchange._channel.flow.resume_writing()


def client_leaves(play: Playbook) -> None:
    play.exchange.on_disconnect()


def record_durable(play: Playbook) -> None:
    play.record_durable.set_result(None)


def key_revoked(play: Playbook) -> None:
    play.exchange.end_with(Forbidden("Your access was ended while this request ran."))


class _Channel:
    """The client's end: notes what is written, as a reader of it would say it."""

    def __init__(self, play: Playbook) -> None:
        self.loop = asyncio.get_running_loop()
        transport = SimpleNamespace(is_closing=lambda: False, pause_reading=None, resume_reading=None)
        self.flow = FlowControl(cast("asyncio.Transport", transport), self.loop)
        self.server = ServerState(
            dialect=OPENAI,
            head_timeout=9,
            body_timeout=9,
            keep_alive_timeout=9,
            stall_timeout=9,
            per_address=0,
            now=lambda: NOW,
            new_request_id=lambda ms: request_id(ms, bytes(8)),
        )
        self.peer = self.local = self.last_key = None
        self.unsent = 0
        self.full_with_the_next = False
        self._play = play

    def write(self, data: bytes) -> None:
        if self.full_with_the_next:
            self.full_with_the_next = False
            self.unsent = LAG
            client_is_full(self._play)
        head, empty, content = data.partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 "):
            assert empty
            self._play.did(f"client gets {int(head.split(b' ')[1])}")
            data = content
        for line in data.split(b"\n"):
            self._said(line.strip())

    def _said(self, line: bytes) -> None:
        if line == b"data: [DONE]":
            self._play.did("client gets [DONE]")
        elif line.startswith((b"data: {", b"{")):
            self._play.did(f"client gets {_in_short(json.loads(line.removeprefix(b'data: ')))}")
        elif line == b"0":
            self._play.did("client gets the end")

    def abort(self) -> None:
        self._play.did("client aborted")

    def release_parser(self) -> None:
        pass

    def response_sent(self) -> None:
        pass


def _in_short(body: dict[str, Any]) -> str:
    if body.get("error"):
        return f"error {body['error']['code']}"
    choice = body["choices"][0]
    if "message" in choice:
        return str(choice["message"]["content"])
    return str(choice["finish_reason"] or choice["delta"]["content"])


class _Line(UpstreamConnection):
    """The connection to the upstream, on a transport that is none."""

    def __init__(self, play: Playbook) -> None:
        super().__init__(asyncio.get_running_loop(), ClientBounds(), lambda _: None, Deadlines([]))
        self._play = play
        transport = Mock(spec=asyncio.Transport)
        transport.get_write_buffer_size.return_value = 0
        self.connection_made(transport)

    def failed(self, error: UpstreamFailure) -> None:
        if "given up" in error.message:
            self._play.did("upstream aborted")
        super().failed(error)


class _Ledger:
    failing = None

    def __init__(self, play: Playbook) -> None:
        self._play = play

    def intend(self, intent: Intent) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()

    def settle(self, record: Record) -> asyncio.Future[None]:
        self._play.did(f"settled as {record.status}")
        return self._play.record_durable


class _Observer:
    """One that nothing interests."""

    def settled(self, *_: object) -> None: ...
    def upstream_failed(self, *_: object) -> None: ...


class _Grant:
    """One that nothing limits."""

    allowance = None
    ahead = 0
    bound = None
    taken_over = False
    pace: tuple[Any, ...] = ()

    def settle(self, *_: object) -> None: ...

    def estimate(self, model: str) -> int:
        return 7


class Playbook:
    """One request that was dispatched. `max_event` bounds an event, in bytes."""

    line: _Line
    response: Response
    exchange: Exchange
    stream: EventStream
    record_durable: asyncio.Future[None]

    def __init__(self, *, stream: bool, max_event: int = 1000) -> None:
        self._stream = stream
        self._max_event = max_event
        self._done: list[str] = []
        self.memory = ResponseMemory(1_000_000)

    def did(self, what: str) -> None:
        self._done.append(what)

    async def plays(self, *lines: Line) -> None:
        """Have it happen, and compare what is done after each with the lines that follow. Then it must be over."""
        self.record_durable = asyncio.get_running_loop().create_future()
        self.line = _Line(self)
        self.response = self.line.start(b"", b"", lambda _: None, Timeouts())
        self.exchange = Exchange(
            cast("Channel", _Channel(self)),
            "POST",
            CHAT.path,
            CHAT.path.encode(),
            b"",
            [(b"host", b"x")],
            {b"host": b"x"},
            "1.1",
            keep_alive=True,
        )
        task = self.exchange.task = asyncio.create_task(self._life())
        try:
            await self._turn()
            said: list[str] = []
            for line in [*lines, None]:
                if isinstance(line, str):
                    said.append(line)
                    continue
                assert self._done == said, f"did {self._done}, not {said}"
                self._done.clear()
                said.clear()
                if line is not None:
                    line(self)
                    await self._turn()
            assert task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _turn(self) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    async def _life(self) -> None:
        """As the router and the life of a request have it."""
        exchange = self.exchange
        try:
            await self._relay()
        except GatewayError as error:
            await exchange.fail(error)
        except asyncio.CancelledError:
            if exchange.cut is not None:
                await exchange.fail(exchange.cut)
            elif not exchange.disconnected:
                raise
        finally:
            exchange.close()

    async def _relay(self) -> None:
        body = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "stream": self._stream}
        request = read_request(json.dumps(body).encode(), CHAT)
        requests = DispatchedRequests(
            cast("Ledger", _Ledger(self)),
            cast("Observer", _Observer()),
            lambda: NOW,
            lambda: 0.0,
        )
        user = SimpleNamespace(user_id="alice")
        caller = cast("Caller", SimpleNamespace(user=user, key_id="k", credential="k", team_id=None, end_user_id=None))
        upstream = Upstream(UpstreamConfig("ollama", OLLAMA, "http://127.0.0.1:9"), cast("Client", None))
        grant, exchange = cast("Grant", _Grant()), self.exchange
        context = SimpleNamespace(
            response_memory=self.memory, bounds=Bounds(1000, self._max_event, 100_000), now=lambda: NOW
        )
        exchange.watch()
        stream = self.stream = EventStream(exchange, [])
        with requests.begin(Started("r", NOW, 0.0), caller, request, grant, exchange.end_with) as run:
            exchange.run = run
            run.attempt(Deployment("tiny", upstream, "tiny"), None)
            run.journal()
            run.sent = True
            try:
                await self.response.head()
                await relay(
                    cast("GatewayContext", context), exchange, ADAPTER, run, request, self.response,
                    stream if self._stream else None,
                )  # fmt: skip
            finally:
                self.response.abort()
