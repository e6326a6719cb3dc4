"""Requests of many users, each with a mark of its own: upstreams that echo it, misbehaving as they are told, and
clients that send one user's request behind another's on one connection, as a proxy in front of a gateway may.

Who asks for what, what befalls it, and where its client leaves is the same for the same seed; what meets what is not.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from itertools import islice
from random import Random
from typing import Any, Literal, NamedTuple

from tests.scripted import Conn, Request, Script, chat_answer, chat_chunks, json_response, ollama_error, sse
from tests.shapes import chunked, head

MARK = re.compile(r"m\d{5}z")
NOBODYS = "m99999z"
"""The mark of what no request has asked for."""
WORDS = 4
"""Events of a stream that carry text."""

FATES: dict[str, float] = {
    "reset": 2, "closed": 2, "half": 3, "garbage": 1, "busy": 1, "paused": 1, "crashed": 1, "refused": 1, "silent": 0.5,
    "surplus": 3, "leaves": 3,
}  # fmt: skip
"""What an upstream does with a request instead of serving it well, and with how many of a hundred.

It resets or closes the connection at once; breaks off in the middle, or is silent from there on; sends something that
is no HTTP; says that it is busy (503) or has to pause (429), that it crashed (500), or that the request is wrong (400,
with its mark); sends an answer that nobody asked for behind its own; closes the connection after its answer."""
Leave = Literal["in its request", "before the head", "at the head", "in the body"]
LEAVES: tuple[Leave, ...] = ("in its request", "before the head", "at the head", "in the body")
LEAVING = 10
"""Of a hundred requests, those whose client leaves."""


class Ask(NamedTuple):
    """A request. `fate`: at the first upstream that gets it; `leave`: where its client leaves, if it does."""

    number: int
    user: str
    model: str
    stream: bool
    fate: str
    leave: Leave | None

    @property
    def mark(self) -> str:
        return f"m{self.number:05}z"

    def sent(self, key: str) -> bytes:
        """The bytes of the request."""
        body = json.dumps(
            {
                "model": self.model,
                "messages": [{"role": "user", "content": self.mark}],
                "stream": self.stream,
                "metadata": {"mark": self.mark},
            }
        ).encode()
        lines = ["Host: 127.0.0.1", f"Authorization: Bearer {key}", f"Content-Length: {len(body)}"]
        if self.number % 5 == 0:
            lines.append("X-Queue-Events: 1")
        return "\r\n".join(["POST /v1/chat/completions HTTP/1.1", *lines, "", ""]).encode() + body


def plan(seed: int, count: int, users: Sequence[str], models: Sequence[str]) -> list[Ask]:
    """The requests of a seed. The models that come later are asked for less."""
    dice = Random(seed)
    fates: list[str] = [fate for fate, share in FATES.items() for _ in range(round(count * share / 100))]
    fates += ["served"] * (count - len(fates))
    dice.shuffle(fates)
    return [
        Ask(
            number,
            dice.choice(users),
            models[int(len(models) * dice.random() * dice.random())],
            dice.random() < 0.5,
            fate,
            dice.choice(LEAVES) if dice.randrange(100) < LEAVING else None,
        )
        for number, fate in enumerate(fates)
    ]


class Echo:
    """Upstreams that answer with the mark of the request, in headers, id and events, and with a usage that they say in
    their text, too. By mark: `said`, the texts of whole answers, and `asked`, how often the request came to an
    upstream. `befell`: how often each fate did."""

    def __init__(self, seed: int, asks: Sequence[Ask]) -> None:
        self.said: dict[str, list[str]] = {}
        self.asked: Counter[str] = Counter()
        self.befell: Counter[str] = Counter()
        self._seed = seed
        self._asks = asks
        self._first: dict[str, str] = {}

    def script(self, upstream: str) -> Script:
        return partial(self._answer, upstream)

    async def _answer(self, upstream: str, conn: Conn, request: Request) -> None:
        (mark,) = set(MARK.findall(request.body.decode()))
        ask = self._asks[int(mark[1:-1])]
        self.asked[mark] += 1
        fate = ask.fate if self._first.setdefault(mark, upstream) == upstream else "served"
        self.befell[fate] += 1
        dice = Random(f"{self._seed} {mark} {self.asked[mark]}")
        text = f"{mark} {upstream} {1000 + ask.number}/{dice.randrange(1, 1000)}"
        answer = _Answer(conn, dice, _stream(ask, mark, text) if ask.stream else _whole(ask, mark, text))
        match fate:
            case "reset":
                conn.reset()
            case "closed":
                conn.close()
            case "garbage":
                await conn.send(f"{mark}\r\n\r\n".encode())
            case "busy":
                await conn.send(_error(503, mark, "Retry-After-Ms: 20"))
            case "paused":
                await conn.send(_error(429, mark, "Retry-After-Ms: 20"))
            case "crashed":
                await conn.send(ollama_error(500, mark))
            case "refused":
                await conn.send(ollama_error(400, mark))
            case "half" | "silent":
                await answer.half()
                if fate == "half":
                    conn.reset()
                else:
                    await conn.hang()
            case _:
                self.said.setdefault(mark, []).append(text)
                unasked = _whole(ask, NOBODYS, text.replace(mark, NOBODYS))
                await answer.all(b"".join(unasked) if fate == "surplus" else b"")
                if fate == "leaves":
                    conn.close()


class _Answer:
    """The pieces of an answer, as they are sent: cut anywhere, with pauses."""

    def __init__(self, conn: Conn, dice: Random, pieces: Sequence[bytes]) -> None:
        self._conn = conn
        self._dice = dice
        self._pieces = pieces

    async def half(self) -> None:
        """Its head, or that and the first piece of its content."""
        for piece in self._pieces[: self._dice.randint(1, 2)]:
            await self._send(piece)

    async def all(self, behind: bytes) -> None:
        """All of it, and what stands `behind` in one piece with its end."""
        *pieces, last = self._pieces
        for piece in pieces:
            await self._send(piece)
        await self._conn.send(last + behind)

    async def _send(self, piece: bytes) -> None:
        cut = self._dice.randrange(len(piece))
        for part in (piece[:cut], piece[cut:]) if self._dice.random() < 0.2 else (piece,):
            if part:
                await self._conn.send(part)
            if self._dice.random() < 0.3:
                await asyncio.sleep(self._dice.random() / 200)


def _head(mark: str, *lines: str) -> bytes:
    return head(200, f"X-Mark: {mark}", f"X-Request-Id: {mark}", f"Set-Cookie: {mark}={mark}", *lines)


def _whole(ask: Ask, mark: str, text: str) -> list[bytes]:
    """Its head, and its body in two pieces."""
    body = json.dumps(chat_answer(text, usage=_usage(text), id=f"chatcmpl-{mark}", model=ask.model)).encode()
    cut = body.index(mark.encode()) + 3
    if ask.number % 3:
        lines = [f"Content-Length: {len(body)}"]
        pieces = [body[:cut], body[cut:]]
    else:
        lines = ["Transfer-Encoding: chunked"]
        pieces = [chunked(body[:cut], end=False), chunked(body[cut:])]
    return [_head(mark, "Content-Type: application/json", *lines), *pieces]


def _stream(ask: Ask, mark: str, text: str) -> list[bytes]:
    words = [text, *[f" {mark}"] * (WORDS - 1)]
    events = sse(*chat_chunks(words, usage=_usage(text), id=f"chatcmpl-{mark}", model=ask.model))
    begin = _head(mark, "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
    return [begin, *(chunked(event, end=False) for event in events), chunked(b"")]


def _usage(text: str) -> tuple[int, int]:
    prompt, completion = text.split()[2].split("/")
    return int(prompt), int(completion)


def _error(status: int, mark: str, *lines: str) -> bytes:
    return json_response({"error": {"message": mark, "type": "api_error"}}, status, *lines)


class Answer(NamedTuple):
    """An answer of which at least the head has come. `text`: its content; empty where it is an error, or not there in
    full."""

    ask: Ask
    status: int
    request_id: str
    text: str


class Clients:
    """Clients that take the next requests in turn, and send some of them at once."""

    def __init__(self, port: int, asks: Sequence[Ask], keys: dict[str, str]) -> None:
        self.answers: list[Answer] = []
        self._port = port
        self._asks = iter(asks)
        self._keys = keys

    async def run(self, seed: int, connections: int) -> None:
        """Until all have been sent, on so many connections at once."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(connections):
                tasks.create_task(self._client(Random(f"{seed} client {number}")))

    async def _client(self, dice: Random) -> None:
        while asks := list(self._some(dice.randint(1, 4))):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            try:
                while asks and await self._ask(reader, writer, asks):
                    asks = list(self._some(dice.randint(1, 4)))
            finally:
                writer.transport.abort()

    def _some(self, most: int) -> Iterator[Ask]:
        for ask in islice(self._asks, most):
            yield ask
            if ask.leave == "in its request":  # nothing can stand behind it
                return

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asks: Sequence[Ask]) -> bool:
        """Send them, and read their answers. Returns whether the client is still there."""
        for ask in asks:
            sent = ask.sent(self._keys[ask.user])
            writer.write(sent[: -ask.number % 50 - 1] if ask.leave == "in its request" else sent)
        for ask in asks:
            if ask.leave in ("in its request", "before the head"):
                await asyncio.sleep(ask.number % 10 / 1000)
                return False
            self.answers.append(await self._read(reader, ask))
            if ask.leave is not None:
                return False
        return True

    async def _read(self, reader: asyncio.StreamReader, ask: Ask) -> Answer:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        assert not MARK.search(str(lines)), "a header of the upstream's"
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        status, request_id = int(first.split(" ")[1]), headers["x-request-id"]
        body = b""
        if ask.leave != "at the head":
            async for piece in _pieces(reader, headers):
                body += piece
                if ask.leave == "in the body":
                    break
        assert set(MARK.findall(body.decode())) <= {ask.mark}, f"{ask} got {body.decode()}"
        text = ""
        if ask.leave is None and status == 200:
            streams = headers["content-type"].startswith("text/event-stream")
            assert streams == ask.stream
            text = _streamed(body, request_id) if streams else _told(json.loads(body), request_id, "message")
        return Answer(ask, status, request_id, text)


async def _pieces(reader: asyncio.StreamReader, headers: dict[str, str]) -> AsyncIterator[bytes]:
    """The content, as it was sent."""
    if "content-length" in headers:
        yield await reader.readexactly(int(headers["content-length"]))
        return
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)


def _streamed(body: bytes, request_id: str) -> str:
    *events, last = [line[6:] for line in body.decode().splitlines() if line.startswith("data: ")]
    if last == "[DONE]":
        return "".join(_told(json.loads(event), request_id, "delta") for event in events)
    assert "error" in json.loads(last)
    return ""


def _told(said: Any, request_id: str, holder: str) -> str:
    """The text of an answer or an event, which has the id of its request."""
    assert said["id"].removeprefix("chatcmpl-") == request_id.removeprefix("req_")
    return "".join(choice[holder]["content"] for choice in said["choices"])
