"""The shapes of OpenAI's and OpenRouter's responses, by their API references as of November 2026.

OpenAI: platform.openai.com/docs/api-reference/chat (object, streaming), /docs/guides/error-codes, /docs/guides/
rate-limits. OpenRouter: openrouter.ai/docs/api/reference/overview, …/streaming, …/errors-and-debugging,
/docs/guides/administration/usage-accounting, /docs/models.
"""

from __future__ import annotations

from typing import Any

from tests.scripted import json_response, sse

CREATED = 1795181970


# OpenAI


def openai_usage(prompt: int, completion: int, *, cached: int = 0, reasoning: int = 0) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def openai_chat(model: str, usage: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "Hello!", "refusal": None, "annotations": []}
    return {
        "id": "chatcmpl-provider1",
        "object": "chat.completion",
        "created": CREATED,
        "model": f"{model}-2026-08-01",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": usage,
        "service_tier": "default",
        "system_fingerprint": "fp_1",
    }


def openai_chunks(model: str, usage: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Each event has `usage`, null but for the last."""

    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return {**common, "choices": [choice], "usage": None, "obfuscation": "Zx8"}

    common = {
        "id": "chatcmpl-provider1",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": f"{model}-2026-08-01",
        "service_tier": "default",
        "system_fingerprint": "fp_1",
    }
    chunks = [
        chunk({"role": "assistant", "content": "", "refusal": None}),
        chunk({"content": "Hel"}),
        chunk({"content": "lo!"}),
        chunk({}, "stop"),
    ]
    return chunks if usage is None else [*chunks, {**common, "choices": [], "usage": usage, "obfuscation": "q"}]


def openai_error(status: int, message: str, kind: str, code: str | None, *headers: str) -> bytes:
    error = {"message": message, "type": kind, "param": None, "code": code}
    return json_response({"error": error}, status, "x-request-id: req_provider", *headers)


# OpenRouter


def openrouter_usage(prompt: int, completion: int, cost: object, **more: object) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "cost": cost,
        "is_byok": False,
        "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 0, "audio_tokens": 0},
        "cost_details": {
            "upstream_inference_cost": None,
            "upstream_inference_prompt_cost": 0.00001,
            "upstream_inference_completions_cost": 0.00002,
        },
        "completion_tokens_details": {"reasoning_tokens": 7, "image_tokens": 0},
        **more,
    }


def openrouter_chat(model: str, usage: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": "Hello!", "refusal": None, "reasoning": None}
    choice = {
        "index": 0,
        "logprobs": None,
        "finish_reason": "stop",
        "native_finish_reason": "STOP",
        "message": message,
    }
    return {
        "id": "gen-1795181970-abc",
        "provider": "Maker",
        "model": model,
        "object": "chat.completion",
        "created": CREATED,
        "choices": [choice],
        "usage": usage,
    }


PROCESSING = b": OPENROUTER PROCESSING\n\n"


def openrouter_chunks(model: str, usage: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The last has one choice, which is empty, and the usage."""
    common = {
        "id": "gen-1795181970-abc",
        "provider": "Maker",
        "model": model,
        "object": "chat.completion.chunk",
        "created": CREATED,
    }

    def chunk(content: str, reason: str | None = None) -> dict[str, Any]:
        choice = {
            "index": 0,
            "delta": {"role": "assistant", "content": content},
            "finish_reason": reason,
            "native_finish_reason": reason and reason.upper(),
            "logprobs": None,
        }
        return {**common, "choices": [choice]}

    chunks = [chunk("Hel"), chunk("lo!"), chunk("", "stop")]
    return chunks if usage is None else [*chunks, {**chunk(""), "usage": usage}]


def openrouter_error(status: int, message: str, *headers: str, **metadata: object) -> bytes:
    error: dict[str, Any] = {"message": message, "code": status}
    if metadata:
        error["metadata"] = metadata
    return json_response({"error": error, "user_id": "user_operator"}, status, *headers)


def openrouter_error_chunk(model: str, message: str) -> bytes:
    """An error in mid-stream: the status is 200 by then, so the event carries it, and ends the choice."""
    event = {
        "id": "gen-1795181970-abc",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": model,
        "provider": "Maker",
        "error": {"code": "server_error", "message": message},
        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
    }
    return sse(event, done=False)[0]


def openrouter_models(*models: tuple[str, list[str]]) -> dict[str, Any]:
    """The list of models, each with the modalities of its input."""
    return {
        "data": [
            {
                "id": name,
                "canonical_slug": name,
                "name": name.title(),
                "created": CREATED,
                "description": "",
                "context_length": 131072,
                "architecture": {
                    "modality": f"{'+'.join(takes)}->text",
                    "input_modalities": takes,
                    "output_modalities": ["text"],
                    "tokenizer": "Other",
                    "instruct_type": None,
                },
                "pricing": {"prompt": "0.0000005", "completion": "0.0000015", "request": "0", "image": "0.0005"},
                "top_provider": {"context_length": 131072, "max_completion_tokens": None, "is_moderated": False},
                "per_request_limits": None,
                "supported_parameters": ["max_tokens", "temperature", "tools"],
            }
            for name, takes in models
        ]
    }


def openai_models(*models: str) -> dict[str, Any]:
    data = [{"id": name, "object": "model", "created": CREATED, "owned_by": "system"} for name in models]
    return {"object": "list", "data": data}
