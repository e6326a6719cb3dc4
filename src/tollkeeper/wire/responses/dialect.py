"""The record of the Responses dialect."""

from __future__ import annotations

from tollkeeper.wire.dialect import Adapter, Dialect
from tollkeeper.wire.end_users import end_user
from tollkeeper.wire.openai.errors import error_body, error_message
from tollkeeper.wire.openai.headers import quota_headers, response_headers
from tollkeeper.wire.request import Endpoint
from tollkeeper.wire.response_names import rename_model
from tollkeeper.wire.responses.conversation import conversation
from tollkeeper.wire.responses.errors import error_event
from tollkeeper.wire.responses.kinds import charged_fields, check_kind
from tollkeeper.wire.responses.request import RESPONSES, ResponsesRequest, read_request
from tollkeeper.wire.responses.response import read_large_response, read_response
from tollkeeper.wire.responses.rewrite import rewrite
from tollkeeper.wire.responses.schemas import SCHEMAS
from tollkeeper.wire.responses.stream import open_stream
from tollkeeper.wire.responses.unbounded import external_input_field, extra_output_field
from tollkeeper.wire.sse import SseSplitter, sse_comment

AS_IT_IS: Adapter[ResponsesRequest] = Adapter(
    RESPONSES.path,
    check_supported=check_kind,
    external_input_field=external_input_field,
    extra_output_field=extra_output_field,
    priced_fields=charged_fields,
    rewrite=rewrite,
    read_response=read_response,
    read_large_response=read_large_response,
    stream_type=b"text/event-stream",
    split_events=SseSplitter,
    open_stream=open_stream,
    error_message=error_message,
    rename=rename_model,
)

RESPONSES_DIALECT: Dialect[Endpoint, ResponsesRequest] = Dialect(
    name="responses",
    endpoints=(RESPONSES,),
    adapters={RESPONSES.path: (AS_IT_IS,)},
    read_request=read_request,
    conversation=conversation,
    stream_type=b"text/event-stream",
    error_body=error_body,
    error_event=error_event,
    quota_headers=quota_headers,
    response_headers=response_headers,
    end_user=end_user,
    prefixes=("/v1/responses",),
    comment=sse_comment,
    stream_description="With `stream`: events as they are made; the last one is `response.completed` or `.incomplete`.",
    schemas=SCHEMAS,
)
