"""The messages of a chat request, as turns of a conversation.

Results of tools that follow each other are one turn: they belong to calls of one turn of the model.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Raw
from msgspec.structs import replace

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.openai.fields import MESSAGE_FIELDS, PART_FIELDS
from tollkeeper.wire.strict_json import Members, begins, names, read_object, read_objects, read_string
from tollkeeper.wire.translate.chat.fields import given, is_array, is_object, required, string, wrong
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

_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_RESULTS = ("tool", "function")
_TEXTS = ("text", "input_text", "output_text")
_IMAGES = ("image_url", "input_image")
_THOUGHTS = ("reasoning_content", "reasoning", "thinking")
"""Fields in which servers give what the model thought: DeepSeek and llama.cpp, OpenRouter and vLLM, Ollama."""
_CALL = names("custom function id type")
_FUNCTION = names("arguments name")
_FILE = names("file_data file_id filename")
_HEAD = "data:"


def read_turns(members: Members, urls: Iterator[str]) -> tuple[Turn, ...]:
    """The turns of `messages`. `urls` replace those of the images, in order. Raises BadRequest."""
    raw = given(members, "messages")
    if raw is None:
        raise BadRequest("'messages' is missing. Send the conversation.", param="messages")
    messages = read_objects(raw, MESSAGE_FIELDS, "messages")
    if not messages:
        raise BadRequest("'messages' is empty. Send at least one message.", param="messages")
    reader = _Reader(urls)
    turns: list[Turn] = []
    follows = False
    for place, message in enumerate(messages):
        where = f"messages[{place}]"
        role = required(message, "role", where)
        if role in _RESULTS:
            result = reader.result(message, role, where)
            before = turns.pop().parts if follows else ()
            turns.append(Turn("user", (*before, result)))
            follows = True
            continue
        follows = False
        if role not in _ROLES:
            raise wrong(f"{where}.role", "'system', 'developer', 'user', 'assistant' or 'tool'")
        parts = reader.parts(message, role, where, place)
        turns.append(Turn(_ROLES[role], parts, string(message, "name", where) or None))
    return tuple(turns)


class _Reader:
    """Reads messages in their order. `_legacy` are the ids of calls from before calls had any, by the function's
    name."""

    def __init__(self, urls: Iterator[str]) -> None:
        self._urls = urls
        self._legacy: dict[str, str] = {}

    def result(self, message: Members, role: str, where: str) -> ToolResult:
        if role == "tool":
            call_id = required(message, "tool_call_id", where)
        else:
            name = required(message, "name", where)
            call_id = self._legacy.get(name, "")
            if not call_id:
                raise BadRequest(
                    f"'{where}.name' is '{name}', which no message before it calls. Send the call, too.",
                    param=f"{where}.name",
                )
        content: list[Text | ImagePart | FilePart] = []
        for part in self._content(message, where):
            if isinstance(part, Thinking):
                raise wrong(f"{where}.content", "a string, or an array of parts of text")
            content.append(part)
        return ToolResult(call_id, tuple(content), cache=given(message, "cache_control"))

    def parts(self, message: Members, role: str, where: str, place: int) -> tuple[Part, ...]:
        parts: list[Part] = []
        speaks = role == "assistant"
        if speaks:
            thought = next((text for name in _THOUGHTS if (text := string(message, name, where))), "")
            if thought:
                parts.append(Thinking(thought))
        parts += self._content(message, where)
        if speaks:
            refusal = string(message, "refusal", where)
            if refusal:
                parts.append(Text(refusal, refusal=True))
            parts += self._calls(message, where, place)
        cache = given(message, "cache_control")
        if cache is not None and parts:
            parts[-1] = _cached(parts[-1], cache)
        return tuple(parts)

    def _content(self, message: Members, where: str) -> Iterator[Text | ImagePart | FilePart | Thinking]:
        raw = given(message, "content")
        if raw is None:
            return
        where = f"{where}.content"
        text = read_string(raw)
        if text is not None:
            if text:
                yield Text(text)
            return
        if not is_array(raw):
            raise wrong(where, "a string or an array of parts")
        for number, part in enumerate(read_objects(raw, PART_FIELDS, where)):
            yield self._part(part, f"{where}[{number}]")

    def _part(self, part: Members, where: str) -> Text | ImagePart | FilePart | Thinking:
        kind = string(part, "type", where)
        cache = given(part, "cache_control")
        if given(part, "image_url") is not None:
            url = next(self._urls)
            if kind is None or kind in _IMAGES:
                return ImagePart(url, cache)
            raise BadRequest(
                f"'{where}.image_url' is given in a part of type '{kind}'. Send the image in a part of its own.",
                param=f"{where}.image_url",
            )
        if kind is None or kind in _TEXTS:
            return Text(required(part, "text", where), cache)
        if kind == "refusal":
            return Text(required(part, "refusal", where), cache, refusal=True)
        if kind == "file":
            return _file(part, where, cache)
        if kind == "thinking":
            return Thinking(required(part, "thinking", where), string(part, "signature", where))
        if kind in _IMAGES:
            raise wrong(f"{where}.image_url", "an object with a URL")
        raise BadRequest(
            f"'{where}.type' is '{kind}', which cannot be sent to this model. Send parts of type 'text', 'image_url' "
            "or 'file'.",
            param=f"{where}.type",
        )

    def _calls(self, message: Members, where: str, place: int) -> Iterator[ToolCall]:
        raw = given(message, "tool_calls")
        if raw is not None:
            for number, call in enumerate(read_objects(raw, _CALL, f"{where}.tool_calls")):
                yield _call(call, f"{where}.tool_calls[{number}]", f"call_{place}_{number}")
        raw = given(message, "function_call")
        if raw is not None:
            call_id = f"call_{place}"
            found = _function(raw, f"{where}.function_call", call_id, None)
            self._legacy[found.name] = call_id
            yield found


def _call(call: Members, where: str, made_id: str) -> ToolCall:
    kind = string(call, "type", where) or "function"
    if kind != "function":
        raise BadRequest(
            f"'{where}.type' is '{kind}', which cannot be sent to this model. Send calls of type 'function'.",
            param=f"{where}.type",
        )
    raw = given(call, "function")
    if raw is None:
        raise wrong(f"{where}.function", "an object with a name")
    made_id = string(call, "id", where) or made_id
    return _function(raw, f"{where}.function", made_id, given(call, "cache_control"))


def _function(raw: Raw, where: str, call_id: str, cache: Raw | None) -> ToolCall:
    function = read_object(raw, _FUNCTION, where)
    arguments = given(function, "arguments")
    if arguments is None:
        text = ""
    elif is_object(arguments):
        text = bytes(arguments).decode()  # as Ollama's own API has them
    else:
        text = required(function, "arguments", where)
    return ToolCall(call_id, required(function, "name", where), text, cache=cache)


def _file(part: Members, where: str, cache: Raw | None) -> FilePart:
    where = f"{where}.file"
    raw = given(part, "file")
    if raw is None or not begins(raw, b"{"):
        raise wrong(where, "an object with 'file_data'")
    file = read_object(raw, _FILE, where)
    data = string(file, "file_data", where)
    if data is None:
        raise BadRequest(
            f"'{where}.file_data' is missing. Send the file itself, as base64 in a 'data:' URL.",
            param=f"{where}.{'file_id' if given(file, 'file_id') is not None else 'file_data'}",
        )
    if data[: len(_HEAD)].lower() != _HEAD:
        if ":" in data[:64]:
            raise wrong(f"{where}.file_data", "base64 in a 'data:' URL")
        data = f"data:application/pdf;base64,{data}"  # OpenAI takes PDF without its type
    return FilePart(data, string(file, "filename", where) or "", cache)


def _cached(part: Part, cache: Raw) -> Part:
    """The part with this `cache_control`, unless it has its own."""
    if isinstance(part, Thinking) or part.cache is not None:
        return part
    return replace(part, cache=cache)
