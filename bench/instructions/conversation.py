"""Client and upstream in step with each other: neither sends before what the other sent has arrived.

So each event is one piece for the gateway too, however slow the machine is. An upstream thinks before it answers, as
every model does: long enough for the intent to be in the ledger by then.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue

from bench.mock import MODEL, Answer, Play, Script, Upstream, script
from bench.processes import BenchError, free_port

PATIENCE = 60.0
"""Seconds that anything is waited for."""
_THINKS_MS = 40
_CHAT = {
    "model": MODEL,
    "messages": [
        {"role": "system", "content": "You answer in one sentence."},
        {"role": "user", "content": "Which of Jupiter's moons is the largest, and who saw it first?"},
    ],
    "temperature": 0.2,
    "max_tokens": 200,
}
_EVENT_END = b"\n\n\r\n"
_STREAM_END = b"\r\n0\r\n\r\n"


class HeldUpstream(Upstream):
    """A connection of the bench's mock that gives its events to `hold` instead of sending them."""

    def __init__(
        self, answers: Script, loop: asyncio.AbstractEventLoop, hold: Callable[[Callable[[], None]], None]
    ) -> None:
        super().__init__(answers, loop)
        self._hold = hold

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _await_next(self, answer: Answer, sent: int, began: float) -> None:
        self._hold(partial(self._next, answer, sent, began))


class Mock:
    """An upstream in a thread of its own, whose streams have `events` events. A context manager."""

    def __init__(self, events: int) -> None:
        self.port = free_port()
        self._script = script()
        self._script.play(Play(delay_ms=_THINKS_MS, events=events))
        self._held: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._upstreams: list[HeldUpstream] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __repr__(self) -> str:
        return f"Mock(port {self.port}, {self._held.qsize()} events held)"

    def __enter__(self) -> Mock:
        self._loop.run_until_complete(self._loop.create_server(self._connected, "127.0.0.1", self.port))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def go_on(self) -> None:
        """Send the next event of a stream, or its end. Raises BenchError."""
        try:
            send = self._held.get(timeout=PATIENCE)
        except Empty:
            raise BenchError("the mock has no stream to go on with") from None
        self._loop.call_soon_threadsafe(send)

    def hang_up(self) -> None:
        """Close all connections."""
        for upstream in self._upstreams:
            self._loop.call_soon_threadsafe(upstream.hang_up)

    def _connected(self) -> HeldUpstream:
        upstream = HeldUpstream(self._script, self._loop, self._held.put)
        self._upstreams.append(upstream)
        return upstream


class Client:
    """One connection to the gateway. Methods raise BenchError where the answer is not what it should be."""

    def __init__(self, port: int, key: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._whole, self._stream = _request(key, {}), _request(key, {"stream": True})

    def close(self) -> None:
        self._socket.close()

    def whole(self) -> None:
        """Ask for a whole answer."""
        self._socket.sendall(self._whole)
        head, _, body = self._until(lambda came: b"\r\n\r\n" in came).partition(b"\r\n\r\n")
        _check(head)
        missing = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]) - len(body)
        self._until(lambda came: len(came) >= missing)

    def first(self) -> None:
        """Ask for a stream, and wait for its first event."""
        self._socket.sendall(self._stream)
        _check(self._until(lambda came: came.endswith(_EVENT_END)))

    def next(self) -> None:
        """Wait for another event."""
        self._until(lambda came: came.endswith(_EVENT_END))

    def last(self) -> None:
        """Wait for the end of the stream."""
        self._until(lambda came: came.endswith(_STREAM_END))

    def _until(self, complete: Callable[[bytes], bool]) -> bytes:
        came = b""
        while not complete(came):
            try:
                piece = self._socket.recv(65_536)
            except OSError as error:
                raise BenchError(f"the gateway stopped answering ({error}) after {came[:1000]!r}") from None
            if not piece:
                raise BenchError(f"the gateway closed the connection after {came[:1000]!r}")
            came += piece
        return came


def _check(answer: bytes) -> None:
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise BenchError(f"the gateway answered {answer[:1000]!r}")


def _request(key: str, more: dict[str, object]) -> bytes:
    body = json.dumps({**_CHAT, **more}, separators=(",", ":")).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nUser-Agent: bench\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
