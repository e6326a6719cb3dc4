"""The shapes of Anthropic's responses, by its API reference as of November 2026 ("Messages", "Streaming messages",
"Count message tokens", "List models", "Errors"), and of what Ollama answers to the same path.
"""

from __future__ import annotations

import json
from typing import Any

from tests.scripted import Conn, Request, ScriptedUpstream, json_response, streamed

CLAUDE = "claude-test-5"
ID = "msg_provider1"


def usage(
    fresh: int = 25, output: int = 12, *, read: int = 0, written_5m: int = 0, written_1h: int = 0
) -> dict[str, Any]:
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": written_5m + written_1h,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": written_5m, "ephemeral_1h_input_tokens": written_1h},
        "output_tokens": output,
        "service_tier": "standard",
    }


def message(text: str = "Hello!", used: dict[str, Any] | None = None, model: str = CLAUDE) -> dict[str, Any]:
    return {
        "id": ID,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": used or usage(),
    }


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | fields, separators=(',', ':'))}\n\n".encode()


PING = event("ping")


def begin(used: dict[str, Any] | None = None, model: str = CLAUDE) -> bytes:
    """The first event, with the input and a first count of output."""
    first = message(used=(used or usage()) | {"output_tokens": 1}, model=model)
    return event("message_start", message=first | {"content": [], "stop_reason": None})


def words(*texts: str) -> list[bytes]:
    """A block of text, a delta each."""
    deltas = [event("content_block_delta", index=0, delta={"type": "text_delta", "text": text}) for text in texts]
    return [event("content_block_start", index=0, content_block={"type": "text", "text": ""}), *deltas]


def end(output: int = 12, reason: str = "end_turn") -> list[bytes]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [
        event("content_block_stop", index=0),
        event("message_delta", delta=delta, usage={"output_tokens": output}),
        event("message_stop"),
    ]


def stream(used: dict[str, Any] | None = None, model: str = CLAUDE) -> bytes:
    used = used or usage()
    return streamed(begin(used, model), PING, *words("Hel", "lo!"), *end(used["output_tokens"]))


def error(status: int, kind: str, text: str, *headers: str) -> bytes:
    body = {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_provider"}
    return json_response(body, status, "request-id: req_provider", *headers)


def models(*names: str, more: bool = False) -> dict[str, Any]:
    data = [
        {
            "type": "model",
            "id": name,
            "display_name": name.title(),
            "created_at": "2026-02-04T00:00:00Z",
            "capabilities": {"image_input": {"supported": "blind" not in name}},
            "max_input_tokens": 200_000,
            "max_tokens": 64_000,
        }
        for name in names
    ]
    return {"data": data, "has_more": more, "first_id": names[0], "last_id": names[-1]}


def be_anthropic(at: ScriptedUpstream, *names: str) -> None:
    """Have a scripted upstream answer as Anthropic does, to the models of these names."""

    async def answers(conn: Conn, request: Request) -> None:
        asked = request.json
        if "max_tokens" not in asked:
            await conn.send(error(400, "invalid_request_error", "max_tokens: Field required"))
        elif asked.get("stream"):
            await conn.send(stream(model=asked["model"]))
        else:
            await conn.send(json_response(message(model=asked["model"])))

    at.route("GET /v1/models", json_response(models(*(names or (CLAUDE,)))))
    at.route("POST /v1/messages/count_tokens", json_response({"input_tokens": 77}))
    at.always(answers)


def be_ollama(at: ScriptedUpstream, version: str = "0.24.0") -> None:
    """Have a scripted upstream answer as an Ollama does that speaks this dialect: the first event estimates the input,
    the last one tells it (captures of 0.24.0)."""

    async def answers(conn: Conn, request: Request) -> None:
        asked = request.json
        used = {"input_tokens": 21, "output_tokens": 3}
        body = {"id": "msg_ollama1", "type": "message", "role": "assistant", "model": asked["model"]}
        if not asked.get("max_tokens"):
            await conn.send(error(400, "invalid_request_error", "max_tokens is required and must be positive"))
        elif asked.get("stream"):
            started = body | {"content": [], "usage": {"input_tokens": 1, "output_tokens": 0}}
            await conn.send(
                streamed(
                    event("message_start", message=started),
                    *words("Hello", ","),
                    event("content_block_stop", index=0),
                    event("message_delta", delta={"stop_reason": "max_tokens"}, usage=used),
                    event("message_stop"),
                )
            )
        else:
            content = [{"type": "text", "text": "Hello,"}]
            await conn.send(json_response(body | {"content": content, "stop_reason": "max_tokens", "usage": used}))

    at.route("GET /api/version", json_response({"version": version}))
    at.always(answers)


def ask(**fields: Any) -> dict[str, Any]:
    return {"model": CLAUDE, "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]} | fields


def events_of(text: str) -> list[dict[str, Any]]:
    """The events of a stream; each is named as its type."""
    found = []
    for each in text.strip().split("\n\n"):
        if each.startswith(":"):
            continue
        name, data = each.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found
