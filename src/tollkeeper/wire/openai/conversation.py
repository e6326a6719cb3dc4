"""The conversation that a request belongs to, so that its next turn can go where this one went."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import msgspec
from msgspec import Raw, Struct

from tollkeeper.wire.openai.request import OpenAIRequest
from tollkeeper.wire.strict_json import Members, read_string

_DECODED = 65_536
"""Bytes of messages that are decoded; of longer ones, the beginning stands for the first messages."""
_BEGINNING = 1024


class _Message(Struct):
    role: str = ""
    content: Raw = Raw(b"")


_messages = msgspec.json.Decoder(list[_Message])


def conversation(request: OpenAIRequest) -> str:
    """A name of the conversation: the request's `prompt_cache_key`; else a digest of what stays as the conversation
    goes on, which is its instructions and its first message. "" where there is none."""
    raw = request.members.get("messages") or request.members.get("prompt")
    return named(request.members, [] if raw is None else [raw])


def named(members: Members, texts: Sequence[Raw]) -> str:
    """A name by `prompt_cache_key`, else by the parts that stay of texts and messages; "" where there are none."""
    key = members.get("prompt_cache_key")
    if key is not None and (text := read_string(key)):
        return f"key {text}"
    return sha256(b"\0".join(_first(bytes(raw)) for raw in texts)).hexdigest() if texts else ""


def _first(raw: bytes) -> bytes:
    """The part of messages, or of a prompt, that stays."""
    if len(raw) > _DECODED or not raw.startswith(b"["):
        return raw[:_BEGINNING]
    try:
        messages = _messages.decode(raw)
    except msgspec.DecodeError:
        return raw[:_BEGINNING]
    kept = []
    for message in messages:
        kept.append(bytes(message.content))
        if message.role not in {"system", "developer"}:
            break
    return b"\0".join(kept)
