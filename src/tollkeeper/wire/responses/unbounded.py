"""Fields of a request that no budget can bound: input from outside the body, and further ways to request output.

Checked only for owners with a budget, by the rule of `wire/openai/unbounded.py`: refused is what is not known to stay
within the body, requests something, and is not ignored by this kind of upstream.
"""

from __future__ import annotations

from collections.abc import Set

from msgspec import Raw

from tollkeeper.rules.kinds import Kind
from tollkeeper.wire.fields import MORE_OUTPUT, is_given, more_output, unknown_field
from tollkeeper.wire.openai.unbounded import HARMLESS, NOTES, is_inline
from tollkeeper.wire.responses.fields import ITEM, KNOWN, PART, REASONING
from tollkeeper.wire.responses.request import ResponsesRequest, item_type, items, parts
from tollkeeper.wire.strict_json import Members, names, read_object, read_string

_MORE = ("context_management", "max_completion_tokens", "max_tokens", "n")
"""Fields that ask for more output, beside those of other servers; 1 of the last is one response."""
_FIELDS = KNOWN | HARMLESS | MORE_OUTPUT | set(_MORE)
_ITEMS = names(
    "apply_patch_call apply_patch_call_output compaction custom_tool_call custom_tool_call_output function_call"
    " function_call_output local_shell_call local_shell_call_output message reasoning shell_call shell_call_output"
)
"""Types of items that hold all that they bring."""
_ITEM = ITEM | NOTES | names("async caller created_by max_output_length operation prompt_cache_breakpoint")
_PARTS = names("input_file input_image input_text output_text reasoning_text refusal summary_text text")
_PART = PART | NOTES | names("outcome prompt_cache_breakpoint stderr stdout")
_NULL, _ONE = Raw(b"null"), Raw(b"1")


def extra_output_field(request: ResponsesRequest, kind: Kind) -> str | None:
    """The first field that may raise the output beyond `max_output_tokens` at this kind of upstream: a compaction and
    the mode of several attempts generate output of their own."""
    if kind.passes_over_unknown:
        return None
    members = request.members
    found = more_output(members, counted="max_output_tokens")
    found = found or next((name for name in _MORE if is_given(members, name) and members[name] != _ONE), None)
    if found is not None:
        return found
    if is_given(members, "reasoning"):
        mode = read_object(members["reasoning"], REASONING, "reasoning").get("mode", _NULL)
        if mode != _NULL and read_string(mode) != "standard":
            return "reasoning.mode"
    return None


def external_input_field(request: ResponsesRequest, kind: Kind) -> str | None:
    """The first field that may bring input from outside the body at this kind of upstream: a hosted tool before all
    others. Raises BadRequest for duplicate fields."""
    if request.hosted:
        return f"{request.hosted[0].where}.type"
    if kind.passes_over_unknown:
        return None
    members = request.members
    for name in members:
        if name not in _FIELDS and is_given(members, name):
            return name
    return next((found for item, where in items(members) if (found := _external_in_item(item, where))), None)


def _external_in_item(item: Members, where: str) -> str | None:
    if item_type(item, where) not in _ITEMS:
        return f"{where}.type"
    return unknown_field(item, _ITEM, where) or next(
        (found for part, at in parts(item, where) if (found := _external_in_part(part, at, _PART))), None
    )


def _external_in_part(part: Members, where: str, known: Set[str]) -> str | None:
    """The first such field in a part. Images are not checked: they are fetched and counted separately."""
    if is_given(part, "type") and read_string(part["type"]) not in _PARTS:
        return f"{where}.type"
    found = unknown_field(part, known, where)
    if found is None and is_given(part, "file_data") and not is_inline(part["file_data"]):
        return f"{where}.file_data"
    return found
