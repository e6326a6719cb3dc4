"""What a model thought, in a form that only its maker can read, carried by clients from turn to turn.

In the Responses dialect that is the `encrypted_content` of a reasoning item: a text that clients who asked for it send
back unread. It is marked, so that one which another provider made is not taken for it.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec
from msgspec import Raw

from tollkeeper.wire.json_slices import LARGE
from tollkeeper.wire.responses.request import ResponsesRequest
from tollkeeper.wire.translate.conversation import Thinking

INCLUDE = "reasoning.encrypted_content"
_MARK = "tk1."
_LONGEST = 4_000_000
"""Characters: more than a model thinks. Decoding is one step, which holds the interpreter."""


def wants_thoughts(request: ResponsesRequest) -> bool:
    """Whether the client asks for reasoning that it can send back."""
    raw = request.members.get("include", Raw(b"null"))
    try:
        return len(raw) <= LARGE and INCLUDE in msgspec.json.decode(raw, type=list[str])
    except msgspec.DecodeError:
        return False


def seal(thought: Thinking) -> str | None:
    """The text for a client; None: its maker has not signed it, so it would prove nothing."""
    if thought.signature is None and thought.redacted is None:
        return None
    held = msgspec.json.encode((thought.text, thought.signature, thought.redacted))
    return _MARK + urlsafe_b64encode(held).decode()


def unseal(text: str) -> Thinking | None:
    """The thought in a text that a client sends back; None: another provider made the text, or it is longer
    than any."""
    if not text.startswith(_MARK) or len(text) > _LONGEST:
        return None
    try:
        held = msgspec.json.decode(urlsafe_b64decode(text[len(_MARK) :]), type=tuple[str, str | None, str | None])
    except (ValueError, msgspec.DecodeError):
        return None
    return Thinking(*held)
