"""Fields of a request that no budget can bound: input from outside the body, and further ways to request output.

Checked only for owners with a budget. As in the OpenAI dialect, a field is refused where it is not known to stay within
the body, requests something, and is not ignored by this kind of upstream.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Raw

from tollkeeper.rules.kinds import Kind
from tollkeeper.wire.anthropic.request import BLOCK, MESSAGE, SOURCE, TOOL, AnthropicRequest
from tollkeeper.wire.fields import MORE_OUTPUT, is_given, more_output, unknown_field
from tollkeeper.wire.strict_json import Members, begins, names, read_object, read_objects, read_string

_NULL = Raw(b"null")
_TOP = names(
    "billing_policy cache_control context_management diagnostics fallback_credit_token inference_geo max_tokens"
    " messages metadata model output_config output_format service_tier speed stop_sequences stream system temperature"
    " thinking tool_choice tools top_k top_p"
)
_MESSAGE = MESSAGE | names("cache_control id name")
_BLOCKS = names(
    "document image redacted_thinking search_result server_tool_use text thinking tool_reference tool_result tool_use"
)
_BLOCK = BLOCK | names("caller context id partial_json tool_name")
_WITHIN_DOCUMENTS = names("text")
_TOOL = TOOL | names(
    "allowed_callers cache_control defer_loading eager_input_streaming input_examples output_schema strict title"
)
_EDITS = names("edits")
_TYPE = names("type")


def extra_output_field(request: AnthropicRequest, kind: Kind) -> str | None:
    """The first field that may raise the output beyond `max_tokens` at this kind of upstream."""
    if kind.passes_over_unknown:
        return None
    members = request.members
    if is_given(members, "compaction"):  # the summary is output of its own
        return "compaction"
    return more_output(members) or _compacting_edit(members)


def _compacting_edit(members: Members) -> str | None:
    raw = members.get("context_management", _NULL)
    if not begins(raw, b"{"):
        return None
    edits = read_object(raw, _EDITS, "context_management").get("edits", _NULL)
    if not begins(edits, b"["):
        return None
    for place, edit in enumerate(read_objects(edits, _TYPE, "context_management.edits")):
        if (read_string(edit.get("type", _NULL)) or "").startswith("compact"):
            return f"context_management.edits[{place}].type"
    return None


def external_input_field(request: AnthropicRequest, kind: Kind) -> str | None:
    """The first field that may bring input from outside the body at this kind of upstream. Raises BadRequest for
    duplicate fields."""
    for tool in request.server_tools:
        if tool.searches or not kind.passes_over_unknown:
            return f"{tool.where}.type"
    if kind.passes_over_unknown:
        return None  # such an upstream reads nothing else outside the body; images are fetched and counted separately
    return next(_found(request.members), None)


def _found(members: Members) -> Iterator[str]:
    if (unknown := unknown_field(members, _TOP | MORE_OUTPUT, "")) is not None:
        yield unknown
    if begins(members.get("system", _NULL), b"["):
        yield from _in_blocks(members["system"], "system", _WITHIN_DOCUMENTS)
    if begins(members.get("tools", _NULL), b"["):
        for place, tool in enumerate(read_objects(members["tools"], TOOL, "tools")):
            if (unknown := unknown_field(tool, _TOOL, f"tools[{place}]")) is not None:
                yield unknown
    if not begins(members.get("messages", _NULL), b"["):
        return
    for place, message in enumerate(read_objects(members["messages"], MESSAGE, "messages")):
        where = f"messages[{place}]"
        if (unknown := unknown_field(message, _MESSAGE, where)) is not None:
            yield unknown
        yield from _in_blocks(message.get("content", _NULL), f"{where}.content", _BLOCKS)


def _in_blocks(content: Raw, where: str, types: frozenset[str], *, within: bool = False) -> Iterator[str]:
    if not begins(content, b"["):
        return
    for number, block in enumerate(read_objects(content, BLOCK, where)):
        at = f"{where}[{number}]"
        kind = read_string(block.get("type", _NULL))
        if kind not in types:
            yield f"{at}.type"
        if (unknown := unknown_field(block, _BLOCK, at)) is not None:
            yield unknown
        if kind == "document":
            yield from _in_source(block.get("source", _NULL), f"{at}.source")
        elif kind == "search_result":
            yield from _in_blocks(block.get("content", _NULL), f"{at}.content", _WITHIN_DOCUMENTS, within=True)
        elif kind == "tool_result" and not within:
            yield from _in_blocks(block.get("content", _NULL), f"{at}.content", _BLOCKS, within=True)
        elif within and "content" in block:
            yield f"{at}.content"


def _in_source(raw: Raw, where: str) -> Iterator[str]:
    """What a document may bring from outside. Images of its own are not counted, so they may as well."""
    if not begins(raw, b"{"):
        yield where
        return
    source = read_object(raw, SOURCE, where)
    kind = read_string(source.get("type", _NULL))
    if kind == "content":
        yield from _in_blocks(source.get("content", _NULL), f"{where}.content", _WITHIN_DOCUMENTS, within=True)
    elif kind not in ("base64", "text"):
        yield f"{where}.type"
