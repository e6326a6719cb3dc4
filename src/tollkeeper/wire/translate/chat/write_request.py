"""A conversation, as the body of a chat request for a kind of upstream, by its traits (`rules/kinds.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import Kind
from tollkeeper.rules.pricing import Price
from tollkeeper.wire.json_slices import joined, string_parts
from tollkeeper.wire.openai.rewrite import max_price
from tollkeeper.wire.translate.chat.write_message import JsonParts, array, is_text, json_of, write_turn
from tollkeeper.wire.translate.conversation import (
    Conversation,
    FilePart,
    ImagePart,
    OutputFormat,
    Part,
    Reasoning,
    Tool,
    ToolChoice,
    ToolResult,
    flat_name,
)

_NO_ARGUMENTS = b'{"type":"object","properties":{}}'


def check_supported(conversation: Conversation, kind: Kind) -> None:
    """Raise BadRequest for parts of a conversation that no chat has, or that this kind of upstream refuses with an
    unclear message."""
    for turn in conversation.turns:
        if turn.role != "user" and any(isinstance(part, ImagePart | FilePart) for part in turn.parts):
            raise BadRequest(
                f"A message of role '{turn.role}' holds an image or a document. This model takes them from 'user' only."
            )
        if kind.passes_over_unknown and any(map(_is_document, _contents(turn.parts))):
            raise BadRequest("This model's server takes no documents but plain text. Send the text, or images of it.")


def _contents(parts: tuple[Part, ...]) -> Iterator[Part]:
    for part in parts:
        if isinstance(part, ToolResult):
            yield from part.content
        else:
            yield part


def _is_document(part: Part) -> bool:
    return isinstance(part, FilePart) and not is_text(part)


def write_request(
    conversation: Conversation,
    *,
    model: str,
    opaque_user: Callable[[], str],
    kind: Kind,
    price: Price | None,
) -> bytes:
    """The body to send upstream. `model` is the name as the upstream spells it; the result of `opaque_user` stands for
    the user whom the client names; `price` is the most that the upstream may charge, where its kind can be told so."""
    parts: JsonParts = [b'{"model":', *string_parts(model), b',"messages":']
    parts += array(message for turn in conversation.turns for message in write_turn(turn, kind))
    for name, value in _fields(conversation, kind):
        parts.append(b',"%b":' % name.encode())
        parts += value
    if conversation.names_user:
        parts += [b',"user":', *string_parts(opaque_user())]
    if kind.takes_max_price and price is not None:
        parts.append(b',"provider":{"max_price":%b}' % max_price(price))
    parts.append(b"}")
    return joined(parts)


def _fields(conversation: Conversation, kind: Kind) -> Iterator[tuple[str, JsonParts]]:
    """The fields beside the messages, as JSON."""
    if conversation.stream:
        yield "stream", [b"true"]
        yield "stream_options", [b'{"include_usage":true}']
    if conversation.output_cap is not None:
        yield "max_completion_tokens" if kind.newer_cap else "max_tokens", [b"%d" % conversation.output_cap]
    if conversation.stop:
        yield "stop", array([*string_parts(text)] for text in conversation.stop)
    for name in ("temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty"):
        number: Raw | None = getattr(conversation, name)
        if number is not None and (kind.takes_extensions or name != "top_k"):
            yield name, [json_of(number)]
    if conversation.tools:
        yield "tools", array(_tool(tool, kind) for tool in conversation.tools)
        if conversation.tool_choice is not None:
            yield "tool_choice", _choice(conversation.tool_choice)
        if conversation.parallel is not None:
            yield "parallel_tool_calls", [b"true" if conversation.parallel else b"false"]
    if conversation.output is not None:
        yield "response_format", _format(conversation.output)
    if conversation.reasoning is not None:
        yield from _reasoning(conversation.reasoning, kind)


def _tool(tool: Tool, kind: Kind) -> JsonParts:
    written: JsonParts = [b'{"type":"function","function":{"name":', *string_parts(tool.flat_name)]
    if tool.description is not None:
        written += [b',"description":', *string_parts(tool.description)]
    written += [b',"parameters":', _NO_ARGUMENTS if tool.schema is None else json_of(tool.schema)]
    if tool.strict is not None:
        written.append(b',"strict":true' if tool.strict else b',"strict":false')
    written.append(b"}")
    if kind.takes_extensions and tool.cache is not None:
        written += [b',"cache_control":', json_of(tool.cache)]
    return [*written, b"}"]


def _choice(choice: ToolChoice) -> JsonParts:
    if choice.mode != "tool":
        return [b'"%b"' % choice.mode.encode()]
    name = flat_name(choice.namespace, choice.name)
    return [b'{"type":"function","function":{"name":', *string_parts(name), b"}}"]


def _format(output: OutputFormat) -> JsonParts:
    if output.schema is None:
        return [b'{"type":"json_object"}']
    written: JsonParts = [b'{"type":"json_schema","json_schema":{"name":', *string_parts(output.name)]
    if output.description is not None:
        written += [b',"description":', *string_parts(output.description)]
    written += [b',"schema":', json_of(output.schema)]
    if output.strict is not None:
        written.append(b',"strict":true' if output.strict else b',"strict":false')
    return [*written, b"}}"]


def _reasoning(reasoning: Reasoning, kind: Kind) -> Iterator[tuple[str, JsonParts]]:
    """How much to think. OpenRouter takes one of an effort and a budget."""
    if kind.reasoning_field == "reasoning_effort" and reasoning.effort is not None:
        yield kind.reasoning_field, [msgspec.json.encode(reasoning.effort)]
    if kind.reasoning_field == "reasoning":
        wanted: dict[str, object] = {}
        if reasoning.effort is not None:
            wanted["effort"] = reasoning.effort
        elif reasoning.budget is not None:
            wanted["max_tokens"] = reasoning.budget
        if not reasoning.shown:
            wanted["exclude"] = True
        if wanted:
            yield kind.reasoning_field, [msgspec.json.encode(wanted)]
