"""What an upstream can send back."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterable

from tests.process.hostile.room import MB, Hostile, Room, together
from tests.scripted import Conn, Request
from tests.shapes import STREAM_HEAD, chat_answer, chat_chunks, head, sse

_PIECE = 1 << 16


def _pieces(data: bytes) -> Iterable[bytes]:
    return (data[start : start + _PIECE] for start in range(0, len(data), _PIECE))


def streams(*content: bytes, times: int = 1, at_once: int = 4) -> Callable[[Room], Awaitable[None]]:
    """Streams of this content, in chunks; the clients read all of it."""

    async def hostile(conn: Conn, request: Request) -> None:
        await conn.send(STREAM_HEAD)
        for _ in range(times):
            for part in content:
                for piece in _pieces(part):
                    await conn.send_chunk(piece)
        await conn.end_chunks()

    return _asked(hostile, at_once, stream=True)


def answers(*sent: bytes, times: int = 1, at_once: int = 4) -> Callable[[Room], Awaitable[None]]:
    """What is sent as it is, in place of an answer."""

    async def hostile(conn: Conn, request: Request) -> None:
        for _ in range(times):
            for part in sent:
                await conn.send(part)
        conn.close()

    return _asked(hostile, at_once, stream=False)


def _asked(
    hostile: Callable[[Conn, Request], Awaitable[None]], at_once: int, *, stream: bool
) -> Callable[[Room], Awaitable[None]]:
    async def attack(room: Room) -> None:
        room.hostile = hostile
        await together(room.send(room.chat(stream=stream)) for _ in range(at_once))

    return attack


async def whole_answers_that_nobody_reads(room: Room) -> None:
    body = json.dumps(chat_answer("x" * 60 * MB)).encode()

    async def hostile(conn: Conn, request: Request) -> None:
        await conn.send(head(200, "Content-Type: application/json", f"Content-Length: {len(body)}"))
        for piece in _pieces(body):
            await conn.send(piece)

    room.hostile = hostile
    asking = [await asyncio.open_connection("127.0.0.1", room.gateway.port, limit=1024) for _ in range(30)]
    for _, writer in asking:
        writer.write(room.chat())
    before = room.served
    while room.served < before + 100:
        await asyncio.sleep(0.02)
    for _, writer in asking:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _event(**fields: object) -> bytes:
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "tiny",
        "choices": [],
    } | fields
    return sse(chunk, done=False)[0]


def _large_event(field: str, value: bytes) -> bytes:
    return b'data: {"id": "chatcmpl-1", "' + field.encode() + b'": ' + value + b"}\n\n"


_USAGE = _event(usage={"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2})
_ODD = b'data: {"id": 5, "choices": [{"index": null, "delta": null, "logprobs": NaN}]}\n\n'
_TINY = b"".join(sse(chat_chunks(["x"])[0], done=False))
_WHOLE = b"".join(sse(*chat_chunks()))

UPSTREAMS = [
    Hostile("streams of comments", streams(b":\n" * (1 * MB // 2), _WHOLE, times=30), 60),
    Hostile("streams of empty events", streams(b"data:\n\n" * (1 * MB // 7), _WHOLE, times=10), 60),
    Hostile("streams of blank lines", streams(b"\n" * MB, _WHOLE, times=10), 60),
    Hostile("streams of tiny events", streams(_TINY * 20_000, _WHOLE), 60),
    Hostile("streams of usage", streams(_USAGE * 20_000, _WHOLE), 60),
    Hostile("streams of odd shapes", streams(_ODD * 40_000, _WHOLE), 60),
    Hostile("streams of null", streams(b"data: null\n\n" * 200_000, _WHOLE), 60),
    Hostile("events of one long string", streams(_large_event("x", b'"' + b"x" * 7 * MB + b'"'), _WHOLE), 200),
    Hostile("events of escapes", streams(_large_event("x", b'"' + b"\\ud83d" * MB + b'"'), _WHOLE), 200),
    Hostile("events of many lists", streams(_large_event("x", b"[" + b"[]," * 2_300_000 + b"[]]"), _WHOLE), 200),
    Hostile("events of many lines", streams(b"data: \n" * MB + b"\n", _WHOLE), 200),
    Hostile(
        "errors of many lists",
        answers(head(500, "Content-Length: 900002") + b"[" + b"[]," * 300_000 + b"]"),
        60,
    ),
    Hostile("a stream of one event of 100 MB", streams(b"data: " + b"x" * 100 * MB, at_once=2), 100),
    Hostile("whole answers of 60 MB, never read", whole_answers_that_nobody_reads, 700),
    Hostile("a whole answer of 60 MB", answers(head(200, "Content-Length: 60000000"), b" " * 60 * MB), 700),
    Hostile("header lines without end", answers(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n" * 100_000, times=10), 60),
    Hostile("one header without end", answers(b"HTTP/1.1 200 OK\r\nx: ", b"y" * 10 * MB), 60),
    Hostile("1xx answers without end", answers(b"HTTP/1.1 100 Continue\r\n\r\n" * 400_000), 60),
    Hostile(
        "a chunk's extension without end",
        answers(head(200, "Transfer-Encoding: chunked"), b"1;" + b"x" * 10 * MB),
        60,
    ),
    Hostile("chunks of one byte", answers(head(200, "Transfer-Encoding: chunked"), b"1\r\nx\r\n" * 500_000), 100),
]
