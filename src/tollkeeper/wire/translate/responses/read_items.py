"""The items of a Responses request, as turns of a conversation.

What one response made (thoughts, a message, calls) stands in several items, which are one turn here; so are results
that follow each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Raw

from tollkeeper.rules.errors import UnsupportedByUpstream
from tollkeeper.wire.responses.fields import PART
from tollkeeper.wire.responses.request import item_type, items
from tollkeeper.wire.strict_json import Members, begins, read_objects, read_string
from tollkeeper.wire.translate.chat.fields import given, required, string, wrong
from tollkeeper.wire.translate.conversation import (
    FilePart,
    ImagePart,
    Part,
    Role,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from tollkeeper.wire.translate.responses.read_tools import arguments_of
from tollkeeper.wire.translate.responses.thoughts import unseal

_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_TEXTS = ("input_text", "output_text", "text", "summary_text", "reasoning_text")
_CALLS = ("function_call", "custom_tool_call")
_RESULTS = ("function_call_output", "custom_tool_call_output")
_PDF = "data:application/pdf;base64,"
_Content = Text | ImagePart | FilePart


def read_turns(members: Members, urls: Mapping[str, str]) -> list[Turn]:
    """The turns of `input`. `urls` are those of the images, by their places. Raises BadRequest."""
    raw = given(members, "input")
    if raw is None:
        return []
    text = read_string(raw)
    if text is not None:
        return [Turn("user", (Text(text),))]
    turns: list[Turn] = []
    joins: Role | None = None
    """The role of items that belong to the turn before them."""
    for item, where in items(members):
        role, parts = _read_item(item, where, urls)
        result = isinstance(parts[0], ToolResult) if parts else False
        if not parts and role == "assistant" and item_type(item, where) == "reasoning":
            continue
        if turns and joins == role and (role == "assistant" or result):
            parts = (*turns.pop().parts, *parts)
        turns.append(Turn(role, parts))
        joins = role if role == "assistant" or result else None
    return turns


def _read_item(item: Members, where: str, urls: Mapping[str, str]) -> tuple[Role, tuple[Part, ...]]:
    kind = item_type(item, where)
    if kind == "message":
        role = required(item, "role", where)
        if role not in _ROLES:
            raise wrong(f"{where}.role", "'system', 'developer', 'user' or 'assistant'")
        return _ROLES[role], (*_content(item, "content", where, urls),)
    if kind in _CALLS:
        return "assistant", (_call(item, kind, where),)
    if kind in _RESULTS:
        return "user", (ToolResult(required(item, "call_id", where), (*_content(item, "output", where, urls),)),)
    if kind == "reasoning":
        sealed = string(item, "encrypted_content", where)
        thought = None if sealed is None else unseal(sealed)
        return "assistant", () if thought is None else (thought,)
    raise UnsupportedByUpstream(
        f"'{where}.type' is '{kind}', which this model cannot be given. Send messages, calls of functions, their "
        "results and reasoning, or use another model.",
        param=f"{where}.type",
    )


def _call(item: Members, kind: str, where: str) -> ToolCall:
    call_id, name = required(item, "call_id", where), required(item, "name", where)
    if kind == "custom_tool_call":
        arguments = arguments_of(required(item, "input", where))
    else:
        arguments = string(item, "arguments", where) or ""
    return ToolCall(call_id, name, arguments, string(item, "namespace", where))


def _content(item: Members, name: str, where: str, urls: Mapping[str, str]) -> Iterator[_Content]:
    raw = given(item, name)
    if raw is None:
        return
    where = f"{where}.{name}"
    text = read_string(raw)
    if text is not None:
        yield Text(text)
        return
    if not begins(raw, b"["):
        raise wrong(where, "a string or an array of parts")
    for place, part in enumerate(read_objects(raw, PART, where)):
        yield _part(part, f"{where}[{place}]", urls)


def _part(part: Members, where: str, urls: Mapping[str, str]) -> _Content:
    kind = required(part, "type", where)
    if kind in _TEXTS:
        return Text(required(part, "text", where))
    if kind == "refusal":
        return Text(required(part, "refusal", where), refusal=True)
    if kind == "input_image":
        at = f"{where}.image_url"
        if at not in urls:
            raise wrong(at, "a URL, as a string")
        return ImagePart(urls[at])
    if kind == "input_file":
        return _file(part, where)
    raise UnsupportedByUpstream(
        f"'{where}.type' is '{kind}', which this model cannot be given. Send text, images and files.",
        param=f"{where}.type",
    )


def _file(part: Members, where: str) -> FilePart:
    if given(part, "file_data") is None and isinstance(part.get("file_url"), Raw):
        raise UnsupportedByUpstream(
            f"'{where}.file_url' is not fetched for this model. Send the file itself, as 'file_data'.",
            param=f"{where}.file_url",
        )
    data = required(part, "file_data", where)
    # Without a head it is base64 alone; what it holds only its name would tell, and OpenAI takes that for PDF.
    return FilePart(data if data[:5].lower() == "data:" else _PDF + data, string(part, "filename", where) or "")
