"""Whole responses in the OpenAI dialect: their usage and finish reason, and their ids, which the gateway replaces.

What Ollama and llama.cpp put on the wire, and how they differ from OpenAI, is shown in tests/wire/openai/.
"""

from __future__ import annotations

import msgspec

from tollkeeper.rules.errors import UpstreamUnavailable
from tollkeeper.rules.upstream_status import upstream_failure
from tollkeeper.rules.usage import estimate_tokens
from tollkeeper.wire.dialect import WholeResponse
from tollkeeper.wire.error_text import error_text
from tollkeeper.wire.json_scan import Buffer, NotJson, Steps
from tollkeeper.wire.openai.chunks import (
    ABSENT,
    NotAnObject,
    ResponseBody,
    is_empty,
    is_error,
    is_missing,
    output_bytes,
    read_body,
    read_large_body,
    reason_of,
)
from tollkeeper.wire.openai.embeddings import as_base64
from tollkeeper.wire.openai.request import OpenAIRequest
from tollkeeper.wire.openai.required import put_required, with_required
from tollkeeper.wire.openai.usage import for_all_choices, read_usage
from tollkeeper.wire.response_ids import with_id


def read_response(request: OpenAIRequest, body: bytes, request_id: str) -> WholeResponse:
    """Read one whole 200 response to `request`. Raises UpstreamUnavailable."""
    response_id = request.response_id(request_id)
    body, answer = _read(body, response_id)
    if request.endpoint.has_messages and answer.choices is not None:
        body = with_required(body, answer, request.model, request_id)
    whole = _whole(body, answer, None, response_id, request.prompts)
    return _converted(whole) if request.wants_base64 else whole


def read_large_response(request: OpenAIRequest, body: bytearray, request_id: str) -> Steps[WholeResponse]:
    """As `read_response`, in steps, for a response of any length, which is changed in place."""
    whole = yield from read_large(body, request.response_id(request_id), prompts=request.prompts)
    if request.endpoint.has_messages:
        yield from put_required(body, request.model, request_id)
    return _converted(whole) if request.wants_base64 else whole


def _converted(whole: WholeResponse) -> WholeResponse:
    return msgspec.structs.replace(whole, convert=as_base64)


def read_whole(body: bytes, response_id: str | None, *, prompts: int = 1) -> WholeResponse:
    """Read one whole 200 response and put `response_id` in it; None for embeddings, which have neither id nor output.
    `prompts` is the number of prompts of its request.

    Raises UpstreamUnavailable when it is not the JSON that an upstream of this dialect sends.
    """
    return _whole(*_read(body, response_id), None, response_id, prompts)


def _read(body: bytes, response_id: str | None) -> tuple[bytes, ResponseBody]:
    """The body with `response_id`, and what is in it. Raises UpstreamUnavailable where it is no JSON object."""
    try:
        answer = read_body(body)
    except NotAnObject:
        raise _not_json() from None
    if response_id is not None and isinstance(answer.id, str):
        body = with_id(body, answer.id, response_id)
    return body, answer


def read_large(body: bytearray, response_id: str | None, *, prompts: int = 1) -> Steps[WholeResponse]:
    """As `read_whole`, in steps, for a response of any length, which is changed in place."""
    try:
        large = yield from read_large_body(body)
    except NotJson:
        raise _not_json() from None
    if response_id is not None and large.id_at is not None:
        body[slice(*large.id_at)] = b'"' + response_id.encode() + b'"'
    return _whole(body, large.body, large.sizes, response_id, prompts)


def _whole(
    body: Buffer, answer: ResponseBody, sizes: list[int] | None, response_id: str | None, prompts: int
) -> WholeResponse:
    """The response from its parsed body. `sizes` are the bytes of output of its choices, where known already."""
    if answer.error is not ABSENT and is_error(answer.error):
        raise upstream_failure("The upstream failed. Try again later.", error_text(answer.error))
    if is_missing(answer.data) if response_id is None else answer.choices is None:
        raise UpstreamUnavailable("The upstream answered with JSON that is no answer of its API.")
    report = read_usage(answer.usage)
    if response_id is None:
        if report.completion_tokens is None:
            report = msgspec.structs.replace(report, completion_tokens=0)
        return WholeResponse(body, report, None)
    choices = answer.choices or []
    reasons = [reason for choice in choices if (reason := reason_of(choice.finish_reason))]
    finish = reasons[0] if reasons else None
    of_one = len(choices) > 1 and not is_empty(answer.timings)
    if report.completion_tokens and not of_one:
        return WholeResponse(body, report, finish)
    sizes = [output_bytes(choice) for choice in choices] if sizes is None else sizes
    if of_one:
        report = for_all_choices(report, sizes, prompts)
    return WholeResponse(body, report, finish, estimate_tokens(sum(sizes)))


def _not_json() -> UpstreamUnavailable:
    return UpstreamUnavailable("The upstream answered with something that is not JSON of its API.")
