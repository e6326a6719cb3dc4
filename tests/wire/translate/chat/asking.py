"""Chat requests for the tests of their translation."""

from __future__ import annotations

import json
from typing import Any

from tollkeeper.wire.openai.request import CHAT, OpenAIRequest, read_request
from tollkeeper.wire.translate.chat import read_request as chat
from tollkeeper.wire.translate.conversation import Conversation, Part

HELLO = [{"role": "user", "content": "Hello"}]


def asking(**fields: Any) -> OpenAIRequest:
    """A chat request with these fields."""
    return read_request(json.dumps({"model": "m", "messages": HELLO} | fields).encode(), CHAT)


def conversation(**fields: Any) -> Conversation:
    """The conversation of a chat request with these fields."""
    request = asking(**fields)
    return chat.read_request(request, [image.url for image in request.images], request.output_cap)


def parts(*messages: dict[str, Any]) -> list[tuple[str, tuple[Part, ...]]]:
    """The role and parts of each turn of a chat with these messages."""
    return [(turn.role, turn.parts) for turn in conversation(messages=list(messages)).turns]
