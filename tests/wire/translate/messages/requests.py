"""Requests of clients for the tests of this folder."""

import json
from typing import Any

from tollkeeper.wire.anthropic.request import MESSAGES, AnthropicRequest, read_request
from tollkeeper.wire.translate.conversation import Conversation
from tollkeeper.wire.translate.messages import read_request as reading

PNG = "iVBORw0KGgo="


def request_of(**fields) -> AnthropicRequest:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]} | fields
    return read_request(json.dumps(body).encode(), MESSAGES)


def conversation_of(urls=None, **fields) -> Conversation:
    request = request_of(**fields)
    if urls is None:
        urls = [image.url for image in request.images]
    return reading.read_request(request, urls, request.output_cap)


def user(*blocks):
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks):
    return {"role": "assistant", "content": list(blocks)}


def text(words, **more):
    return {"type": "text", "text": words} | more


def image(**source):
    return {"type": "image", "source": source}


INLINE = image(type="base64", media_type="image/png", data=PNG)

_CACHE = {"type": "ephemeral"}
CLAUDE_CODE: dict[str, Any] = {
    "model": "m",
    "messages": [
        user(text("<system-reminder>…</system-reminder>"), text("List files", cache_control=_CACHE)),
        {"role": "system", "content": "Be brief."},
    ],
    "system": [
        text("x-anthropic-billing-header: cc_version=2.1"),
        text("You are Claude Code.", cache_control=_CACHE),
        text("# Tools", cache_control=_CACHE),
    ],
    "tools": [
        {
            "name": "Bash",
            "description": "Runs a command",
            "input_schema": {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "properties": {"command": {"type": "string"}},
                "required": ["command"],
                "additionalProperties": False,
            },
        }
    ],
    "metadata": {"user_id": "user_" + "0" * 145},
    "max_tokens": 32000,
    "thinking": {"type": "adaptive"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "output_config": {"effort": "medium"},
    "stream": True,
}
"""What Claude Code 2.1 asks first, in short."""
