"""Fields that reach what the upstream's account has stored. Users share that account, so what is stored there may be
another's."""

from __future__ import annotations

from msgspec import Raw

from tollkeeper.wire.fields import is_given
from tollkeeper.wire.strict_json import Members, begins, read_object

STORED = frozenset(("previous_response_id", "conversation", "background"))
"""Fields of a request that name something stored, or have the response stored in the background."""
STORED_BY_CHATS = STORED | {"prompt"}
STORED_BY_MESSAGES = frozenset(("audio", "file_ids"))
_ID = frozenset({"id"})
_FILE_ID = frozenset({"file_id"})


def stored_field(members: Members, names: frozenset[str]) -> str | None:
    """The first of these fields that requests something."""
    if names.isdisjoint(members):
        return None
    return next((name for name in members if name in names and is_given(members, name)), None)


def stored_in_message(message: Members, where: str) -> str | None:
    """The first such field of a message: the audio of an earlier response, or files."""
    if _is_object(message.get("audio")) and "id" in read_object(message["audio"], _ID, f"{where}.audio"):
        return f"{where}.audio.id"
    return f"{where}.file_ids" if is_given(message, "file_ids") else None


def stored_in_part(part: Members, where: str) -> str | None:
    """The first such field of a part: a file, by its id."""
    if is_given(part, "file_id"):
        return f"{where}.file_id"
    for name, value in part.items():
        if _is_object(value) and is_given(read_object(value, _FILE_ID, f"{where}.{name}"), "file_id"):
            return f"{where}.{name}.file_id"
    return None


def _is_object(value: Raw | None) -> bool:
    return value is not None and begins(value, b"{")
