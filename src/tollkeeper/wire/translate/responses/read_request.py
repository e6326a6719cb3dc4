"""A Responses request, as a conversation."""

from __future__ import annotations

from collections.abc import Sequence

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.end_users import PERSONAL
from tollkeeper.wire.fields import is_given
from tollkeeper.wire.responses.fields import REASONING
from tollkeeper.wire.responses.request import ResponsesRequest
from tollkeeper.wire.strict_json import Members, names, read_object
from tollkeeper.wire.translate.chat.fields import boolean, given, is_object, number, required, string, wrong
from tollkeeper.wire.translate.conversation import Conversation, OutputFormat, Reasoning, Text, Turn
from tollkeeper.wire.translate.responses.read_items import read_turns
from tollkeeper.wire.translate.responses.read_tools import read_tools

_TEXT = names("format verbosity")
_FORMAT = names("description name schema strict type")


def read_request(request: ResponsesRequest, image_urls: Sequence[str], output_cap: int | None) -> Conversation:
    """The conversation. `image_urls` replace those of the request's images, in order. Raises BadRequest."""
    members = request.members
    urls = {image.where: url for image, url in zip(request.images, image_urls, strict=True)}
    instructions = string(members, "instructions")
    turns = [Turn("system", (Text(instructions),))] if instructions else []
    turns += read_turns(members, urls)
    if not turns:
        raise BadRequest("'input' is missing. Send the conversation.", param="input")
    tools = read_tools(request)
    return Conversation(
        turns=tuple(turns),
        tools=tools.tools,
        tool_choice=tools.choice,
        parallel=boolean(members, "parallel_tool_calls"),
        stream=request.stream,
        output_cap=output_cap,
        temperature=number(members, "temperature"),
        top_p=number(members, "top_p"),
        frequency_penalty=number(members, "frequency_penalty"),
        presence_penalty=number(members, "presence_penalty"),
        output=_output(members),
        reasoning=_reasoning(members),
        names_user=any(is_given(members, name) for name in PERSONAL),
    )


def _output(members: Members) -> OutputFormat | None:
    raw = given(members, "text")
    if raw is None:
        return None
    raw = given(_object(members, "text", _TEXT), "format")
    if raw is None:
        return None
    if not is_object(raw):
        raise wrong("text.format", "an object with a type")
    form = read_object(raw, _FORMAT, "text.format")
    kind = required(form, "type", "text.format")
    if kind == "text":
        return None
    if kind == "json_object":
        return OutputFormat()
    schema = given(form, "schema")
    if kind != "json_schema" or schema is None or not is_object(schema):
        must_be = "'text', 'json_object', or 'json_schema' with a 'schema'"
        raise wrong("text.format.type" if kind != "json_schema" else "text.format.schema", must_be)
    return OutputFormat(
        schema,
        string(form, "name", "text.format") or "output",
        string(form, "description", "text.format"),
        boolean(form, "strict", "text.format"),
    )


def _reasoning(members: Members) -> Reasoning | None:
    """How much to think: OpenAI shows a summary of that to who asks for one."""
    if given(members, "reasoning") is None:
        return None
    reasoning = _object(members, "reasoning", REASONING)
    effort = string(reasoning, "effort", "reasoning")
    summary = string(reasoning, "summary", "reasoning") or string(reasoning, "generate_summary", "reasoning")
    if effort is None and summary is None:
        return None
    return Reasoning(effort, shown=summary not in (None, "none"))


def _object(members: Members, name: str, known: frozenset[str]) -> Members:
    raw = members[name]
    if not is_object(raw):
        raise wrong(name, "an object")
    return read_object(raw, known, name)
