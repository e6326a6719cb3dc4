"""Fields of a request that no budget can bound: input from outside the body, and further ways to request output.

Checked only for owners with a budget. One rule holds at all levels of a body: a field is refused where it is not known
to stay within the body, requests something, and is not ignored by this kind of upstream. An unknown field may make a
server fetch a page, a file or a video, of a size that no limit can foresee.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from tollkeeper.rules.kinds import Kind
from tollkeeper.wire.fields import MORE_OUTPUT, is_given, more_output, unknown_field
from tollkeeper.wire.json_slices import LARGE, holds_objects
from tollkeeper.wire.openai.fields import MESSAGE_FIELDS, PART_FIELDS
from tollkeeper.wire.openai.request import CHAT, OpenAIRequest
from tollkeeper.wire.strict_json import Members, names, read_object, read_objects, read_string

_EXTERNAL = names("plugins web_search_options")
_NAMED = names("web_search_options")
"""Those of them that request something even where they are empty."""
# Fields of OpenRouter, vLLM, llama.cpp and similar servers, and of other dialects that agents send: they stay within
# the body.
HARMLESS = names(
    "add_generation_prompt add_special_tokens betas cache_control cache_prompt chat_template_kwargs"
    " client_metadata context_management dry_allowed_length dry_base dry_multiplier dry_penalty_last_n"
    " dry_sequence_breakers dynatemp_exponent dynatemp_range enable_thinking grammar guided_choice"
    " guided_decoding_backend guided_grammar guided_json guided_regex id_slot include include_reasoning"
    " include_stop_str_in_output input_type instructions json_schema length_penalty logits_processors min_keep"
    " min_p mirostat mirostat_eta mirostat_tau moderation n_probs output_config presence_context_penalty priority"
    " prompt_cache_key prompt_cache_options prompt_cache_retention prompt_logprobs provider reasoning_budget"
    " reasoning_format repeat_last_n repeat_penalty repetition_penalty request_id return_token_ids"
    " return_tokens_as_token_ids route samplers session_id skip_special_tokens spaces_between_special_tokens"
    " stop_sequences stop_token_ids structured_outputs system task text tfs_z thinking thinking_budget"
    " timings_per_token top_a top_k trace transforms truncate_prompt_tokens truncation typical_p usage"
    " xtc_probability xtc_threshold"
)
# Notes that clients add to a message or a part for themselves, or for a cache.
NOTES = names("annotations cache_control id providerMetadata providerOptions provider_options")
_MESSAGE = (
    (MESSAGE_FIELDS - {"audio", "images"})
    | NOTES
    | names("partial phase prefix provider_specific_fields reasoning_details status thinking_blocks tool_name")
)
_PART = PART_FIELDS | NOTES | names("citations signature")
_PARTS = names("file image_url input_audio input_text output_text reasoning refusal text thinking")
_FILE = names("file_data filename")
_AUDIO = names("data format")
_TYPE = names("type")
_OWN_TOOLS = names("custom function local_shell")
"""Types of tools that the client runs itself, whatever their other fields."""
_TOOL = NOTES | names(
    "defer_loading description eager_input_streaming function inputSchema input_schema name parameters strict"
    " title type"
)
"""Fields of a tool without a type, which the client runs as well."""
_HEAD = re.compile(r"data:[^,]{0,256};base64,", re.ASCII | re.IGNORECASE)
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=_\s-]", re.ASCII)
_PIECE = 1 << 16
_PLAIN = (CHAT.known | HARMLESS) - _EXTERNAL - {"options", "tools"}


class _Text(Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["text"]
    text: str


class _Message(Struct, forbid_unknown_fields=True, gc=False):
    role: str
    content: str | list[_Text] | None = None


_read_plain = msgspec.json.Decoder(list[_Message]).decode


def extra_output_field(request: OpenAIRequest, kind: Kind) -> str | None:
    """The first field that may raise the output beyond `max_tokens` at this kind of upstream."""
    if kind.passes_over_unknown:
        return None
    found = more_output(request.members, counted="best_of" if "best_of" in request.endpoint.known else None)
    if found is not None or not is_given(request.members, "options"):
        return found
    found = more_output(read_object(request.members["options"], frozenset(), "options"))
    return None if found is None else f"options.{found}"


def external_input_field(request: OpenAIRequest, kind: Kind) -> str | None:
    """The first field that may bring input from outside the body at this kind of upstream. Raises BadRequest for
    duplicate fields."""
    if kind.passes_over_unknown or _is_plain(request):
        return None  # such an upstream reads nothing outside the body; images are fetched and counted separately
    members = request.members
    for name in members:
        known = name in request.endpoint.known or name in HARMLESS or name in MORE_OUTPUT
        known = known and name not in _EXTERNAL and name != "options"
        if not known and (is_given(members, name) or (name in _NAMED and members[name] != _NULL)):
            return name
    for name in ("prompt", "input"):
        if name in members and _holds_objects(members[name]):
            return name
    return _external_in_tools(members, "tools") or _external_in_messages(request)


def _is_plain(request: OpenAIRequest) -> bool:
    """Whether it is a chat of plain texts without tools, as most are: this check takes a third of the time of the full
    one."""
    if not request.endpoint.has_messages or not _PLAIN.issuperset(request.members) or "messages" not in request.members:
        return False
    if len(request.members["messages"]) > LARGE:
        return False
    try:
        _read_plain(request.members["messages"])
    except msgspec.DecodeError:
        return False
    return True


_NULL = Raw(b"null")


def _begins(raw: Raw) -> bytes:
    return bytes(memoryview(raw)[:1])


def _holds_objects(raw: Raw) -> bool:
    """Whether a prompt contains objects: a stored prompt, or parts other than text."""
    if _begins(raw) != b"[":
        return _begins(raw) == b"{"
    return holds_objects(raw)


def _external_in_tools(members: Members, name: str, where: str = "tools") -> str | None:
    if not is_given(members, name):
        return None
    for place, tool in enumerate(read_objects(members[name], _TYPE, where)):
        found = _external_in_tool(tool, f"{where}[{place}]")
        if found is not None:
            return found
    return None


def _external_in_tool(tool: Members, where: str) -> str | None:
    if not is_given(tool, "type"):
        return unknown_field(tool, _TOOL, where) if "name" in tool or "function" in tool else f"{where}.type"
    kind = read_string(tool["type"])
    if kind == "namespace":
        return _external_in_tools(tool, "tools", f"{where}.tools")
    return None if kind in _OWN_TOOLS else f"{where}.type"


def _external_in_messages(request: OpenAIRequest) -> str | None:
    if not request.endpoint.has_messages or not is_given(request.members, "messages"):
        return None
    for place, message in enumerate(read_objects(request.members["messages"], MESSAGE_FIELDS, "messages")):
        where = f"messages[{place}]"
        found = unknown_field(message, _MESSAGE, where) or _external_in_content(
            message.get("content"), f"{where}.content"
        )
        if found is not None:
            return found
    return None


def _external_in_content(content: Raw | None, where: str) -> str | None:
    if content is None or _begins(content) in (b'"', b"n"):
        return None
    if _begins(content) != b"[":
        return where
    for place, part in enumerate(read_objects(content, PART_FIELDS, where)):
        found = _external_in_part(part, f"{where}[{place}]")
        if found is not None:
            return found
    return None


def _external_in_part(part: Members, where: str) -> str | None:
    """The first such field in a part. Images are not checked: they are fetched and counted separately."""
    if is_given(part, "type") and read_string(part["type"]) not in _PARTS:
        return f"{where}.type"
    found = unknown_field(part, _PART, where)
    if found is not None:
        return found
    for name, fields, data in (("file", _FILE, "file_data"), ("input_audio", _AUDIO, "data")):
        if is_given(part, name):
            inner = read_object(part[name], fields, f"{where}.{name}")
            found = unknown_field(inner, fields, f"{where}.{name}")
            if found is not None:
                return found
            if is_given(inner, data) and not is_inline(inner[data]):
                return f"{where}.{name}.{data}"
    return None


def is_inline(raw: Raw) -> bool:
    """Whether a value is base64, with or without the head of a data URL."""
    text = read_string(raw)
    if text is None:
        return False
    head = _HEAD.match(text)
    start = head.end() if head else 0
    return not any(_NOT_BASE64.search(text, at, at + _PIECE) for at in range(start, len(text), _PIECE))
