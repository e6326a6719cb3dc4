"""A request in the Messages dialect, as a conversation (Anthropic's API reference, "Create a message")."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest, UnsupportedByUpstream
from tollkeeper.wire.anthropic.request import METADATA, AnthropicRequest
from tollkeeper.wire.strict_json import Members, begins, names, read_items, read_object, read_objects, read_string
from tollkeeper.wire.translate.conversation import Conversation, OutputFormat, Reasoning, Tool, ToolChoice
from tollkeeper.wire.translate.messages.read_messages import given, read_messages, read_system

_NULL = Raw(b"null")
_TRUE = Raw(b"true")
_TOOL = names(
    "allowed_callers cache_control defer_loading description eager_input_streaming input_examples input_schema name"
    " strict type"
)
_TOOL_CHOICE = names("disable_parallel_tool_use name type")
_THINKING = names("budget_tokens display type")
_LONGEST_THINKING = 1024
"""Bytes: a response is written on the event loop, where a longer one would take too long to read."""
_OUTPUT_CONFIG = names("effort format task_budget")
_FORMAT = names("schema type")
_EFFORTS = {"low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "xhigh"}
"""OpenAI's names of Anthropic's efforts. One that is newer is the model's own affair."""
_is_number = re.compile(rb"-?\d[\d.eE+-]{0,62}").fullmatch


def read_request(request: AnthropicRequest, image_urls: Sequence[str], output_cap: int | None) -> Conversation:
    """The conversation that a request asks to go on with. `image_urls` replace the URLs of its images, in order,
    `output_cap` its own cap. Raises BadRequest, naming the field, for what no conversation has."""
    members = request.members
    tool_choice, parallel = _read_tool_choice(members)
    return Conversation(
        turns=read_system(given(members, "system")) + read_messages(given(members, "messages"), image_urls),
        tools=_read_tools(members),
        tool_choice=tool_choice,
        parallel=parallel,
        stream=request.stream,
        output_cap=output_cap,
        stop=_read_stop(members),
        temperature=_number(members, "temperature"),
        top_p=_number(members, "top_p"),
        top_k=_number(members, "top_k"),
        output=_read_output_format(members),
        reasoning=_read_reasoning(members),
        names_user=_names_user(members),
    )


def shows_thinking(request: AnthropicRequest) -> bool:
    """Whether a response may hold blocks of thinking: only a client that turns thinking on expects them."""
    raw = given(request.members, "thinking")
    if raw is None or not begins(raw, b"{") or len(raw) > _LONGEST_THINKING:
        return False
    return _kind_of(read_object(raw, _THINKING, "thinking")) not in (None, "disabled")


def _read_tools(members: Members) -> tuple[Tool, ...]:
    raw = given(members, "tools")
    if raw is None:
        return ()
    return tuple(_read_tool(tool, f"tools[{place}]") for place, tool in enumerate(read_objects(raw, _TOOL, "tools")))


def _read_tool(tool: Members, where: str) -> Tool:
    kind = given(tool, "type")
    if kind is not None and read_string(kind) != "custom":
        # Anthropic runs them itself, or their schema is in its models only.
        raise UnsupportedByUpstream(
            f"'{where}.type' is {_shown(kind)}: what serves this model knows only tools with an 'input_schema' of your"
            " own. Leave 'type' out, or choose a model that is served in the Messages API itself.",
            param=f"{where}.type",
        )
    name = read_string(tool.get("name", _NULL))
    if not name:
        raise BadRequest(f"'{where}.name' must be the name of the tool.", param=f"{where}.name")
    description, schema, strict = (given(tool, key) for key in ("description", "input_schema", "strict"))
    if schema is not None and not begins(schema, b"{"):
        raise BadRequest(f"'{where}.input_schema' must be a JSON Schema, an object.", param=f"{where}.input_schema")
    return Tool(
        name,
        None if description is None else _text(description, f"{where}.description"),
        schema,
        None if strict is None else strict == _TRUE,
        cache=given(tool, "cache_control"),
    )


def _read_tool_choice(members: Members) -> tuple[ToolChoice | None, bool | None]:
    raw = given(members, "tool_choice")
    if raw is None:
        return None, None
    choice = read_object(raw, _TOOL_CHOICE, "tool_choice")
    mode = _kind_of(choice)
    parallel = False if choice.get("disable_parallel_tool_use", _NULL) == _TRUE else None
    if mode == "tool":
        return ToolChoice("tool", _text(choice.get("name", _NULL), "tool_choice.name")), parallel
    if mode == "auto":
        return ToolChoice("auto"), parallel
    if mode == "any":
        return ToolChoice("required"), parallel
    if mode == "none":
        return ToolChoice("none"), parallel
    raise BadRequest("'tool_choice.type' must be 'auto', 'any', 'tool' or 'none'.", param="tool_choice.type")


def _read_stop(members: Members) -> tuple[str, ...]:
    raw = given(members, "stop_sequences")
    if raw is None:
        return ()
    return tuple(
        _text(item, f"stop_sequences[{place}]") for place, item in enumerate(read_items(raw, "stop_sequences"))
    )


def _read_output_format(members: Members) -> OutputFormat | None:
    """The value of `output_config.format`, which betas called `output_format`."""
    raw, where = given(_output_config(members), "format"), "output_config.format"
    if raw is None:
        raw, where = given(members, "output_format"), "output_format"
    if raw is None:
        return None
    wanted = read_object(raw, _FORMAT, where)
    schema = given(wanted, "schema")
    if _kind_of(wanted) != "json_schema" or schema is None or not begins(schema, b"{"):
        raise BadRequest(f"'{where}' must be an object of type 'json_schema' with a 'schema'.", param=where)
    return OutputFormat(schema)


def _read_reasoning(members: Members) -> Reasoning | None:
    effort = given(_output_config(members), "effort")
    named = None if effort is None else _EFFORTS.get(_text(effort, "output_config.effort"))
    raw = given(members, "thinking")
    if raw is None:
        # By itself it also says how long the answer may be, and turns no thinking on.
        return None if named is None else Reasoning(named, shown=False)
    thinking = read_object(raw, _THINKING, "thinking")
    kind = _text(thinking.get("type", _NULL), "thinking.type")
    if kind == "disabled":
        return Reasoning("none", shown=False)
    shown = read_string(thinking.get("display", _NULL)) != "omitted"
    # Others (`adaptive`, `between_tools`) leave it to the model how much to think, and when.
    return Reasoning(named, _budget(thinking) if kind == "enabled" else None, shown)


def _budget(thinking: Members) -> int:
    raw = thinking.get("budget_tokens", _NULL)
    try:
        value = msgspec.json.decode(raw, type=int)
    except msgspec.DecodeError:
        value = 0
    if value < 1:
        raise BadRequest("'thinking.budget_tokens' must be an integer of at least 1.", param="thinking.budget_tokens")
    return value


def _output_config(members: Members) -> Members:
    raw = given(members, "output_config")
    return {} if raw is None else read_object(raw, _OUTPUT_CONFIG, "output_config")


def _names_user(members: Members) -> bool:
    raw = given(members, "metadata")
    return raw is not None and given(read_object(raw, METADATA, "metadata"), "user_id") is not None


def _number(members: Members, name: str) -> Raw | None:
    raw = given(members, name)
    if raw is not None and not _is_number(raw):
        raise BadRequest(f"'{name}' must be a number.", param=name)
    return raw


def _kind_of(members: Members) -> str | None:
    return read_string(members.get("type", _NULL))


def _text(raw: Raw, where: str) -> str:
    text = read_string(raw)
    if text is None:
        raise BadRequest(f"'{where}' must be a string.", param=where)
    return text


def _shown(raw: Raw) -> str:
    return repr((read_string(raw) or "no string")[:64])
