"""A turn of a conversation, as messages of a chat.

Results of tools stand in messages of their own, before the rest of their turn. These hold text only, so images and
documents in results come after them, with the rest. What the model thought is left out: no field for it is common to
servers. A refusal is written as text, since few know another place for it.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import unquote_to_bytes

from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import Kind
from tollkeeper.wire.json_slices import string_parts
from tollkeeper.wire.translate.conversation import FilePart, ImagePart, Text, ToolCall, ToolResult, Turn, flat_name

JsonParts = list[bytes | memoryview]
"""A JSON text, in parts."""
_Content = Text | ImagePart | FilePart


def write_turn(turn: Turn, kind: Kind) -> Iterator[JsonParts]:
    """The messages of a turn, in order. Raises BadRequest for a document that cannot be read."""
    if turn.role == "assistant":
        said: list[_Content] = [part for part in turn.parts if isinstance(part, _Content)]
        calls = [part for part in turn.parts if isinstance(part, ToolCall)]
        if said or calls or not turn.parts:
            yield _assistant(turn, said, calls, kind)
        return
    rest: list[_Content] = []
    results = 0
    for part in turn.parts:
        if isinstance(part, ToolResult):
            results += 1
            content = [_as_text(piece) for piece in part.content]
            yield _result(part, [piece for piece in content if isinstance(piece, Text)], kind)
            # Before what the user says himself: it belongs to the results.
            rest += [piece for piece in content if not isinstance(piece, Text)]
    rest += [_as_text(part) for part in turn.parts if isinstance(part, _Content)]
    if rest or not results:
        yield [*_head(turn.role, turn.name), b',"content":', *_content(rest, kind), b"}"]


def _head(role: str, name: str | None) -> JsonParts:
    head: JsonParts = [b'{"role":"%b"' % role.encode()]
    return head if name is None else [*head, b',"name":', *string_parts(name)]


def _assistant(turn: Turn, said: Sequence[_Content], calls: Sequence[ToolCall], kind: Kind) -> JsonParts:
    written = _head("assistant", turn.name)
    written += [b',"content":', *(_content(said, kind) if said or not calls else [b"null"])]
    if calls:
        written.append(b',"tool_calls":')
        written += array(_call(call) for call in calls)
    return [*written, b"}"]


def _call(call: ToolCall) -> JsonParts:
    arguments = call.arguments if call.arguments.strip() else "{}"  # many servers parse them
    return [
        b'{"id":',
        *string_parts(call.id),
        b',"type":"function","function":{"name":',
        *string_parts(flat_name(call.namespace, call.name)),
        b',"arguments":',
        *string_parts(arguments),
        b"}}",
    ]


def _result(result: ToolResult, texts: Sequence[Text], kind: Kind) -> JsonParts:
    if result.cache is not None and texts and texts[-1].cache is None:
        texts = [*texts[:-1], Text(texts[-1].text, result.cache)]
    return [
        *_head("tool", None),
        b',"tool_call_id":',
        *string_parts(result.call_id),
        b',"content":',
        *_content(texts, kind),
        b"}",
    ]


def _content(parts: Sequence[_Content], kind: Kind) -> JsonParts:
    """The content of a message: a plain string where it is one text, which every server takes."""
    if not parts:
        return [b'""']
    only = parts[0]
    if len(parts) == 1 and isinstance(only, Text) and not (kind.takes_extensions and only.cache is not None):
        return [*string_parts(only.text)]
    return array(_part(part, kind) for part in parts)


def _part(part: _Content, kind: Kind) -> JsonParts:
    if isinstance(part, Text):
        written: JsonParts = [b'{"type":"text","text":', *string_parts(part.text)]
    elif isinstance(part, ImagePart):
        written = [b'{"type":"image_url","image_url":{"url":', *string_parts(part.url), b"}"]
    else:
        name = [b'"filename":', *string_parts(part.name), b","] if part.name else []
        written = [b'{"type":"file","file":{', *name, b'"file_data":', *string_parts(part.url), b"}"]
    if kind.takes_extensions and part.cache is not None:
        written += [b',"cache_control":', json_of(part.cache)]
    return [*written, b"}"]


def _as_text(part: _Content) -> _Content:
    """A document of plain text as the text that it is, which every server takes."""
    if not isinstance(part, FilePart) or not is_text(part):
        return part
    head, _, data = part.url.partition(",")
    try:
        octets = b64decode(data) if head.lower().endswith(";base64") else unquote_to_bytes(data)
    except ValueError:
        raise BadRequest("A document is not base64 in a 'data:' URL. Send its text in another way.") from None
    return Text(octets.decode(errors="replace"), part.cache)


def is_text(part: FilePart) -> bool:
    """Whether a document is plain text."""
    return part.url[:10].lower() == "data:text/"


def array(items: Iterable[JsonParts]) -> JsonParts:
    """An array of these items."""
    written: JsonParts = []
    for item in items:
        written.append(b"," if written else b"[")
        written += item
    return [*written, b"]"] if written else [b"[]"]


def json_of(raw: Raw) -> memoryview:
    """A value that stays as it was written."""
    return memoryview(raw)
