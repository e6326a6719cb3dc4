"""An upstream that costs next to nothing: Ollama-shaped answers, made once and written as they are.

    python -m bench.mock --port 9000

It serves until it is killed. It reads only what it must of a request: where it ends, and whether it asks for a stream.
How it answers is told it meanwhile, by PUT of a `Play`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator
from itertools import cycle
from typing import NamedTuple, cast

import msgspec
import uvloop
from msgspec import Struct

MODEL = "mock"
IDS = 999
"""As many as Ollama has: an answer's id may come again."""
EVENT_BYTES = 250
ANSWER_BYTES = 600
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
WORDS = {"role": "assistant", "content": ""}
USAGE = {"prompt_tokens": 26, "completion_tokens": 64, "total_tokens": 90}

Choices = list[dict[str, object]]


class Answer(NamedTuple):
    """Bytes of HTTP: whole, or as a stream that repeats one event."""

    whole: bytes
    head_and_first: bytes
    event: bytes
    ending: bytes


class Play(Struct, frozen=True):
    """Answers begin after a delay; streams have so many events, with a pause between two."""

    delay_ms: float = 0
    events: int = 64
    pause_ms: float = 10


class Script:
    """What is answered, each request with the next of `answers`: `tags` and `models` name the one model, as Ollama's
    own list and as OpenAI's. Durations are seconds."""

    def __init__(self, tags: bytes, models: bytes, answers: Iterator[Answer]) -> None:
        self.tags = tags
        self.models = models
        self.answers = answers
        self.play(Play())

    def play(self, play: Play) -> None:
        self.delay, self.events, self.pause = play.delay_ms / 1000, play.events, play.pause_ms / 1000


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
        if end < 0 or not _is_complete(data, end):
            self._rest = data
            return
        self._rest = b""
        if data.startswith(b"GET /v1/models "):
            self._write(self._script.models)
        elif data.startswith(b"GET "):
            self._write(self._script.tags)
        elif data.startswith(b"PUT "):
            self._script.play(msgspec.json.decode(data[end + 4 :], type=Play))
            self._write(_whole(b""))
        elif self._script.delay:
            self._timer = self._loop.call_later(self._script.delay, self._answer, _asks_for_stream(data))
        else:
            self._answer(_asks_for_stream(data))

    def _answer(self, stream: bool) -> None:
        answer = next(self._script.answers)
        if stream:
            self._write(answer.head_and_first)
            self._await_next(answer, 1, self._loop.time())
        else:
            self._write(answer.whole)

    def _await_next(self, answer: Answer, sent: int, began: float) -> None:
        # By the time of the first, so that lateness does not add up.
        due = began + sent * self._script.pause
        self._timer = self._loop.call_at(due, self._next, answer, sent, began)

    def _next(self, answer: Answer, sent: int, began: float) -> None:
        if sent < self._script.events:
            self._write(answer.event)
            self._await_next(answer, sent + 1, began)
        else:
            self._write(answer.ending)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def script() -> Script:
    """Answers of about 600 bytes; streams with events of 250 bytes."""
    tag = {"name": MODEL, "model": MODEL, "modified_at": "2026-01-01T00:00:00Z", "digest": "0" * 64}
    tags = _whole(json.dumps({"models": [tag]}).encode())
    model = {"id": MODEL, "object": "model", "created": 1_767_225_600, "owned_by": "library"}
    models = _whole(json.dumps({"object": "list", "data": [model]}).encode())
    return Script(tags, models, cycle([_answer(f"chatcmpl-{number}") for number in range(IDS)]))


def _answer(answer_id: str) -> Answer:
    event = _chunk(_event(answer_id, [_choice("delta", WORDS)], EVENT_BYTES))
    finish = _event(answer_id, [_choice("delta", {}, finish="stop")])
    usage = _event(answer_id, [], usage=USAGE)
    return Answer(
        whole=_whole(
            _body("chat.completion", answer_id, [_choice("message", WORDS, finish="stop")], ANSWER_BYTES, usage=USAGE)
        ),
        head_and_first=STREAM_HEAD + event,
        event=event,
        ending=_chunk(finish) + _chunk(usage) + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n",
    )


def _choice(part: str, content: dict[str, str], *, finish: str | None = None) -> dict[str, object]:
    return {"index": 0, part: content, "finish_reason": finish}


def _body(kind: str, answer_id: str, choices: Choices, size: int = 0, **more: object) -> bytes:
    """A chat completion, or a chunk of one, with as much text as makes it `size` bytes."""
    answer = {
        "id": answer_id,
        "object": kind,
        "created": 1_767_225_600,
        "model": MODEL,
        "system_fingerprint": "fp_ollama",
        "choices": choices,
        **more,
    }
    text = json.dumps(answer, separators=(",", ":")).encode()
    return text.replace(b'"content":""', b'"content":"%b"' % (b"word " * size)[: max(0, size - len(text))])


def _event(answer_id: str, choices: Choices, size: int = 0, **more: object) -> bytes:
    return b"data: " + _body("chat.completion.chunk", answer_id, choices, size - 8, **more) + b"\n\n"


def _whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _asks_for_stream(data: bytes) -> bool:
    return b'"stream":true' in data or b'"stream": true' in data  # as some gateways write it again


def _is_complete(data: bytes, end: int) -> bool:
    """Whether a request is there with its body; `end` is that of its head."""
    head = data[:end].lower()
    _, found, after = head.partition(b"\r\ncontent-length:")
    if found:
        return len(data) >= end + 4 + int(after.partition(b"\r\n")[0])
    return b"\r\ntransfer-encoding: chunked" not in head or data.endswith(b"\r\n0\r\n\r\n")


async def serve(answers: Script, port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Upstream(answers, loop), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(script(), parser.parse_args().port))


if __name__ == "__main__":
    main()
