"""The record of the Messages dialect."""

from __future__ import annotations

from collections.abc import Callable

from tollkeeper.wire.anthropic.conversation import conversation
from tollkeeper.wire.anthropic.errors import error_body, error_event, error_message
from tollkeeper.wire.anthropic.headers import quota_headers, response_headers, upstream_headers
from tollkeeper.wire.anthropic.kinds import charged_fields, check_kind
from tollkeeper.wire.anthropic.request import COUNT_TOKENS, AnthropicRequest, end_user, read_request
from tollkeeper.wire.anthropic.request import MESSAGES as MESSAGES_PATH
from tollkeeper.wire.anthropic.response import count_body, read_count, read_large_response, read_response
from tollkeeper.wire.anthropic.rewrite import rewrite
from tollkeeper.wire.anthropic.schemas import SCHEMAS
from tollkeeper.wire.anthropic.stream import open_stream
from tollkeeper.wire.anthropic.unbounded import external_input_field, extra_output_field
from tollkeeper.wire.dialect import Adapter, Dialect, WholeResponse
from tollkeeper.wire.request import Endpoint
from tollkeeper.wire.response_names import rename_model
from tollkeeper.wire.sse import SseSplitter, sse_comment

_ENDPOINTS = (MESSAGES_PATH, COUNT_TOKENS)


def _as_it_is(
    endpoint: Endpoint, read: Callable[[AnthropicRequest, bytes, str], WholeResponse]
) -> Adapter[AnthropicRequest]:
    return Adapter(
        endpoint.path,
        check_supported=check_kind,
        external_input_field=external_input_field,
        extra_output_field=extra_output_field,
        priced_fields=charged_fields,
        rewrite=rewrite,
        needs_cap=endpoint.generates,
        read_response=read,
        read_large_response=read_large_response,
        stream_type=b"text/event-stream",
        split_events=SseSplitter,
        open_stream=open_stream,
        error_message=error_message,
        rename=rename_model,
        headers=upstream_headers,
    )


MESSAGES: Dialect[Endpoint, AnthropicRequest] = Dialect(
    name="anthropic",
    endpoints=_ENDPOINTS,
    adapters={
        MESSAGES_PATH.path: (_as_it_is(MESSAGES_PATH, read_response),),
        COUNT_TOKENS.path: (_as_it_is(COUNT_TOKENS, read_count),),
    },
    read_request=read_request,
    conversation=conversation,
    stream_type=b"text/event-stream",
    error_body=error_body,
    error_event=error_event,
    quota_headers=quota_headers,
    response_headers=response_headers,
    request_id_headers=(b"x-request-id", b"request-id"),
    prefixes=("/v1/messages",),
    end_user=end_user,
    count_body=count_body,
    comment=sse_comment,
    stream_description="With `stream`: events as they are made, `message_stop` at the end.",
    schemas=SCHEMAS,
    error_schema="MessagesError",
)
