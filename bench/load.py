"""A load generator that costs little beside what it measures: one Job on standard input, one Result on standard output.

A closed loop sends the next request of a connection when the answer to the last is there; an open loop sends at a fixed
rate, whatever comes back. Connections are kept alive, and each has one user's key.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections import deque
from collections.abc import Sequence
from functools import partial
from time import perf_counter
from typing import cast

import msgspec
import uvloop
from httptools import HttpParserError, HttpResponseParser
from msgspec import Struct

STREAM = b'"stream":true'
PATIENCE = 60.0
"""Seconds that answers under way at the end are waited for."""


class Job(Struct, frozen=True):
    """Requests of `body` to a port on loopback. `keys` go around the connections; none: no key is sent. For `seconds`,
    counted from the first request, requests begin; `rate` a second in all, 0 for a closed loop, whose connections then
    begin evenly over `stagger` seconds."""

    port: int
    keys: list[str]
    body: str
    connections: int
    seconds: float
    rate: float = 0
    stagger: float = 0


class Spread(Struct, frozen=True):
    """Percentiles, in seconds; 0 where nothing was measured."""

    p50: float
    p99: float


class Result(Struct, frozen=True):
    """`answered`: 200 and whole, a stream with its `[DONE]`; `failed`: anything else. `seconds` is until the last
    answer, `latency` of whole answers, `first` until the first bytes of content. `events` and `reads`: server-sent
    events, and pieces they came in. `cpu` is the generator's own, in seconds."""

    answered: int
    failed: int
    seconds: float
    latency: Spread
    first: Spread
    events: int
    reads: int
    cpu: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds


def spread(measured: Sequence[float]) -> Spread:
    if not measured:
        return Spread(0, 0)
    ordered = sorted(measured)
    return Spread(*(ordered[int(len(ordered) * share)] for share in (0.5, 0.99)))


class Load:
    """What all connections share: who sends when, and what came of it."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.streams = STREAM in job.body.encode()
        self._loop = asyncio.get_running_loop()
        self._idle: list[Client] = []
        self._late: deque[float] = deque()
        self._open = True
        self._over = asyncio.Event()
        self._running = 0
        self._alive = 0
        self.last = 0.0
        self.failed = self.events = self.reads = 0
        self.latencies: list[float] = []
        self.first: list[float] = []

    async def run(self) -> Result:
        job, loop = self._job, self._loop
        for number in range(job.connections):
            request = _request(job, job.keys[number % len(job.keys)] if job.keys else None)
            _, client = await loop.create_connection(partial(Client, self, request), "127.0.0.1", job.port)
            self._idle.append(client)
        self._alive = job.connections
        before, began = _cpu(), perf_counter()
        if job.rate:
            self._tick(loop.time(), 0)
        else:
            clients, self._idle = self._idle, []
            for number, client in enumerate(clients):
                loop.call_later(number * job.stagger / len(clients), self._begin, client)
        loop.call_later(job.seconds, self._close)
        await asyncio.wait_for(self._over.wait(), job.seconds + PATIENCE)
        return Result(
            answered=len(self.latencies),
            failed=self.failed,
            seconds=self.last - began,
            latency=spread(self.latencies),
            first=spread(self.first),
            events=self.events,
            reads=self.reads,
            cpu=_cpu() - before,
        )

    def free(self, client: Client) -> None:
        """Its answer is there."""
        self._running -= 1
        if self._late and self._open:
            self._begin(client, self._late.popleft())
        elif self._job.rate:
            self._idle.append(client)
        else:
            self._begin(client)
        self._see_end()

    def lost(self, client: Client, *, waited: bool) -> None:
        """Its connection has ended."""
        self._alive -= 1
        if client in self._idle:
            self._idle.remove(client)
        if waited:
            self.failed += 1
            self._running -= 1
        self._see_end()

    def _begin(self, client: Client, due: float | None = None) -> None:
        if self._open:
            self._running += 1
            client.send(perf_counter() if due is None else due)

    def _tick(self, start: float, number: int) -> None:
        if self._open:
            if self._idle:
                self._begin(self._idle.pop(0))
            else:
                self._late.append(perf_counter())  # it waits in line, and its wait counts
            self._loop.call_at(start + (number + 1) / self._job.rate, self._tick, start, number + 1)

    def _close(self) -> None:
        self._open = False
        self.failed += len(self._late)
        self._see_end()

    def _see_end(self) -> None:
        if not self._alive or not (self._open or self._running):
            self._over.set()


class Client(asyncio.Protocol):
    """One connection, one user."""

    def __init__(self, load: Load, request: bytes) -> None:
        self._load = load
        self._request = request
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waits = False
        self._began = 0.0
        self._first = 0.0
        self._newlines = 0
        self._last = b""

    def send(self, began: float) -> None:
        """`began` is the moment its latency counts from."""
        assert self._transport is not None
        self._waits = True
        self._began = began
        self._first = 0.0
        self._newlines = 0
        self._transport.write(self._request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._load.lost(self, waited=self._waits)

    def data_received(self, data: bytes) -> None:
        self._load.reads += 1
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            assert self._transport is not None
            self._transport.abort()

    def on_body(self, body: bytes) -> None:
        if not self._first:
            self._first = perf_counter()
        self._last = body
        self._newlines += body.count(b"\n")

    def on_message_complete(self) -> None:
        load, now = self._load, perf_counter()
        self._waits = False
        ended_well = self._last.endswith(b"[DONE]\n\n") if load.streams else True
        if self._parser.get_status_code() == 200 and ended_well:
            load.latencies.append(now - self._began)
            load.first.append(self._first - self._began)
            load.events += self._newlines // 2  # JSON on one line, and an empty one
        else:
            load.failed += 1
        load.last = now
        load.free(self)


def _request(job: Job, key: str | None) -> bytes:
    body = job.body.encode()
    authorization = f"authorization: Bearer {key}\r\n" if key else ""
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{job.port}\r\n{authorization}"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)

    async def run() -> Result:
        return await Load(job).run()

    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run())))


if __name__ == "__main__":
    main()
