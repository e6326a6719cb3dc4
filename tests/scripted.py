"""An upstream that does exactly what a test says, down to the byte, the reset and the silence.

    async with ScriptedUpstream() as up:
        ...                                     # without a script it answers like a small Ollama, see below
        up.answer(json_response({"a": 1}))      # bytes: sent as they are, for the next request
        up.answer(streamed(*sse(*chat_chunks(["Hello", " world"]))))
        up.answer(script)                       # async def script(conn, request): await conn.send(b"..."); conn.reset()
        up.always(script)                       # for each request whose turn finds the queue empty
        up.route("GET /api/tags", script)       # for one path, whatever the queue holds
        up.requests[0].json, up.connections[0].disconnected

`GET /api/tags`, `GET /api/version` and `POST /api/show` are answered from `models` (name → capabilities); any other
request takes the next script of the queue. When that is empty, chats, completions and embeddings are answered in
Ollama's shapes, by both of its APIs, streamed where the request says so, with usage where it asks; the rest gets 404.

A script that fails makes the `async with` block fail. What builds bytes and shapes is in tests/shapes.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, cast

from tests.shapes import (
    STREAM_HEAD,
    chat_answer,
    chat_chunks,
    chunked,
    completion_answer,
    completion_chunks,
    embeddings_answer,
    head,
    json_response,
    native_answer,
    native_lines,
    ndjson,
    ollama_error,
    response,
    sse,
    streamed,
    tag,
)

__all__ = [
    "STREAM_HEAD",
    "Conn",
    "Gate",
    "Request",
    "Script",
    "ScriptedUpstream",
    "chat_answer",
    "chat_chunks",
    "chunked",
    "completion_answer",
    "completion_chunks",
    "embeddings_answer",
    "head",
    "json_response",
    "native_answer",
    "native_lines",
    "ndjson",
    "ollama_error",
    "response",
    "sse",
    "streamed",
    "tag",
]

DEFAULT_MODELS = {"tiny:latest": ("completion", "tools")}


@dataclass(slots=True)
class Request:
    """As it came: names and values of headers in their own case and order, the content as raw bytes."""

    method: str
    target: str
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""

    def header(self, name: str) -> bytes | None:
        """The first value of a header, whatever the case of its name."""
        return next((value for key, value in self.headers if key.lower() == name.lower().encode()), None)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Script = bytes | Callable[["Conn", Request], Awaitable[None]]


class Conn(asyncio.Protocol):
    """One connection, seen from the upstream's side; scripts know it as `conn`.

    `disconnected` is set when the other side closed or reset it, or we did; `blocked` when the other side stopped
    reading and what we send piles up.
    """

    def __init__(self, upstream: ScriptedUpstream) -> None:
        self.requests: list[Request] = []
        self.disconnected = asyncio.Event()
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._upstream = upstream
        self._buffer = bytearray()
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self.blocked = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def send(self, data: bytes) -> None:
        """Write bytes as they are; waits while the other side does not read. ConnectionError when it has gone."""
        if self.disconnected.is_set():
            raise ConnectionResetError("the client has gone")
        self.transport.write(data)
        await self._writable.wait()

    async def send_chunk(self, data: bytes) -> None:
        """One chunk of a chunked answer; its head must say `transfer-encoding: chunked`."""
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def end_chunks(self) -> None:
        await self.send(b"0\r\n\r\n")

    def close(self) -> None:
        """End the connection in good order, after what has been sent."""
        self.transport.close()

    def end_sending(self) -> None:
        """Send no more, but stay (half-closed)."""
        self.transport.write_eof()

    def abort(self) -> None:
        """End the connection at once, if it has not ended; what was not sent yet is lost."""
        # A transport of asyncio that closed once its buffer had run empty cannot be aborted any more.
        if not self.disconnected.is_set():
            self.transport.abort()

    def reset(self) -> None:
        """End the connection by RST, at once, if it has not ended."""
        if self.disconnected.is_set():
            return
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    async def wait_closed(self) -> None:
        """Until the connection has ended, whoever ended it."""
        await self.disconnected.wait()

    async def hang(self) -> None:
        """Say nothing until the other side goes."""
        await self.disconnected.wait()

    def stop_reading(self) -> None:
        self.transport.pause_reading()

    def start_reading(self) -> None:
        self.transport.resume_reading()

    async def rest_of_body(self) -> bytes:
        """With `early`: the content of the request that is under way."""
        request = self.requests[-1]
        request.body = await self._take(int(request.header("content-length") or 0))
        return request.body

    # ── the loop calls ──────────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._upstream.connections.append(self)
        self.task = asyncio.get_running_loop().create_task(self._serve())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.disconnected.set()
        self._arrived.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()
        self.blocked.set()

    def resume_writing(self) -> None:
        self._writable.set()

    # ── requests one after another ──────────────────────────────────────────────────────────────────────────────────

    async def _serve(self) -> None:
        try:
            while not self.transport.is_closing():
                request = self._parse_head(await self._until(b"\r\n\r\n"))
                self.requests.append(request)
                if self._upstream.early:
                    self.stop_reading()
                else:
                    request.body = await self._take(int(request.header("content-length") or 0))
                self._upstream.requests.append(request)
                script = self._upstream.script(request)
                if isinstance(script, bytes):
                    await self.send(script)
                else:
                    await script(self, request)
        except ConnectionError:
            pass  # a client that goes is no failure of the script; tests look at `disconnected`
        except Exception as error:
            self._upstream.failures.append(error)
            self.abort()

    @staticmethod
    def _parse_head(head: bytes) -> Request:
        first, *lines = head[:-4].split(b"\r\n")
        method, target, version = first.decode().split(" ")
        assert version == "HTTP/1.1", version
        headers = []
        for line in lines:
            name, _, value = line.partition(b":")
            headers.append((name, value.strip()))
        return Request(method, target, headers)

    async def _until(self, mark: bytes) -> bytes:
        while (at := self._buffer.find(mark)) < 0:
            await self._more()
        return self._cut(at + len(mark))

    async def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            await self._more()
        return self._cut(count)

    def _cut(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    async def _more(self) -> None:
        if self.disconnected.is_set():
            raise ConnectionResetError("the client has gone")
        self._arrived.clear()
        await self._arrived.wait()


class ScriptedUpstream:
    """See the top of the file. `early`: scripts start at the head of a request, with reading stopped."""

    def __init__(
        self,
        models: Mapping[str, Sequence[str]] | None = None,
        *,
        early: bool = False,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`port` 0 is any free one; give the port of one that has ended to see it come back."""
        self.models: dict[str, Sequence[str]] = dict(DEFAULT_MODELS if models is None else models)
        self.early = early
        self.port = port
        self._tls = tls
        self.connections: list[Conn] = []
        self.requests: list[Request] = []
        self.failures: list[Exception] = []
        self._queue: deque[Script] = deque()
        self._always: Script | None = None
        self._routes: dict[str, Script] = {
            "GET /api/tags": self._tags,
            "POST /api/show": self._show,
            "GET /api/version": json_response({"version": "0.11.4"}),
            "GET /api/ps": ollama_error(404, "404 page not found"),  # which is asked at any time
        }
        self._server: asyncio.Server | None = None
        self._kept: socket.socket

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    def answer(self, *scripts: Script) -> None:
        """Queue scripts, one for each request to come."""
        self._queue.extend(scripts)

    def always(self, script: Script) -> None:
        """The script of all requests that find the queue empty."""
        self._always = script

    def route(self, path: str, script: Script) -> None:
        """The script of one method and path (without query), such as "GET /api/tags"; the queue is left alone."""
        self._routes[path] = script

    def calls(self, path: str) -> list[Request]:
        """The requests so far for one method and path, such as "POST /v1/chat/completions"."""
        return [request for request in self.requests if _path(request) == path]

    def script(self, request: Request) -> Script:
        path = _path(request)
        if path in self._routes:
            return self._routes[path]
        if self._queue:
            return self._queue.popleft()
        return self._always or DEFAULTS.get(path, ollama_error(404, "404 page not found"))

    async def stop_listening(self) -> None:
        """Refuse new connections; those there are stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def listen(self) -> None:
        """Accept connections again, at the same port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Conn(self), "127.0.0.1", self.port, ssl=self._tls)

    async def __aenter__(self) -> Self:
        # Keeps the port, and refuses connections while nothing listens there.
        self._kept = socket.socket()
        self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._kept.bind(("127.0.0.1", self.port))
        self.port = self._kept.getsockname()[1]
        await self.listen()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        await self.stop_listening()
        self._kept.close()
        for conn in self.connections:
            conn.abort()
        for conn in self.connections:
            await conn.disconnected.wait()
            if conn.task is not None:
                conn.task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await conn.task
        if self.failures and error is None:
            raise ExceptionGroup("scripts of the upstream failed", self.failures)

    async def _tags(self, conn: Conn, request: Request) -> None:
        await conn.send(json_response({"models": [tag(name) for name in self.models]}))

    async def _show(self, conn: Conn, request: Request) -> None:
        name = request.json.get("model") or request.json.get("name")
        capabilities = self.models.get(name, self.models.get(f"{name}:latest"))
        if capabilities is None:
            await conn.send(json_response({"error": f"model '{name}' not found"}, 404))
        else:
            await conn.send(json_response({"details": {"format": "gguf"}, "capabilities": list(capabilities)}))


def _path(request: Request) -> str:
    return f"{request.method} {request.target.partition('?')[0]}"


@dataclass(slots=True)
class Gate:
    """A script that sends `parts` one by one, each when the test says `open`: the test is the upstream's clock."""

    parts: Sequence[bytes]
    _steps: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def open(self, count: int = 1) -> None:
        for _ in range(count):
            self._steps.release()

    async def __call__(self, conn: Conn, request: Request) -> None:
        for part in self.parts:
            await self._steps.acquire()
            await conn.send(part)


async def default_chat(conn: Conn, request: Request) -> None:
    await _answer(conn, request.json, chat_chunks, chat_answer)


async def default_completion(conn: Conn, request: Request) -> None:
    await _answer(conn, request.json, completion_chunks, completion_answer)


async def default_embeddings(conn: Conn, request: Request) -> None:
    asked = request.json["input"]
    count = len(asked) if isinstance(asked, list) else 1
    await conn.send(json_response(embeddings_answer(count, model=request.json["model"])))


async def default_native(conn: Conn, request: Request) -> None:
    ask = request.json
    shape = {"model": ask["model"], "generate": request.target == "/api/generate"}
    if ask.get("stream", True):
        await conn.send(ndjson(*native_lines(**shape)))
    else:
        await conn.send(json_response(native_answer(**shape)))


async def default_embed(conn: Conn, request: Request) -> None:
    asked = request.json["input"]
    vectors = [[0.5, -0.25, 0.125]] * (len(asked) if isinstance(asked, list) else 1)
    await conn.send(json_response({"model": request.json["model"], "embeddings": vectors, "prompt_eval_count": 4}))


async def _answer(
    conn: Conn, ask: dict[str, Any], chunks: Callable[..., list[dict[str, Any]]], whole: Callable[..., object]
) -> None:
    if ask.get("stream"):
        include_usage = bool((ask.get("stream_options") or {}).get("include_usage"))
        await conn.send(streamed(*sse(*chunks(include_usage=include_usage, model=ask["model"]))))
    else:
        await conn.send(json_response(whole(model=ask["model"])))


DEFAULTS: Mapping[str, Script] = {
    "POST /v1/chat/completions": default_chat,
    "POST /v1/completions": default_completion,
    "POST /v1/embeddings": default_embeddings,
    "POST /api/chat": default_native,
    "POST /api/generate": default_native,
    "POST /api/embed": default_embed,
    "POST /api/embeddings": json_response({"embedding": [0.5, -0.25, 0.125]}),
}
