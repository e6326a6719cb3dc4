"""What becomes of each field of a chat request that is translated: OpenAI's own, and those that other servers add."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tollkeeper.rules.errors import BadRequest, UnsupportedByUpstream
from tollkeeper.rules.kinds import Kind
from tollkeeper.wire.fields import is_given
from tollkeeper.wire.openai.kinds import check_kind
from tollkeeper.wire.openai.request import OpenAIRequest
from tollkeeper.wire.translate.chat.fields import given
from tollkeeper.wire.translate.losses import Fates, fates

FATES: Mapping[str, Fates] = {
    "/v1/messages": fates(
        carried="""messages model max_tokens max_completion_tokens stream stream_options stop temperature top_p top_k
            tools tool_choice parallel_tool_calls functions function_call response_format reasoning_effort reasoning
            think thinking user safety_identifier""",
        dropped="""metadata store seed frequency_penalty presence_penalty service_tier verbosity
            prediction prompt_cache_key prompt_cache_options prompt_cache_retention keep_alive options""",
        refused="n logprobs top_logprobs logit_bias audio modalities moderation web_search_options",
    )
}
"""By the path of the upstream, the fates of the fields of a request."""


def check_supported(request: OpenAIRequest, path: str, kind: Kind) -> None:
    """Raise BadRequest for fields that change what the response means, and that upstreams at `path` do not have."""
    check_kind(request, kind)
    if request.stored is not None:
        raise BadRequest(
            f"'{request.stored}' names something stored elsewhere, which '{request.model}' cannot be given. Send the "
            "content itself.",
            param=request.stored,
        )
    table = FATES.get(path, {})
    for name in request.members:
        if table.get(name) == "refused" and _asks(request, name):
            raise UnsupportedByUpstream(
                f"'{name}' is not supported for '{request.model}', whose API has nothing like it. Leave it out, or use "
                "another model.",
                param=name,
            )


def _asks(request: OpenAIRequest, name: str) -> bool:
    """Whether a field asks for anything beyond what there is without it."""
    if name == "n":
        return request.choices > 1
    if name == "web_search_options":
        return given(request.members, name) is not None  # an empty one turns the search on
    if name == "modalities":
        return _modalities(request) not in ([], ["text"])
    return is_given(request.members, name)


def _modalities(request: OpenAIRequest) -> list[str]:
    raw = given(request.members, "modalities")
    try:
        return [] if raw is None else msgspec.json.decode(raw, type=list[str])
    except msgspec.DecodeError:
        raise BadRequest("'modalities' must be an array of strings.", param="modalities") from None
