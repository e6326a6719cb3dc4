"""A chat or a prompt in Ollama's own API, read as a conversation: Ollama's `docs/api.md`.

Calls of tools have no ids there: results follow in the order of the calls, and may name the tool. So the calls get ids
by their order, which are the same each time that the conversation is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.ollama.request import CHAT, MESSAGE, OllamaRequest
from tollkeeper.wire.strict_json import Members, names, read_items, read_object, read_objects, read_string
from tollkeeper.wire.translate.chat.fields import given, is_array, is_object, number, required, string, wrong
from tollkeeper.wire.translate.conversation import (
    Conversation,
    ImagePart,
    OutputFormat,
    Part,
    Reasoning,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)

_CALL = names("function id type")
_CALLED = names("arguments index name")
_TOOL = names("function type")
_FUNCTION = names("description name parameters strict")
_EFFORTS = ("low", "medium", "high")


def read_request(request: OllamaRequest, image_urls: Sequence[str], output_cap: int | None) -> Conversation:
    """The conversation of a request. `image_urls` replace those of its images, in order. Raises BadRequest, naming the
    field."""
    members, options = request.members, request.options
    images = iter(image_urls)
    turns = _Messages(images).read(members) if request.endpoint is CHAT else _prompt(members, images)

    def sampled(name: str) -> Raw | None:
        return number(options, name, "options")

    return Conversation(
        turns=turns,
        tools=_tools(members),
        stream=request.stream,
        output_cap=output_cap,
        stop=_stop(options),
        temperature=sampled("temperature"),
        top_p=sampled("top_p"),
        top_k=sampled("top_k"),
        seed=sampled("seed"),
        frequency_penalty=sampled("frequency_penalty"),
        presence_penalty=sampled("presence_penalty"),
        output=_output(members),
        reasoning=_reasoning(members),
    )


def _prompt(members: Members, images: Iterator[str]) -> tuple[Turn, ...]:
    system = string(members, "system")
    said = Turn("user", (*[ImagePart(url) for url in images], Text(required(members, "prompt"))))
    return (Turn("system", (Text(system),)), said) if system else (said,)


class _Messages:
    """Reads the messages of a chat. `images` are the URLs of all of theirs, in order."""

    def __init__(self, images: Iterator[str]) -> None:
        self._images = images
        self._calls = 0
        self._open: list[ToolCall] = []
        """The calls that have no result yet."""

    def read(self, members: Members) -> tuple[Turn, ...]:
        """The turns; the results of calls that were made at once are one."""
        turns: list[Turn] = []
        raw = given(members, "messages")
        for place, message in enumerate([] if raw is None else read_objects(raw, MESSAGE, "messages")):
            turn = self._turn(message, f"messages[{place}]")
            before = turns[-1] if turns else None
            if before is not None and _are_results(turn) and _are_results(before):
                turns[-1] = Turn("user", (*before.parts, *turn.parts))
            else:
                turns.append(turn)
        return tuple(turns)

    def _turn(self, message: Members, where: str) -> Turn:
        role = required(message, "role", where).lower()  # as Ollama reads it
        text = string(message, "content", where) or ""
        images = self._images_of(message)
        if role == "system":
            return Turn("system", (Text(text),))
        if role == "user":
            return Turn("user", (*images, Text(text)) if text or not images else images)
        if role == "tool":
            return Turn("user", (self._result(message, text, images, where),))
        if role != "assistant":
            raise wrong(f"{where}.role", "'system', 'user', 'assistant' or 'tool'")
        thought = string(message, "thinking", where)
        parts: list[Part] = [Thinking(thought)] if thought else []
        parts += [Text(text)] if text else []
        parts += self._calls_of(message, where)
        return Turn("assistant", tuple(parts) or (Text(""),))

    def _images_of(self, message: Members) -> tuple[ImagePart, ...]:
        raw = given(message, "images")
        return () if raw is None else tuple(ImagePart(next(self._images)) for _ in read_items(raw, "images"))

    def _calls_of(self, message: Members, where: str) -> list[ToolCall]:
        raw = given(message, "tool_calls")
        if raw is None:
            return []
        where += ".tool_calls"
        calls = [self._call(each, f"{where}[{place}]") for place, each in enumerate(read_objects(raw, _CALL, where))]
        self._open = calls.copy()
        return calls

    def _call(self, call: Members, where: str) -> ToolCall:
        raw, inner = given(call, "function"), f"{where}.function"
        if raw is None:
            raise wrong(inner, "an object with 'name' and 'arguments'")
        called = read_object(raw, _CALLED, inner)
        self._calls += 1
        call_id = string(call, "id", where) or f"call_{self._calls}"
        return ToolCall(call_id, required(called, "name", inner), _arguments(called, inner))

    def _result(self, message: Members, text: str, images: tuple[ImagePart, ...], where: str) -> ToolResult:
        content: tuple[Text | ImagePart, ...] = (Text(text), *images)
        call_id, name = string(message, "tool_call_id", where), string(message, "tool_name", where)
        for call in self._open:
            if call_id == call.id or (not call_id and name in (None, "", call.name)):
                self._open.remove(call)
                return ToolResult(call.id, content)
        raise BadRequest(
            f"'{where}' is the result of a call that no message before it makes, or that has its result already. Send "
            "the message with the call, too.",
            param=where,
        )


def _are_results(turn: Turn) -> bool:
    return all(isinstance(part, ToolResult) for part in turn.parts)


def _arguments(called: Members, where: str) -> str:
    """The arguments of a call as JSON text. Ollama has an object; one that is written as a string is taken too."""
    raw = given(called, "arguments")
    if raw is None:
        return "{}"
    if is_object(raw):
        return bytes(raw).decode()
    text = read_string(raw)
    if text is None:
        raise wrong(f"{where}.arguments", "an object")
    return text


def _tools(members: Members) -> tuple[Tool, ...]:
    raw = given(members, "tools")
    tools = [] if raw is None else read_objects(raw, _TOOL, "tools")
    return tuple(_tool(tool, f"tools[{place}]") for place, tool in enumerate(tools))


def _tool(tool: Members, where: str) -> Tool:
    raw, inner = given(tool, "function"), f"{where}.function"
    if raw is None:
        raise wrong(inner, "an object with the 'name' of a function")
    function = read_object(raw, _FUNCTION, inner)
    schema = given(function, "parameters")
    if schema is not None and not is_object(schema):
        raise wrong(f"{inner}.parameters", "a JSON Schema, an object")
    return Tool(required(function, "name", inner), string(function, "description", inner), schema)


def _stop(options: Members) -> tuple[str, ...]:
    raw = given(options, "stop")
    if raw is None:
        return ()
    texts = [read_string(item) for item in read_items(raw, "options.stop")] if is_array(raw) else [read_string(raw)]
    if None in texts:
        raise wrong("options.stop", "a string or an array of strings")
    return tuple(text for text in texts if text)


def _output(members: Members) -> OutputFormat | None:
    raw = given(members, "format")
    if raw is None:
        return None
    if is_object(raw):
        return OutputFormat(raw)
    text = read_string(raw)
    if text not in ("", "json"):
        raise wrong("format", "'json', or a JSON Schema")
    return OutputFormat() if text else None


def _reasoning(members: Members) -> Reasoning | None:
    raw = given(members, "think")
    if raw is None:
        return None
    text = read_string(raw)
    if text in _EFFORTS:
        return Reasoning(effort=text)
    if bytes(memoryview(raw)[:5]) not in (b"true", b"false"):
        raise wrong("think", "true, false, 'low', 'medium' or 'high'")
    return Reasoning() if bytes(raw) == b"true" else Reasoning(effort="none", shown=False)
