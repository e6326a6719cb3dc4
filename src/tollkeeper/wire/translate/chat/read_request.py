"""A chat request, read as a conversation: OpenAI's API reference, "Create chat completion".

Fields that other servers have beside OpenAI's are read too, where a conversation has a place for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.openai.request import OpenAIRequest
from tollkeeper.wire.strict_json import Members, names, read_items, read_object, read_string
from tollkeeper.wire.translate.chat.fields import (
    boolean,
    given,
    integer,
    is_array,
    is_object,
    number,
    required,
    string,
    wrong,
)
from tollkeeper.wire.translate.chat.read_messages import read_turns
from tollkeeper.wire.translate.chat.read_tools import read_tools
from tollkeeper.wire.translate.conversation import Conversation, OutputFormat, Reasoning

_FORMAT = names("json_schema type")
_SCHEMA = names("description name schema strict")
_REASONING = names("effort enabled exclude max_tokens")
_THINKING = names("budget_tokens type")


def read_request(request: OpenAIRequest, image_urls: Sequence[str], output_cap: int | None) -> Conversation:
    """The conversation of a request. `image_urls` replace those of its images, in order. Raises BadRequest, naming the
    field."""
    members = request.members
    tools, choice = read_tools(members)
    return Conversation(
        turns=read_turns(members, iter(image_urls)),
        tools=tools,
        tool_choice=choice,
        parallel=False if is_legacy(request) else boolean(members, "parallel_tool_calls"),
        stream=request.stream,
        output_cap=output_cap,
        stop=_stop(members),
        temperature=number(members, "temperature"),
        top_p=number(members, "top_p"),
        top_k=number(members, "top_k"),
        seed=number(members, "seed"),
        frequency_penalty=number(members, "frequency_penalty"),
        presence_penalty=number(members, "presence_penalty"),
        output=_output(members),
        reasoning=_reasoning(members),
        names_user=given(members, "user") is not None or given(members, "safety_identifier") is not None,
    )


def is_legacy(request: OpenAIRequest) -> bool:
    """Whether a request offers its tools as `functions`, so that calls are wanted as `function_call`, of which a
    message has one."""
    return given(request.members, "functions") is not None and given(request.members, "tools") is None


def _stop(members: Members) -> tuple[str, ...]:
    raw = given(members, "stop")
    if raw is None:
        return ()
    text = read_string(raw)
    if text is not None:
        return (text,)
    texts = [read_string(item) for item in read_items(raw, "stop")] if is_array(raw) else [None]
    if None in texts:
        raise wrong("stop", "a string or an array of strings")
    return tuple(text for text in texts if text is not None)


def _output(members: Members) -> OutputFormat | None:
    raw = given(members, "response_format")
    if raw is None:
        return None
    where = "response_format"
    wanted = read_object(raw, _FORMAT, where)
    kind = required(wanted, "type", where)
    if kind == "text":
        return None
    if kind == "json_object":
        return OutputFormat()
    if kind != "json_schema":
        raise BadRequest(
            f"'{where}.type' is '{kind}', which cannot be sent to this model. Send 'text', 'json_object' or "
            "'json_schema'.",
            param=f"{where}.type",
        )
    raw, where = given(wanted, "json_schema"), f"{where}.json_schema"
    if raw is None:
        raise wrong(where, "an object with 'name' and 'schema'")
    described = read_object(raw, _SCHEMA, where)
    schema = given(described, "schema")
    if schema is not None and not is_object(schema):
        raise wrong(f"{where}.schema", "a JSON Schema, an object")
    return OutputFormat(
        schema,
        string(described, "name", where) or "output",
        string(described, "description", where),
        boolean(described, "strict", where),
    )


def _reasoning(members: Members) -> Reasoning | None:
    """How much to think: OpenAI's `reasoning_effort`, OpenRouter's `reasoning`, Ollama's `think`, or `thinking` as
    Anthropic has it."""
    effort = string(members, "reasoning_effort")
    raw = given(members, "reasoning")
    if raw is not None:
        reasoning = read_object(raw, _REASONING, "reasoning")
        off = boolean(reasoning, "enabled", "reasoning") is False
        return Reasoning(
            "none" if off else effort or string(reasoning, "effort", "reasoning"),
            integer(reasoning, "max_tokens", "reasoning"),
            shown=boolean(reasoning, "exclude", "reasoning") is not True,
        )
    if effort is not None:
        return Reasoning(effort)
    raw = given(members, "thinking")
    if raw is not None and is_object(raw):
        thinking = read_object(raw, _THINKING, "thinking")
        off = string(thinking, "type", "thinking") == "disabled"
        return Reasoning("none" if off else None, integer(thinking, "budget_tokens", "thinking"))
    raw = given(members, "think")
    if raw is None:
        return None
    effort = read_string(raw)
    return Reasoning(effort if effort is not None or boolean(members, "think") else "none")
