"""The record of the tasks beside text, in OpenAI's dialect: its errors, headers and limits are those of chat."""

from __future__ import annotations

from collections.abc import Callable

from tollkeeper.wire.dialect import Adapter, Dialect, EventSplitter, StreamReader
from tollkeeper.wire.json_scan import Buffer
from tollkeeper.wire.openai.errors import error_body, error_message
from tollkeeper.wire.openai.headers import quota_headers, response_headers
from tollkeeper.wire.response_names import rename_model
from tollkeeper.wire.sse import SseSplitter
from tollkeeper.wire.tasks.external import check_kind, external_input_field
from tollkeeper.wire.tasks.request import ENDPOINTS, TaskEndpoint, TaskRequest, end_user, read_request
from tollkeeper.wire.tasks.response import read_large_response, read_response
from tollkeeper.wire.tasks.rewrite import rewrite
from tollkeeper.wire.tasks.schemas import SCHEMAS
from tollkeeper.wire.tasks.stream import AudioSplitter, open_events, open_speech

_EVENTS = (b"text/event-stream",)
_SPEECH = (b"audio/", b"video/", b"application/octet-stream", b"application/ogg", *_EVENTS)
"""Media types that servers give speech: OpenAI's own, and those of Ogg and MPEG."""


def _no_field(*_: object) -> None:
    """No field."""


def _no_name(*_: object) -> str:
    """No conversation."""
    return ""


def _same(_: str, __: str, text: Buffer) -> Buffer:
    """The response as it is: it names no model."""
    return text


def _as_it_is(endpoint: TaskEndpoint) -> Adapter[TaskRequest]:
    split: Callable[[int], EventSplitter] = AudioSplitter if endpoint.speaks else SseSplitter
    opened: Callable[[TaskRequest, str], StreamReader] = open_speech if endpoint.speaks else open_events
    return Adapter(
        endpoint.path,
        check_supported=check_kind,
        external_input_field=external_input_field,
        extra_output_field=_no_field,
        rewrite=rewrite,
        read_response=read_response,
        read_large_response=read_large_response,
        stream_type=_SPEECH if endpoint.speaks else _EVENTS,
        split_events=split,
        open_stream=opened,
        error_message=error_message,
        rename=rename_model if endpoint.renames else _same,
        passes_type=True,
    )


TASKS: Dialect[TaskEndpoint, TaskRequest] = Dialect(
    name="tasks",
    endpoints=ENDPOINTS,
    adapters={endpoint.path: (_as_it_is(endpoint),) for endpoint in ENDPOINTS},
    read_request=read_request,
    conversation=_no_name,
    stream_type=b"text/event-stream",
    error_body=error_body,
    error_event=None,
    quota_headers=quota_headers,
    response_headers=response_headers,
    end_user=end_user,
    stream_description="With `stream`, or `stream_format` `sse`: events as they are made.",
    schemas=SCHEMAS,
)
