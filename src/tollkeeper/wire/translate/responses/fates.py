"""What becomes of each field of a Responses request that is translated."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tollkeeper.rules.errors import BadRequest, UnsupportedByUpstream
from tollkeeper.rules.kinds import Kind
from tollkeeper.wire.fields import is_given
from tollkeeper.wire.json_slices import LARGE
from tollkeeper.wire.responses.request import ResponsesRequest
from tollkeeper.wire.translate.chat.fields import given
from tollkeeper.wire.translate.losses import Fates, fates

_CARRIED = """input instructions model max_output_tokens stream tools tool_choice parallel_tool_calls text reasoning
    temperature top_p include"""
_DROPPED = """metadata client_metadata prompt_cache_key prompt_cache_options prompt_cache_retention service_tier
    stream_options truncation max_tool_calls context_management access_programs image"""
_REFUSED = "previous_response_id conversation background store prompt top_logprobs moderation"

FATES: Mapping[str, Fates] = {
    "/v1/chat/completions": fates(
        carried=f"{_CARRIED} frequency_penalty presence_penalty user safety_identifier",
        dropped=_DROPPED,
        refused=_REFUSED,
    ),
    "/v1/messages": fates(
        carried=f"{_CARRIED} user safety_identifier",
        dropped=f"{_DROPPED} frequency_penalty presence_penalty",
        refused=_REFUSED,
    ),
}
"""By the path of the upstream, the fates of the fields of a request."""
_LOGPROBS = "message.output_text.logprobs"


def check_supported(request: ResponsesRequest, path: str, _: Kind) -> None:
    """Raise BadRequest for fields that change what the response means, and that upstreams at `path` do not have."""
    table, members = FATES[path], request.members
    for name in members:
        if table.get(name) == "refused" and is_given(members, name):
            raise UnsupportedByUpstream(
                f"'{name}' is not supported for '{request.model}', whose API has nothing like it. Leave it out, or use "
                "another model.",
                param=name,
            )
    raw = given(members, "include")
    try:
        included = [] if raw is None or len(raw) > LARGE else msgspec.json.decode(raw, type=list[str])
    except msgspec.DecodeError:
        raise BadRequest("'include' must be an array of strings.", param="include") from None
    if _LOGPROBS in included:
        raise UnsupportedByUpstream(
            f"'include' asks for '{_LOGPROBS}', which '{request.model}' cannot give. Leave it out.", param="include"
        )
