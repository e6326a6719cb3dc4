"""The bytes of HTTP answers, and the shapes Ollama 0.11 gives them; for scripts of the scripted upstream."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

CREATED = 1795181970
WORDS = ("Hello", " world")
USAGE = (5, 2)
REASONS = {
    400: "Bad Request",
    404: "Not Found",
    413: "Content Too Large",
    429: "Too Many Requests",
    500: "Internal Error",
}


def head(status: int = 200, *headers: str) -> bytes:
    """A head with its empty line; `headers` are whole lines."""
    return "\r\n".join([f"HTTP/1.1 {status} {REASONS.get(status, 'OK')}", *headers, "", ""]).encode()


def response(body: bytes, status: int = 200, *headers: str, content_type: str = "application/json") -> bytes:
    """A whole answer with its length."""
    return head(status, f"Content-Type: {content_type}", *headers, f"Content-Length: {len(body)}") + body


def json_response(value: object, status: int = 200, *headers: str) -> bytes:
    return response(json.dumps(value, separators=(",", ":")).encode(), status, *headers)


def ollama_error(status: int, message: str) -> bytes:
    return json_response({"error": {"message": message, "type": "api_error", "param": None, "code": None}}, status)


def chunked(data: bytes, *cuts: int, size: int | None = None, end: bool = True) -> bytes:
    """Chunked coding of `data`, cut at the offsets `cuts` or every `size` bytes; the last chunk only if `end`."""
    if size is not None:
        cuts = tuple(range(size, len(data), size))
    edges = [0, *cuts, len(data)]
    pieces = (data[start:stop] for start, stop in pairwise(edges))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece) + (b"0\r\n\r\n" if end else b"")


STREAM_HEAD = head(200, "Content-Type: text/event-stream", "Transfer-Encoding: chunked")


def streamed(*events: bytes, end: bool = True) -> bytes:
    """A whole chunked event stream, a chunk for each event; cut off before the last chunk if not `end`."""
    return STREAM_HEAD + b"".join(chunked(event, end=False) for event in events) + (b"0\r\n\r\n" if end else b"")


def tag(name: str) -> dict[str, Any]:
    """A model as `/api/tags` lists it."""
    details = {"parent_model": "", "format": "gguf", "family": "llama", "families": ["llama"]}
    return {
        "name": name,
        "model": name,
        "modified_at": "2026-11-20T13:33:56.743010261Z",
        "size": 524288,
        "digest": name.encode().hex().ljust(64, "0")[:64],
        "details": {**details, "parameter_size": "134.52M", "quantization_level": "Q4_1"},
    }


def sse(*events: object, done: bool = True) -> list[bytes]:
    """Server-sent events, one bytes each: objects as JSON, strings as they are; then `[DONE]`."""
    texts = [event if isinstance(event, str) else json.dumps(event, separators=(",", ":")) for event in events]
    return [f"data: {text}\n\n".encode() for text in [*texts, *(["[DONE]"] if done else [])]]


def usage_object(usage: tuple[int, int]) -> dict[str, int]:
    return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}


def chat_chunks(
    words: Iterable[str] = WORDS,
    *,
    usage: tuple[int, int] = USAGE,
    include_usage: bool = True,
    id: str = "chatcmpl-1",  # noqa: A002
    model: str = "tiny:latest",
    finish_reason: str | None = "stop",
) -> list[dict[str, Any]]:
    """The events of a streamed chat: one a word, one with the `finish_reason` (none when that is None), one with the
    usage (prompt, completion) when `include_usage`."""
    common = {
        "id": id,
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": model,
        "system_fingerprint": "fp_ollama",
    }

    def chunk(content: str, reason: str | None) -> dict[str, Any]:
        delta = {"role": "assistant", "content": content}
        return {**common, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    chunks = [chunk(word, None) for word in words]
    if finish_reason is not None:
        chunks.append(chunk("", finish_reason))
    if include_usage:
        chunks.append({**common, "choices": [], "usage": usage_object(usage)})
    return chunks


def chat_answer(
    text: str = "".join(WORDS),
    *,
    usage: tuple[int, int] | None = USAGE,
    id: str = "chatcmpl-1",  # noqa: A002
    model: str = "tiny:latest",
    finish_reason: str = "stop",
    **message: object,
) -> dict[str, Any]:
    """A chat answer that is not streamed; further fields (`tool_calls`) go into the message; no usage when None."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish_reason}
    answer = {
        "id": id,
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "system_fingerprint": "fp_ollama",
        "choices": [choice],
    }
    return answer if usage is None else {**answer, "usage": usage_object(usage)}


def completion_chunks(
    words: Iterable[str] = WORDS,
    *,
    usage: tuple[int, int] = USAGE,
    include_usage: bool = True,
    id: str = "cmpl-1",  # noqa: A002
    model: str = "tiny:latest",
) -> list[dict[str, Any]]:
    """The events of a streamed completion. With usage, Ollama puts zeros on each event and the truth on the last."""
    common = {
        "id": id,
        "object": "text_completion",
        "created": CREATED,
        "model": model,
        "system_fingerprint": "fp_ollama",
    }
    zeros = {"usage": usage_object((0, 0))} if include_usage else {}
    chunks = [
        {**common, "choices": [{"text": text, "index": 0, "finish_reason": reason}], **zeros}
        for text, reason in [*((word, None) for word in words), ("", "stop")]
    ]
    if include_usage:
        chunks.append({**common, "choices": [], "usage": usage_object(usage)})
    return chunks


def completion_answer(
    text: str = "".join(WORDS),
    *,
    usage: tuple[int, int] = USAGE,
    id: str = "cmpl-1",  # noqa: A002
    model: str = "tiny:latest",
) -> dict[str, Any]:
    return {
        "id": id,
        "object": "text_completion",
        "created": CREATED,
        "model": model,
        "system_fingerprint": "fp_ollama",
        "choices": [{"text": text, "index": 0, "finish_reason": "stop"}],
        "usage": usage_object(usage),
    }


def embeddings_answer(count: int, *, tokens: int = 4, model: str = "tiny:latest") -> dict[str, Any]:
    data = [{"object": "embedding", "embedding": [0.5, -0.25, 0.125], "index": index} for index in range(count)]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": model, "usage": usage}


NDJSON_HEAD = head(200, "Content-Type: application/x-ndjson", "Transfer-Encoding: chunked")


def ndjson(*lines: object, end: bool = True) -> bytes:
    """A whole chunked stream of lines of JSON, a chunk for each; cut off before the last chunk if not `end`."""
    texts = [json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines]
    return NDJSON_HEAD + b"".join(chunked(text, end=False) for text in texts) + (b"0\r\n\r\n" if end else b"")


def native_lines(
    words: Iterable[str] = WORDS,
    *,
    usage: tuple[int, int] = USAGE,
    model: str = "tiny:latest",
    done_reason: str = "stop",
    generate: bool = False,
) -> list[dict[str, Any]]:
    """The lines of a chat in Ollama's own API (with `generate`: of a prompt), one a word, and the last with usage."""

    def line(place: int, word: str, **more: object) -> dict[str, Any]:
        said = {"response": word} if generate else {"message": {"role": "assistant", "content": word}}
        return {"model": model, "created_at": f"2026-11-20T13:33:56.74{place}Z", **said, **more}

    lines = [line(place, word, done=False) for place, word in enumerate(words)]
    counts = {"prompt_eval_count": usage[0], "eval_count": usage[1]}
    times = {"total_duration": 9, "load_duration": 1, "prompt_eval_duration": 3, "eval_duration": 5}
    return [*lines, line(len(lines), "", done_reason=done_reason, done=True, **times, **counts)]


def native_answer(text: str = "".join(WORDS), **more: Any) -> dict[str, Any]:
    """The same, not streamed."""
    first, last = native_lines([text], **more)
    return first | {name: value for name, value in last.items() if name not in ("message", "response")}
