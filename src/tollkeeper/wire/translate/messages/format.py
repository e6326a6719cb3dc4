"""Anthropic's Messages as a format of clients and as one of upstreams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollkeeper.rules.errors import UnsupportedByUpstream
from tollkeeper.rules.kinds import Kind
from tollkeeper.wire.anthropic.errors import error_message
from tollkeeper.wire.anthropic.request import AnthropicRequest
from tollkeeper.wire.anthropic.response import read_large, read_whole
from tollkeeper.wire.anthropic.stream import MessagesStreamReader
from tollkeeper.wire.dialect import WholeResponse
from tollkeeper.wire.fields import is_given
from tollkeeper.wire.json_scan import Steps
from tollkeeper.wire.response_names import rename_model
from tollkeeper.wire.sse import SseSplitter
from tollkeeper.wire.translate.adapter import ClientFormat, UpstreamFormat
from tollkeeper.wire.translate.losses import Fates, fates
from tollkeeper.wire.translate.messages.read_output import MessagesOutputReader, read_output
from tollkeeper.wire.translate.messages.read_request import read_request
from tollkeeper.wire.translate.messages.write_output import MessagesWriter, write_response
from tollkeeper.wire.translate.messages.write_request import check_supported, write_request

FATES: Mapping[str, Fates] = {
    "/v1/chat/completions": fates(
        carried="""max_tokens messages metadata model output_config output_format stop_sequences stream system
            temperature thinking tool_choice tools top_k top_p""",
        dropped="""cache_control context_management diagnostics fallback_credit_token fallbacks service_tier speed
            user_profile_id workspace_id""",
        # What only Anthropic has or runs, where the data stays, and who pays for it.
        refused="billing_policy compaction container inference_geo mcp_servers thread",
    )
}
"""By the path of the upstream, the fates of the fields of a request. Of `metadata` the user is carried, under an opaque
name."""


def _check_fields(request: AnthropicRequest, path: str, _: Kind) -> None:
    """Raise UnsupportedByUpstream for a field that is refused."""
    table = FATES.get(path, {})
    for name in request.members:
        if table.get(name) == "refused" and is_given(request.members, name):
            raise UnsupportedByUpstream(
                f"'{name}' works only where the model is served in the Messages API itself. Leave it out, or choose"
                " such a model.",
                param=name,
            )


def _none(*_: Any) -> None:
    """No field: what a translated request may use is bounded by its body and its cap."""
    return


def _read_response(body: bytes) -> WholeResponse:
    return read_whole(body, "")


def _read_large_response(body: bytearray) -> Steps[WholeResponse]:
    return read_large(body, "")


def _open_stream() -> MessagesStreamReader:
    return MessagesStreamReader("")


MESSAGES_CLIENT: ClientFormat[AnthropicRequest] = ClientFormat(
    check_supported=_check_fields,
    external_input_field=_none,
    extra_output_field=_none,
    priced_fields=lambda *_: (),
    read_request=read_request,
    write_response=write_response,
    open_writer=MessagesWriter,
    rename=rename_model,
)
MESSAGES_UPSTREAM = UpstreamFormat(
    path="/v1/messages",
    stream_type=b"text/event-stream",
    check_supported=check_supported,
    write_request=write_request,
    split_events=SseSplitter,
    open_stream=_open_stream,
    open_output=MessagesOutputReader,
    read_response=_read_response,
    read_large_response=_read_large_response,
    read_output=read_output,
    error_message=error_message,
    needs_cap=True,
)
