"""The messages of a request in the Messages dialect, as turns of a conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

from msgspec import Raw

from tollkeeper.rules.errors import BadRequest, UnsupportedByUpstream
from tollkeeper.wire.anthropic.request import BLOCK, MESSAGE, SOURCE
from tollkeeper.wire.strict_json import Members, begins, read_object, read_objects, read_string
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
)

_NULL = Raw(b"null")
_PDF = "application/pdf"


def given(members: Members, name: str) -> Raw | None:
    """The value of a member; None where it is null, or not there."""
    raw = members.get(name, _NULL)
    return None if raw == _NULL else raw


def read_system(raw: Raw | None) -> tuple[Turn, ...]:
    """The turns that the value of `system` stands for."""
    if raw is None:
        return ()
    return (Turn("system", tuple(_read_content(raw, "system", _SYSTEM, iter(())))),)


def read_messages(raw: Raw | None, image_urls: Sequence[str]) -> tuple[Turn, ...]:
    """The turns of `messages`. `image_urls` replace the URLs of their images, in order."""
    if raw is None:
        raise BadRequest("'messages' is missing. Send at least one message.", param="messages")
    urls = iter(image_urls)
    return tuple(
        _read_message(message, f"messages[{place}]", urls)
        for place, message in enumerate(read_objects(raw, MESSAGE, "messages"))
    )


def _read_message(message: Members, where: str, urls: Iterator[str]) -> Turn:
    role = read_string(message.get("role", _NULL)) or ""
    if role not in _BLOCKS:
        raise BadRequest(f"'{where}.role' must be 'user', 'assistant' or 'system'.", param=f"{where}.role")
    content = given(message, "content")
    if content is None:
        raise BadRequest(f"'{where}.content' is missing. Send a text or blocks.", param=f"{where}.content")
    return Turn(cast(Role, role), tuple(_read_content(content, f"{where}.content", _BLOCKS[role], urls)))


_Reader = Callable[[Members, str, Iterator[str]], Sequence[Part]]
_Readers = Mapping[str, _Reader]


def _read_content(raw: Raw, where: str, readers: _Readers, urls: Iterator[str]) -> Iterator[Part]:
    text = read_string(raw)
    if text is not None:
        yield Text(text)
        return
    if not begins(raw, b"["):
        raise BadRequest(f"'{where}' must be a text or an array of blocks.", param=where)
    for number, block in enumerate(read_objects(raw, BLOCK, where)):
        at = f"{where}[{number}]"
        kind = read_string(block.get("type", _NULL))
        reader = readers.get(kind or "")
        if reader is None:
            raise _untranslatable(kind, at, readers)
        yield from reader(block, at, urls)


def _untranslatable(kind: str | None, where: str, readers: _Readers) -> UnsupportedByUpstream:
    names = ", ".join(f"'{name}'" for name in readers)
    said = "is missing" if kind is None else f"is '{kind[:64]}'"
    return UnsupportedByUpstream(
        f"'{where}.type' {said}: what serves this model takes only {names} here. Leave the block out, or choose a"
        " model that is served in the Messages API itself.",
        param=f"{where}.type",
    )


def _read_text(block: Members, where: str, _: Iterator[str]) -> tuple[Text]:
    return (Text(_string(block, "text", where), _cache(block)),)


def _read_image(block: Members, where: str, urls: Iterator[str]) -> tuple[ImagePart]:
    source, kind = _source(block, where)
    if kind not in ("base64", "url"):
        raise _not_inline(source, kind, where)
    return (ImagePart(next(urls), _cache(block)),)


def _read_document(block: Members, where: str, _: Iterator[str]) -> tuple[FilePart | Text, ...]:
    source, kind = _source(block, where)
    cache = _cache(block)
    title = _optional(block, "title", where) or ""
    at = f"{where}.source"
    if kind == "base64":
        media_type = _optional(source, "media_type", at) or _PDF
        data = _string(source, "data", at)
        return (FilePart(f"data:{media_type};base64,{data}", title, cache),)
    if kind == "text":  # few servers take it as a file
        heading = (title, _optional(block, "context", where) or "")
        return (Text("\n\n".join([*filter(None, heading), _string(source, "data", at)]), cache),)
    if kind == "content" and given(source, "content") is not None:
        texts = tuple(_read_content(source["content"], f"{at}.content", _SYSTEM, iter(())))
        return cast(tuple[Text, ...], texts)
    raise _not_inline(source, kind, where)


def _not_inline(source: Members, kind: str | None, where: str) -> UnsupportedByUpstream:
    field = {"file": "file_id", "url": "url"}.get(kind or "", "type")
    return UnsupportedByUpstream(
        f"'{where}.source.{field}' cannot be sent to what serves this model. Send the content itself, as base64.",
        param=f"{where}.source.{field if field in source else 'type'}",
    )


def _read_thinking(block: Members, where: str, _: Iterator[str]) -> tuple[Thinking]:
    # The gateway itself gives an empty signature to what models without one have thought.
    return (Thinking(_string(block, "thinking", where), _optional(block, "signature", where) or None),)


def _read_redacted(block: Members, where: str, _: Iterator[str]) -> tuple[Thinking]:
    return (Thinking("", redacted=_string(block, "data", where)),)


def _read_call(block: Members, where: str, _: Iterator[str]) -> tuple[ToolCall]:
    arguments = given(block, "input")
    if arguments is not None and not begins(arguments, b"{"):
        raise BadRequest(f"'{where}.input' must be an object.", param=f"{where}.input")
    text = "{}" if arguments is None else str(memoryview(arguments), "utf-8")
    return (ToolCall(_string(block, "id", where), _string(block, "name", where), text, cache=_cache(block)),)


def _read_result(block: Members, where: str, urls: Iterator[str]) -> tuple[ToolResult]:
    content = given(block, "content")
    parts = () if content is None else tuple(_read_content(content, f"{where}.content", _RESULT, urls))
    return (
        ToolResult(
            _string(block, "tool_use_id", where),
            cast(tuple[Text | ImagePart | FilePart, ...], parts),
            is_error=block.get("is_error", _NULL) == _TRUE,
            cache=_cache(block),
        ),
    )


_TRUE = Raw(b"true")
_SYSTEM: _Readers = {"text": _read_text}
_RESULT: _Readers = {"text": _read_text, "image": _read_image, "document": _read_document}
_BLOCKS: Mapping[str, _Readers] = {
    "user": {**_RESULT, "tool_result": _read_result},
    "assistant": {
        "text": _read_text,
        "thinking": _read_thinking,
        "redacted_thinking": _read_redacted,
        "tool_use": _read_call,
    },
    "system": _SYSTEM,
}
"""What may stand in the messages of each role. Blocks of Anthropic's own tools (`server_tool_use`,
`web_search_tool_result`, `container_upload`, …) name what only its account has."""


def _source(block: Members, where: str) -> tuple[Members, str | None]:
    source = given(block, "source")
    if source is None or not begins(source, b"{"):
        raise BadRequest(f"'{where}.source' must be an object.", param=f"{where}.source")
    members = read_object(source, SOURCE, f"{where}.source")
    return members, read_string(members.get("type", _NULL))


def _string(members: Members, name: str, where: str) -> str:
    value = _optional(members, name, where)
    if value is None:
        raise BadRequest(f"'{where}.{name}' is missing. Send a string.", param=f"{where}.{name}")
    return value


def _optional(members: Members, name: str, where: str) -> str | None:
    raw = given(members, name)
    if raw is None:
        return None
    value = read_string(raw)
    if value is None:
        raise BadRequest(f"'{where}.{name}' must be a string.", param=f"{where}.{name}")
    return value


def _cache(block: Members) -> Raw | None:
    return given(block, "cache_control")
