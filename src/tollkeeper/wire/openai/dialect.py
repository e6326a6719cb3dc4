"""The record of the OpenAI dialect."""

from __future__ import annotations

from tollkeeper.wire.dialect import Adapter, Dialect, Listing
from tollkeeper.wire.end_users import end_user
from tollkeeper.wire.fields import priced_fields
from tollkeeper.wire.openai.conversation import conversation
from tollkeeper.wire.openai.errors import error_body, error_event, error_message
from tollkeeper.wire.openai.headers import quota_headers, response_headers
from tollkeeper.wire.openai.kinds import check_kind
from tollkeeper.wire.openai.models import model_body, models_body
from tollkeeper.wire.openai.request import CHAT, COMPLETIONS, EMBEDDINGS, OpenAIEndpoint, OpenAIRequest, read_request
from tollkeeper.wire.openai.response import read_large_response, read_response
from tollkeeper.wire.openai.rewrite import rewrite
from tollkeeper.wire.openai.schemas import SCHEMAS
from tollkeeper.wire.openai.stream import open_stream
from tollkeeper.wire.openai.unbounded import external_input_field, extra_output_field
from tollkeeper.wire.response_names import rename_model
from tollkeeper.wire.sse import SseSplitter, sse_comment

_ENDPOINTS = (CHAT, COMPLETIONS, EMBEDDINGS)


def _as_it_is(endpoint: OpenAIEndpoint) -> Adapter[OpenAIRequest]:
    return Adapter(
        endpoint.path,
        check_supported=check_kind,
        external_input_field=external_input_field,
        extra_output_field=extra_output_field,
        priced_fields=priced_fields,
        rewrite=rewrite,
        read_response=read_response,
        read_large_response=read_large_response,
        stream_type=b"text/event-stream",
        split_events=SseSplitter,
        open_stream=open_stream,
        error_message=error_message,
        rename=rename_model,
    )


OPENAI: Dialect[OpenAIEndpoint, OpenAIRequest] = Dialect(
    name="openai",
    endpoints=_ENDPOINTS,
    adapters={endpoint.path: (_as_it_is(endpoint),) for endpoint in _ENDPOINTS},
    read_request=read_request,
    conversation=conversation,
    stream_type=b"text/event-stream",
    error_body=error_body,
    error_event=error_event,
    quota_headers=quota_headers,
    response_headers=response_headers,
    prefixes=("/api/v1",),  # where OpenRouter has its paths; without this they would be Ollama's
    end_user=end_user,
    comment=sse_comment,
    lookups=(Listing("/v1/models", models_body, model_body, schema="ModelList", schema_of_one="Model"),),
    stream_description="With `stream`: events as they are made, `data: [DONE]` at the end.",
    schemas=SCHEMAS,
)
