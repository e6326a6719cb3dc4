"""The turns of a conversation as `system` and `messages` of the Messages API.

Anthropic's rules of order, which other APIs do not have: turns of user and model alternate; results of tools come first
in the user's turn; a `system` message stands behind a user's turn and before the model's, and none at the beginning,
where it is `system` ("Mid-conversation system messages"); no text is empty.
"""

from __future__ import annotations

import re
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Iterable, Sequence

from msgspec import Raw

from tollkeeper.rules.errors import UnsupportedByUpstream
from tollkeeper.wire.translate.conversation import (
    FilePart,
    ImagePart,
    Part,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    flat_name,
)
from tollkeeper.wire.translate.messages.json_text import encode, json_object, json_string

_PDF = "application/pdf"
_TEXT = "text/plain"
_OTHERS_SIGNATURE = "gAAAA"
"""How OpenAI's encrypted reasoning begins (Fernet's version 128): no signature of Anthropic's does."""
_SLICE = 1 << 16
"""Characters of base64 that are decoded at once: a multiple of four."""
_odd_in_id = re.compile(r"[^a-zA-Z0-9_-]")

Message = tuple[Role, list[Part]]


class Messages:
    """The turns of a conversation, in Anthropic's order. `system` are the texts before all messages."""

    __slots__ = ("messages", "system")

    def __init__(self, turns: Sequence[Turn]) -> None:
        leading = next((place for place, turn in enumerate(turns) if turn.role != "system"), len(turns))
        self.system: list[Part] = [part for turn in turns[:leading] for part in _kept(turn.parts)]
        self.messages: list[Message] = []
        self._add(turns[leading:])
        if not self.messages and self.system:
            # At least one message is required, and only a user's is answered.
            self.messages, self.system = [("user", self.system)], []
        for role, parts in self.messages:
            if role == "user":
                parts.sort(key=_is_no_result)

    def __repr__(self) -> str:
        return f"Messages({[role for role, _ in self.messages]}, {len(self.system)} texts of system)"

    def _add(self, turns: Sequence[Turn]) -> None:
        waiting: list[Part] = []  # system texts, until the user's turn is over
        for turn in turns:
            parts = _kept(turn.parts)
            if not parts:
                continue
            if turn.role == "system":
                waiting += parts
                continue
            if turn.role == "assistant":
                self._add_system(waiting)
                waiting = []
            self._append(turn.role, parts)
        self._add_system(waiting)

    def _add_system(self, parts: list[Part]) -> None:
        if parts:
            # Behind the model's turn it is not allowed: there the model gets it as something to answer.
            behind_user = bool(self.messages) and self.messages[-1][0] == "user"
            self._append("system" if behind_user else "user", parts)

    def _append(self, role: Role, parts: list[Part]) -> None:
        if self.messages and self.messages[-1][0] == role:
            self.messages[-1][1].extend(parts)
        else:
            self.messages.append((role, list(parts)))

    @property
    def may_think(self) -> bool:
        """Whether the model may think in its next turn: not where its last one called tools without a thought that can
        be sent back, since a turn has to begin with one."""
        last = next((parts for role, parts in reversed(self.messages) if role == "assistant"), None)
        if last is None or not any(isinstance(part, ToolCall) for part in last):
            return True
        return isinstance(last[0], Thinking)

    @property
    def called(self) -> list[str]:
        """The names of the tools that were called, each once."""
        names: dict[str, None] = {}
        for _, parts in self.messages:
            for part in parts:
                if isinstance(part, ToolCall):
                    names[flat_name(part.namespace, part.name)] = None
        return list(names)

    def write_messages(self) -> list[bytes]:
        """The value of `messages`, in pieces."""
        out = [b"["]
        for place, (role, parts) in enumerate(self.messages):
            out.append(b',{"role":"' if place else b'{"role":"')
            out += (role.encode(), b'","content":')
            last = role == "assistant" and place == len(self.messages) - 1
            _write_content(out, _trimmed(parts) if last else parts)
            out.append(b"}")
        out.append(b"]")
        return out

    def write_system(self) -> list[bytes]:
        """The value of `system`, in pieces; none: there is none."""
        out: list[bytes] = []
        if self.system:
            _write_content(out, self.system)
        return out


def check_parts(turns: Iterable[Turn]) -> None:
    """Raise UnsupportedByUpstream for parts that the Messages API has not."""
    for turn in turns:
        for part in turn.parts:
            if isinstance(part, ImagePart | FilePart) and turn.role != "user":
                raise UnsupportedByUpstream(
                    "The upstream takes images and files only from users, and one is in a message of role"
                    f" '{turn.role}'. Send it in a message of role 'user'.",
                    param="messages",
                )
            for each in part.content if isinstance(part, ToolResult) else (part,):
                if isinstance(each, FilePart):
                    _check_file(each)


def _check_file(part: FilePart) -> None:
    kind, data = _data_url(part.url)
    if kind == _TEXT and _plain_text(data) is not None:
        return
    if kind != _PDF or not data:
        raise UnsupportedByUpstream(
            f"The upstream takes files that are PDF ({_PDF}) or plain text ({_TEXT}) in UTF-8, inline as base64, and"
            f" one is '{kind[:64]}'. Send its content in one of these forms.",
            param="messages",
        )


def _is_no_result(part: Part) -> bool:
    return not isinstance(part, ToolResult)


def _kept(parts: Sequence[Part]) -> list[Part]:
    return [part for part in parts if _is_kept(part)]


def _is_kept(part: Part) -> bool:
    if isinstance(part, Text):
        return bool(part.text)  # Anthropic refuses empty texts, which others' answers have beside calls
    if isinstance(part, Thinking):
        proof = part.redacted or part.signature
        return bool(proof) and not str(proof).startswith(_OTHERS_SIGNATURE)
    return True


def _trimmed(parts: list[Part]) -> list[Part]:
    """The parts of an answer to go on with: Anthropic refuses white space at its end."""
    if not isinstance(parts[-1], Text):
        return parts
    text = parts[-1].text.rstrip()
    return [*parts[:-1], Text(text, parts[-1].cache)] if text else parts[:-1] or parts


def _write_content(out: list[bytes], parts: Sequence[Part]) -> None:
    if len(parts) == 1 and isinstance(parts[0], Text) and parts[0].cache is None:
        out.append(json_string(parts[0].text))
        return
    out.append(b"[")
    for place, part in enumerate(parts):
        if place:
            out.append(b",")
        _write_part(out, part)
    out.append(b"]")


def _write_part(out: list[bytes], part: Part) -> None:
    if isinstance(part, Text):
        out += (b'{"type":"text","text":', json_string(part.text))
        _close(out, part.cache)
    elif isinstance(part, ToolCall):
        name = flat_name(part.namespace, part.name)
        out += (b'{"type":"tool_use","id":', _id(part.id), b',"name":', encode(name), b',"input":')
        out.append(json_object(part.arguments))
        _close(out, part.cache)
    elif isinstance(part, ToolResult):
        _write_result(out, part)
    elif isinstance(part, ImagePart):
        out.append(b'{"type":"image","source":')
        _write_source(out, part.url)
        _close(out, part.cache)
    elif isinstance(part, FilePart):
        _write_file(out, part)
    elif part.redacted:
        out += (b'{"type":"redacted_thinking","data":', json_string(part.redacted), b"}")
    else:
        out += (b'{"type":"thinking","thinking":', json_string(part.text), b',"signature":')
        out += (json_string(part.signature or ""), b"}")


def _write_result(out: list[bytes], part: ToolResult) -> None:
    out += (b'{"type":"tool_result","tool_use_id":', _id(part.call_id))
    content = [each for each in part.content if _is_kept(each)]
    if content:
        out.append(b',"content":')
        _write_content(out, content)
    if part.is_error:
        out.append(b',"is_error":true')
    _close(out, part.cache)


def _write_file(out: list[bytes], part: FilePart) -> None:
    kind, data = _data_url(part.url)
    out.append(b'{"type":"document","source":')
    if kind == _TEXT:
        out += (b'{"type":"text","media_type":"text/plain","data":', json_string(_plain_text(data) or ""), b"}")
    else:
        _write_source(out, part.url)
    if part.name:
        out += (b',"title":', json_string(part.name))
    _close(out, part.cache)


def _write_source(out: list[bytes], url: str) -> None:
    kind, data = _data_url(url)
    if data:
        out += (b'{"type":"base64","media_type":', encode(kind), b',"data":', json_string(data), b"}")
    else:
        out += (b'{"type":"url","url":', json_string(url), b"}")


def _close(out: list[bytes], cache: Raw | None) -> None:
    if cache is None:
        out.append(b"}")
    else:
        out += (b',"cache_control":', bytes(cache), b"}")


def _id(call_id: str) -> bytes:
    """The id of a call: Anthropic refuses characters that other servers' ids have, as in `functions.look_up:0`."""
    return encode(_odd_in_id.sub("_", call_id) or "_")


def _data_url(url: str) -> tuple[str, str]:
    """The media type and the base64 of a `data:` URL; of another URL, neither."""
    head, comma, _ = url[:256].partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        return "", ""
    return head[5:].partition(";")[0].lower(), url[len(head) + 1 :]


def _plain_text(data: str) -> str | None:
    slices = (data[start : start + _SLICE] for start in range(0, len(data), _SLICE))
    try:
        return b"".join(a2b_base64(piece, strict_mode=True) for piece in slices).decode()
    except (NotBase64, ValueError):
        return None
