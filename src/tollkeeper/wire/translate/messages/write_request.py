"""A conversation as the body of a request in the Messages API (Anthropic's API reference, "Create a message")."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from msgspec import Raw

from tollkeeper.rules.errors import UnsupportedByUpstream
from tollkeeper.rules.kinds import Kind
from tollkeeper.rules.pricing import Price
from tollkeeper.wire.json_slices import LARGE, joined
from tollkeeper.wire.translate.conversation import Conversation, Text, Tool, flat_name
from tollkeeper.wire.translate.messages.json_text import encode, json_string
from tollkeeper.wire.translate.messages.models import Wanted, model_of, wanted_thinking
from tollkeeper.wire.translate.messages.write_messages import Messages, check_parts

DEFAULT_MAX_TOKENS = 4096
"""`max_tokens`, which the API requires, where neither the client nor a limit gives a cap: the gateway's own default
setting."""
_ANY_OBJECT = Raw(b'{"type":"object"}')
_NO_ARGUMENTS = Raw(b'{"type":"object","properties":{}}')
_JSON_ONLY = "Answer with one JSON object and nothing else: no other text, no code fence."
"""What stands for `json_object`, which the API has not: there a form of the output needs a schema."""
_MODES = {"auto": b"auto", "none": b"none", "required": b"any", "tool": b"tool"}
_LEAST_TOP_P = 0.95
"""The smallest `top_p` with which models may think."""
_is_name = re.compile(r"[a-zA-Z0-9_-]{1,128}").fullmatch


def check_supported(conversation: Conversation, _: Kind) -> None:
    """Raise UnsupportedByUpstream for what the Messages API cannot do."""
    check_parts(conversation.turns)
    if any(not stop.strip() for stop in conversation.stop):
        raise UnsupportedByUpstream(
            "The upstream does not stop at white space alone. Give stop sequences that hold something else.",
            param="stop",
        )
    for tool in conversation.tools:
        if not _is_name(tool.flat_name):
            raise UnsupportedByUpstream(
                f"The upstream does not take the tool name '{tool.flat_name[:140]}'. Use at most 128 letters, digits,"
                " '_' and '-'.",
                param="tools",
            )


def write_request(
    conversation: Conversation,
    *,
    model: str,
    opaque_user: Callable[[], str],
    kind: Kind,  # noqa: ARG001 (none takes another form of it, nor can be told a price)
    price: Price | None,  # noqa: ARG001
) -> bytes:
    """The body of the request. It has passed `check_supported`."""
    messages = Messages(conversation.turns)
    if conversation.output is not None and conversation.output.schema is None:
        messages.system.append(Text(_JSON_ONLY))
    cap = conversation.output_cap or DEFAULT_MAX_TOKENS
    forced = conversation.tool_choice is not None and conversation.tool_choice.mode in ("required", "tool")
    # A model that must call a tool may not think. What it must do is what the client asked for; so it does not think.
    thinking = wanted_thinking(conversation.reasoning, model, cap, allowed=messages.may_think and not forced)
    out = [b'{"model":', encode(model), b',"max_tokens":%d' % cap]
    system = messages.write_system()
    if system:
        out += (b',"system":', *system)
    out += (b',"messages":', *messages.write_messages())
    _write_tools(out, conversation, messages)
    if conversation.stop:
        out += (b',"stop_sequences":[', b",".join(map(json_string, conversation.stop)), b"]")
    out += _sampling(conversation, model, thinks=thinking.on)
    if thinking.thinking is not None:
        out += (b',"thinking":', encode(thinking.thinking))
    out += _output_config(conversation, thinking)
    if conversation.stream:
        out.append(b',"stream":true')
    if conversation.names_user:
        out += (b',"metadata":{"user_id":', encode(opaque_user()), b"}")
    out.append(b"}")
    return joined(out) if sum(map(len, out)) > LARGE else b"".join(out)


def _write_tools(out: list[bytes], conversation: Conversation, messages: Messages) -> None:
    tools, choice = conversation.tools, conversation.tool_choice
    if not tools:
        # A conversation with calls must define their tools, even where the model may call none any more.
        called = [name for name in messages.called if _is_name(name)]
        if called:
            named = (b'{"name":' + encode(name) + b',"input_schema":' + bytes(_ANY_OBJECT) + b"}" for name in called)
            out += (b',"tools":[', b",".join(named), b'],"tool_choice":{"type":"none"}')
        return
    out += (b',"tools":[', b",".join(map(_tool, tools)), b"]")
    mode = "auto" if choice is None else choice.mode
    one_by_one = conversation.parallel is False and mode != "none"
    if choice is None and not one_by_one:
        return
    out += (b',"tool_choice":{"type":"', _MODES[mode], b'"')
    if choice is not None and mode == "tool":
        out += (b',"name":', encode(flat_name(choice.namespace, choice.name)))
    out.append(b',"disable_parallel_tool_use":true}' if one_by_one else b"}")


def _tool(tool: Tool) -> bytes:
    """A tool. Without `strict`: Anthropic takes it for few tools, of few forms, and refuses the request beyond."""
    out = [b'{"name":', encode(tool.flat_name)]
    if tool.description:
        out += (b',"description":', json_string(tool.description))
    out += (b',"input_schema":', bytes(_NO_ARGUMENTS if tool.schema is None else tool.schema))
    if tool.cache is not None:
        out += (b',"cache_control":', bytes(tool.cache))
    out.append(b"}")
    return b"".join(out)


def _sampling(conversation: Conversation, model: str, *, thinks: bool) -> Iterator[bytes]:
    """The fields of sampling that the model takes; it answers without the others. Anthropic's temperatures end at 1."""
    takes = model_of(model).sampling
    temperature, top_p, top_k = conversation.temperature, conversation.top_p, conversation.top_k
    if takes == "none":
        return
    if thinks:
        temperature = top_k = None
    if temperature is not None:
        yield b',"temperature":' + (b"1" if float(bytes(temperature)) > 1 else bytes(temperature))
    least = _LEAST_TOP_P if thinks else 0
    if top_p is not None and least <= float(bytes(top_p)) <= 1 and (temperature is None or takes == "all"):
        yield b',"top_p":' + bytes(top_p)
    if top_k is not None:
        yield b',"top_k":' + bytes(top_k)


def _output_config(conversation: Conversation, thinking: Wanted) -> Iterator[bytes]:
    parts = []
    if thinking.effort is not None:
        parts.append(b'"effort":"%b"' % thinking.effort.encode())
    output = conversation.output
    if output is not None and output.schema is not None:
        parts.append(b'"format":{"type":"json_schema","schema":' + bytes(output.schema) + b"}")
    if parts:
        yield b',"output_config":{' + b",".join(parts) + b"}"
