"""The conversation that a request belongs to, so that its next turn can go where this one went."""

from __future__ import annotations

from tollkeeper.wire.openai.conversation import named
from tollkeeper.wire.responses.request import ResponsesRequest


def conversation(request: ResponsesRequest) -> str:
    """A name of the conversation: the request's `prompt_cache_key`; else a digest of what stays as the conversation
    goes on, which is its instructions and the first item that is none. "" where there is none."""
    members = request.members
    return named(members, [members[name] for name in ("instructions", "input") if name in members])
