"""Responses to requests without a prompt. Ollama's clients send them to have a model loaded or unloaded, and go on
when they are answered. Here the gateway answers: which models are in memory is for upstreams and admins to decide."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from tollkeeper.wire.ollama.request import CHAT, OllamaRequest


def empty_response(request: OllamaRequest, model: str, now_ms: int) -> bytes | None:
    """The response to a request that has no prompt, about `model`, at a time in milliseconds since the epoch; None
    where it has one."""
    if request.asks_for is None:
        return None
    answer: dict[str, object] = {"model": model, "created_at": timestamp(now_ms)}
    if request.endpoint is CHAT:
        answer["message"] = {"role": "assistant", "content": ""}
    else:
        answer["response"] = ""
    return msgspec.json.encode(answer | {"done_reason": request.asks_for, "done": True}) + b"\n"


def timestamp(ms: int | None) -> str:
    """A time in milliseconds since the epoch as Ollama writes it, in UTC; None: Go's time of nothing."""
    if ms is None:
        return "0001-01-01T00:00:00Z"
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
