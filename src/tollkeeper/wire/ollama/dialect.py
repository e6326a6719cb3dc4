"""The record of Ollama's dialect."""

from __future__ import annotations

from tollkeeper.wire.dialect import Adapter, Description, Dialect, Greeting, Listing, ServerVersion
from tollkeeper.wire.ndjson import NdjsonSplitter
from tollkeeper.wire.ollama.empty import empty_response
from tollkeeper.wire.ollama.errors import error_body, error_event, error_message
from tollkeeper.wire.ollama.kinds import check_kind, external_input_field, extra_output_field
from tollkeeper.wire.ollama.models import (
    RUNNING,
    described_body,
    loaded_body,
    read_described,
    rewrite_described,
    tags_body,
    version_body,
)
from tollkeeper.wire.ollama.request import (
    CHAT,
    EMBED,
    EMBEDDINGS,
    GENERATE,
    OllamaEndpoint,
    OllamaRequest,
    conversation,
    read_request,
)
from tollkeeper.wire.ollama.response import read_large_response, read_response
from tollkeeper.wire.ollama.rewrite import rewrite
from tollkeeper.wire.ollama.schemas import SCHEMAS
from tollkeeper.wire.ollama.stream import open_stream
from tollkeeper.wire.openai.headers import quota_headers, response_headers
from tollkeeper.wire.response_names import rename_model

_ENDPOINTS = (CHAT, GENERATE, EMBED, EMBEDDINGS)
_NDJSON = b"application/x-ndjson"


def _as_it_is(endpoint: OllamaEndpoint) -> Adapter[OllamaRequest]:
    return Adapter(
        endpoint.path,
        check_supported=check_kind,
        external_input_field=external_input_field,
        extra_output_field=extra_output_field,
        rewrite=rewrite,
        read_response=read_response,
        read_large_response=read_large_response,
        stream_type=_NDJSON,
        split_events=NdjsonSplitter,
        open_stream=open_stream,
        error_message=error_message,
        rename=rename_model,
    )


OLLAMA: Dialect[OllamaEndpoint, OllamaRequest] = Dialect(
    name="ollama",
    endpoints=_ENDPOINTS,
    adapters={endpoint.path: (_as_it_is(endpoint),) for endpoint in _ENDPOINTS},
    read_request=read_request,
    conversation=conversation,
    stream_type=_NDJSON,
    error_body=error_body,
    error_event=error_event,
    quota_headers=quota_headers,
    response_headers=response_headers,
    prefixes=("/api",),
    empty_response=empty_response,
    lookups=(
        Listing("/api/tags", tags_body, schema="OllamaModels"),
        Listing("/api/ps", loaded_body, in_memory=True, schema="OllamaLoadedModels"),
        Description("/api/show", read_described, rewrite_described, described_body, "OllamaShow", "OllamaDescription"),
        ServerVersion("/api/version", version_body, "OllamaVersion"),
        Greeting(RUNNING),
    ),
    stream_description='Unless `stream` is false: a line of JSON for each piece, the last one with `"done": true`.',
    error_schema="OllamaError",
    schemas=SCHEMAS,
)
