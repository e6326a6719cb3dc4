"""An upstream that costs next to nothing: Ollama-shaped answers, made once and written as they are.

    python -m bench.mock --delay-ms 20 --events 64 --pause-ms 10

It prints its port and serves until it is killed. It reads only what it must of a request: where it ends, and whether it
asks for a stream. Bodies need a content-length.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import NamedTuple, cast

import uvloop

MODEL = "mock"
EVENT_BYTES = 250
ANSWER_BYTES = 600
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
USAGE = {"prompt_tokens": 26, "completion_tokens": 64, "total_tokens": 90}


class Script(NamedTuple):
    """What is answered, as bytes of HTTP. Durations are seconds."""

    tags: bytes
    answer: bytes
    head_and_first: bytes
    event: bytes
    ending: bytes
    delay: float
    events: int
    pause: float


class Upstream(asyncio.Protocol):
    """One connection. Requests on it are answered in turn; pipelining is not expected."""

    def __init__(self, script: Script, loop: asyncio.AbstractEventLoop) -> None:
        self._script = script
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        end = data.find(b"\r\n\r\n")
        if end < 0 or len(data) < end + 4 + _content_length(data[:end]):
            self._rest = data
            return
        self._rest = b""
        if data.startswith(b"GET "):
            self._write(self._script.tags)
        elif self._script.delay:
            self._timer = self._loop.call_later(self._script.delay, self._answer, b'"stream":true' in data)
        else:
            self._answer(b'"stream":true' in data)

    def _answer(self, stream: bool) -> None:
        if stream:
            self._write(self._script.head_and_first)
            self._await_next(1, self._loop.time())
        else:
            self._write(self._script.answer)

    def _await_next(self, sent: int, began: float) -> None:
        # By the time of the first, so that lateness does not add up.
        due = began + sent * self._script.pause
        self._timer = self._loop.call_at(due, self._next, sent, began)

    def _next(self, sent: int, began: float) -> None:
        if sent < self._script.events:
            self._write(self._script.event)
            self._await_next(sent + 1, began)
        else:
            self._write(self._script.ending)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def script(*, delay: float, events: int, pause: float) -> Script:
    """Answers of about 600 bytes after `delay`; streams of `events` events of 250 bytes, `pause` apart."""
    tag = {"name": MODEL, "model": MODEL, "modified_at": "2026-01-01T00:00:00Z", "digest": "0" * 64}
    event = _chunk(_event("delta", {"role": "assistant", "content": ""}, EVENT_BYTES))
    usage = json.dumps({"id": "chatcmpl-1", "choices": [], "usage": USAGE}, separators=(",", ":")).encode()
    return Script(
        tags=_whole(json.dumps({"models": [tag]}).encode()),
        answer=_whole(_body("message", {"role": "assistant", "content": ""}, ANSWER_BYTES, finish="stop")),
        head_and_first=STREAM_HEAD + event,
        event=event,
        ending=_chunk(_event("delta", {}, 0, finish="stop"))
        + _chunk(b"data: " + usage + b"\n\n")
        + _chunk(b"data: [DONE]\n\n")
        + b"0\r\n\r\n",
        delay=delay,
        events=events,
        pause=pause,
    )


def _body(part: str, content: dict[str, str], size: int, *, finish: str | None) -> bytes:
    """A chat completion, or a chunk of one, with as much text as makes it `size` bytes."""
    answer: dict[str, object] = {
        "id": "chatcmpl-1",
        "object": "chat.completion" if part == "message" else "chat.completion.chunk",
        "created": 1_767_225_600,
        "model": MODEL,
        "system_fingerprint": "fp_ollama",
        "choices": [{"index": 0, part: content, "finish_reason": finish}],
    }
    if part == "message":
        answer["usage"] = USAGE
    text = json.dumps(answer, separators=(",", ":")).encode()
    return text.replace(b'"content":""', b'"content":"%b"' % (b"word " * size)[: max(0, size - len(text))])


def _event(part: str, content: dict[str, str], size: int, *, finish: str | None = None) -> bytes:
    return b"data: " + _body(part, content, size - 8, finish=finish) + b"\n\n"


def _whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _content_length(head: bytes) -> int:
    _, found, after = head.lower().partition(b"\r\ncontent-length:")
    return int(after.partition(b"\r\n")[0]) if found else 0


async def serve(answers: Script) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Upstream(answers, loop), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--events", type=int, default=64)
    parser.add_argument("--pause-ms", type=float, default=10)
    asked = parser.parse_args()
    uvloop.run(serve(script(delay=asked.delay_ms / 1000, events=asked.events, pause=asked.pause_ms / 1000)))


if __name__ == "__main__":
    main()
