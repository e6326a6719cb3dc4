"""CPU of the gateway for an event of a stream, in each dialect, as it is and translated, beside chat's.

    python -m bench.dialects [--events 4000]

Client and upstream run in step: an event is sent when the client has the one before, so each is one piece for the
gateway. The dialects take turns in rounds, and a figure is a ratio against chat of the same round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.contenders.tollkeeper import THREE_LIMITS, Desk
from bench.processes import GATEWAY_CORE, BenchError, free_port, serving

EVENTS = 4000
ROUNDS = 5
PATIENCE = 30.0
_TEXT = "word " * 10

Event = tuple[str, object]
"""The name of a server-sent event, "" for none, and its data."""


class Format(NamedTuple):
    """What an upstream streams: what comes before the text, a piece of text, and what ends it. `lines`:
    newline-delimited JSON instead of server-sent events."""

    begin: Sequence[Event]
    text: Event
    end: Sequence[Event]
    lines: bool = False

    def bytes_of(self, events: Sequence[Event]) -> bytes:
        return b"".join(self._one(name, data) for name, data in events)

    def _one(self, name: str, data: object) -> bytes:
        text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
        if self.lines:
            return text.encode() + b"\n"
        return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


def _chunk(**more: object) -> Event:
    return "", {
        "id": "chatcmpl-7", "object": "chat.completion.chunk", "created": 1_767_225_600, "model": "m",
        "system_fingerprint": "fp_ollama", **more,
    }  # fmt: skip


def _typed(kind: str, **more: object) -> Event:
    return kind, {"type": kind, **more}


def _line(**more: object) -> Event:
    return "", {"model": "m", "created_at": "2026-01-01T00:00:00.123456Z", **more}


_RESPONSE = {"id": "resp_1", "object": "response", "created_at": 1_767_225_600, "model": "m", "status": "in_progress"}
_TOKENS = {"input_tokens": 26, "output_tokens": 64, "total_tokens": 90}
FORMATS: Mapping[str, Format] = {
    "/v1/chat/completions": Format(
        [],
        _chunk(choices=[{"index": 0, "delta": {"role": "assistant", "content": _TEXT}, "finish_reason": None}]),
        [
            _chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]),
            _chunk(choices=[], usage={"prompt_tokens": 26, "completion_tokens": 64, "total_tokens": 90}),
            ("", "[DONE]"),
        ],
    ),
    "/v1/messages": Format(
        [
            _typed(
                "message_start",
                message={
                    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
                    "usage": {"input_tokens": 26, "output_tokens": 1},
                },
            ),
            _typed("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        ],
        _typed("content_block_delta", index=0, delta={"type": "text_delta", "text": _TEXT}),
        [
            _typed("content_block_stop", index=0),
            _typed("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 64}),
            _typed("message_stop"),
        ],
    ),
    "/v1/responses": Format(
        [
            _typed("response.created", response=_RESPONSE, sequence_number=0),
            _typed(
                "response.output_item.added",
                item={"id": "msg_1", "type": "message", "role": "assistant", "content": [], "status": "in_progress"},
                output_index=0,
                sequence_number=1,
            ),
        ],
        _typed(
            "response.output_text.delta", content_index=0, delta=_TEXT, item_id="msg_1", output_index=0, logprobs=[],
            sequence_number=2,
        ),
        [
            _typed(
                "response.completed",
                response=_RESPONSE | {"status": "completed", "output": [], "usage": _TOKENS},
                sequence_number=3,
            )
        ],
    ),
    "/api/chat": Format(
        [],
        _line(message={"role": "assistant", "content": _TEXT}, done=False),
        [
            _line(
                message={"role": "assistant", "content": ""}, done=True, done_reason="stop", prompt_eval_count=26,
                eval_count=64,
            )
        ],
        lines=True,
    ),
}  # fmt: skip

_MESSAGES = [{"role": "user", "content": "hi"}]
BODIES: Mapping[str, Mapping[str, object]] = {
    "/v1/chat/completions": {"messages": _MESSAGES},
    "/v1/messages": {"messages": _MESSAGES, "max_tokens": 200_000},
    "/v1/responses": {"input": "hi"},
    "/api/chat": {"messages": _MESSAGES},
}


class Case(NamedTuple):
    """Streams asked for at `path` of an upstream that streams by `served`; `upstream` is a name of `UPSTREAMS`."""

    path: str
    served: str
    upstream: str

    @property
    def name(self) -> str:
        return self.path + ("" if self.path == self.served else f" by {self.served}")


OLD, NEW, ANTHROPIC = "old", "new", "claude"
VERSIONS = {OLD: "0.11.4", NEW: "0.24.0"}
"""Of the Ollamas; the third upstream is Anthropic's."""
CHAT = Case("/v1/chat/completions", "/v1/chat/completions", OLD)
CASES = (
    CHAT,
    Case("/v1/messages", "/v1/messages", NEW),
    Case("/v1/responses", "/v1/responses", NEW),
    Case("/api/chat", "/api/chat", OLD),
    Case("/v1/messages", "/v1/chat/completions", OLD),
    Case("/v1/responses", "/v1/chat/completions", OLD),
    Case("/v1/chat/completions", "/v1/messages", ANTHROPIC),
    Case("/v1/responses", "/v1/messages", ANTHROPIC),
    Case("/api/chat", "/v1/messages", ANTHROPIC),
)


class Upstream:
    """One upstream, a thread for each connection; streams go on when `go_on` says so. A context manager."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.served = ""
        """The path of the last request for a stream."""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._turn = threading.Semaphore(0)
        self.events = 0

    def __enter__(self) -> Upstream:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def go_on(self) -> None:
        """Send the next event of the running stream, or its end."""
        self._turn.release()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            while first := lines.readline():
                method, path, _ = first.decode().split()
                length = 0
                while (line := lines.readline()) not in (b"\r\n", b""):
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                body = lines.read(length)
                if method == "POST" and path != "/api/show":
                    self.served = path
                    self._stream(connection, path)
                else:
                    connection.sendall(_whole(self._document(path, body)))

    def _stream(self, connection: socket.socket, path: str) -> None:
        told = FORMATS[path]
        kind = b"application/x-ndjson" if told.lines else b"text/event-stream"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nTransfer-Encoding: chunked\r\n\r\n" % kind
        event = _http_chunk(told.bytes_of([told.text]))
        connection.sendall(head + _http_chunk(told.bytes_of([*told.begin, told.text])))
        for _ in range(self.events - 1):
            self._turn.acquire()
            connection.sendall(event)
        self._turn.acquire()
        connection.sendall(_http_chunk(told.bytes_of(told.end)) + b"0\r\n\r\n")

    def _document(self, path: str, _: bytes) -> object:
        model = f"m-{self.name}"
        documents: dict[str, object] = {
            "/api/version": {"version": VERSIONS.get(self.name, "")},
            "/api/tags": {"models": [{"name": model, "model": model, "digest": "0" * 64}]},
            "/api/ps": {"models": []},
            "/api/show": {"capabilities": ["completion"], "template": "", "model_info": {}},
            "/v1/models": {"data": [{"id": model, "type": "model"}], "has_more": False},
        }
        return documents.get(path.partition("?")[0], {})


def _whole(document: object) -> bytes:
    body = json.dumps(document).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def _http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Client:
    """One connection of a user to the gateway."""

    def __init__(self, port: int, key: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._key = key

    def close(self) -> None:
        self._socket.close()

    def begin(self, case: Case) -> None:
        """Ask for a stream, and wait for its first text. Raises BenchError."""
        body = json.dumps({"model": f"m-{case.upstream}", "stream": True, **BODIES[case.path]}).encode()
        head = (
            f"POST {case.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + body)
        came = self._until(b"word ")
        if not came.startswith(b"HTTP/1.1 200 "):
            raise BenchError(f"{case.name}: {came[:1000]!r}")

    def next(self) -> None:
        """Wait for another text."""
        self._until(b"word ")

    def last(self) -> None:
        """Wait for the end of the stream."""
        self._until(b"\r\n0\r\n\r\n")

    def _until(self, mark: bytes) -> bytes:
        came = b""
        while mark not in came or not came.endswith(b"\r\n"):
            piece = self._socket.recv(1 << 20)
            came += piece
            if not piece or (came.startswith(b"HTTP/1.1 ") and not came.startswith(b"HTTP/1.1 200 ")):
                raise BenchError(f"the gateway answered {came[:1000]!r}")
        return came


def _cpu(pid: int) -> float:
    """Seconds that the gateway has computed for so far, in all of its threads."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


@contextmanager
def _gateway(folder: Path, upstreams: Sequence[Upstream]) -> Iterator[tuple[int, Client]]:
    port, key = free_port(), "sk-bench-" + secrets.token_hex(16)
    old = next(each for each in upstreams if each.name == OLD)
    command = [
        str(Path(sys.executable).with_name("tollkeeper")), "serve", "--port", str(port),
        "--database", str(folder / "ledger.db"), "--ollama", f"http://127.0.0.1:{old.port}",
    ]  # fmt: skip
    environment = {"ADMIN_API_KEY": key}
    with serving(
        command, port=port, ready="/ready", cores=GATEWAY_CORE, folder=folder, environment=environment
    ) as program:
        desk = Desk(port, key)
        for upstream in upstreams:
            kind = "ollama" if upstream.name in VERSIONS else "anthropic"
            if upstream is not old:
                desk.add_upstream(upstream.name, kind, upstream.port)
        desk.set_price()
        client = Client(port, desk.add_user("bench", THREE_LIMITS))
        try:
            yield program.pid, client
        finally:
            client.close()


def measure(case: Case, client: Client, upstream: Upstream, pid: int, events: int) -> float:
    """Microseconds of CPU for an event. Raises BenchError."""
    upstream.events = events
    client.begin(case)
    if upstream.served != case.served:
        raise BenchError(f"{case.name} was served by {upstream.served}")
    before = _cpu(pid)
    for _ in range(events - 1):
        upstream.go_on()
        client.next()
    used = _cpu(pid) - before
    upstream.go_on()
    client.last()
    return used * 1e6 / (events - 1)


def run(events: int, rounds: int = ROUNDS, cases: Sequence[Case] = CASES) -> dict[Case, list[float]]:
    """Microseconds for an event in each round, by case. Raises BenchError."""
    upstreams = {name: Upstream(name) for name in (OLD, NEW, ANTHROPIC)}
    figures: dict[Case, list[float]] = {case: [] for case in cases}
    with tempfile.TemporaryDirectory(prefix="tollkeeper-bench-") as folder:
        for upstream in upstreams.values():
            upstream.__enter__()
        try:
            with _gateway(Path(folder), list(upstreams.values())) as (pid, client):
                for number in range(-1, rounds):
                    for case in cases:
                        found = measure(case, client, upstreams[case.upstream], pid, events if number >= 0 else 100)
                        if number >= 0:
                            figures[case].append(found)
        finally:
            for upstream in upstreams.values():
                upstream.__exit__()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser("bench.dialects", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help=f"events of a stream; {EVENTS:,} by default")
    asked = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}; Python {platform.python_version()}; {ROUNDS} rounds, medians", flush=True)
    figures = run(asked.events)
    for case, found in figures.items():
        ratio = median(mine / chat for mine, chat in zip(found, figures[CHAT], strict=True))
        print(f"{case.name:48}{median(found):7.1f} µs{ratio:7.2f} × chat")
    print(f"load at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
