"""The conversation that a request belongs to, so that its next turn can go where this one went."""

from __future__ import annotations

import re
from hashlib import sha256

import msgspec
from msgspec import Raw

from tollkeeper.wire.anthropic.request import METADATA, AnthropicRequest
from tollkeeper.wire.json_slices import LARGE
from tollkeeper.wire.strict_json import begins, read_object, read_string

_SESSION = re.compile(r'session_(?:id"\s*:\s*")?([0-9A-Za-z-]{8,64})', re.ASCII)
"""The session in the user id of coding agents, which is words joined by underscores, or JSON."""
_LONGEST = 4096
"""Bytes of metadata that are read: of a longer one there may be so many members that it takes too long."""
_BEGINNING = 1024
_items = msgspec.json.Decoder(list[Raw]).decode


def conversation(request: AnthropicRequest) -> str:
    """A name of the conversation: the session that `metadata.user_id` names; else a digest of what stays as the
    conversation goes on, which is its instructions and its first message. "" where there is none."""
    members = request.members
    if (metadata := members.get("metadata")) is not None and len(metadata) <= _LONGEST and begins(metadata, b"{"):
        user = read_string(read_object(metadata, METADATA, "metadata").get("user_id", Raw(b"null")))
        if user is not None and (found := _SESSION.search(user[:_BEGINNING])):
            return f"session {found[1]}"
    messages = members.get("messages")
    if messages is None:
        return ""
    system = bytes(memoryview(members.get("system", Raw(b"")))[:_BEGINNING])
    return sha256(system + b"\0" + _first(messages)).hexdigest()


def _first(messages: Raw) -> bytes:
    """The first message; of long ones, the beginning of all stands for it."""
    if len(messages) <= LARGE:
        try:
            return bytes(next(iter(_items(messages)), b""))[:_BEGINNING]
        except msgspec.DecodeError:
            pass
    return bytes(memoryview(messages)[:_BEGINNING])
