"""Errors into answers. This is the control plane's one place that does so; the shape is OpenAI's, on every path."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.routing import Match

from tollkeeper.rules.errors import (
    BadRequest,
    GatewayError,
    InternalError,
    LedgerUnavailable,
    MethodNotAllowed,
    NotFound,
    Unprocessable,
)
from tollkeeper.store.errors import StoreError
from tollkeeper.wire.openai import shape_error

ANSWERED = "tollkeeper.answered"
"""Where a request's scope carries the error that it was answered with, when nobody expected it."""
log = logging.getLogger("tollkeeper.control")
_KEY_IN_PATH = re.compile(r"/k/[^/]+", re.IGNORECASE)
"""A key that was put where none is looked for, as behind a slash too many."""


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """How every error looks. `message` is for people: what was wrong and what to do; `type` and `code` are for
    programs; `param` is the field at fault."""

    error: ErrorDetail


Responses = dict[int | str, dict[str, Any]]


_REFS = "#/components/schemas/{model}"
# Named, not given as a model: FastAPI would build a validator of it for each status of each path, 330 in all.
_SHAPE = {"application/json": {"schema": {"$ref": _REFS.format(model=ErrorBody.__name__)}}}


def errors(*statuses: int) -> Responses:
    """These statuses as the document shows them; `add_errors` puts what they refer to there."""
    return {status: {"description": HTTPStatus(status).phrase, "content": _SHAPE} for status in sorted(statuses)}


def add_errors(document: dict[str, Any]) -> None:
    """Put the shape of errors into the document."""
    _, shapes = models_json_schema([(ErrorBody, "serialization")], ref_template=_REFS)
    schemas = document["components"]["schemas"] | shapes["$defs"]
    document["components"]["schemas"] = dict(sorted(schemas.items()))


def add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(GatewayError, _answer)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(StoreError, _answer_store)
    app.add_exception_handler(Exception, _answer_unexpected)


async def _answer(_: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)
    headers: dict[str, str] = {}
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = error.allow
    if error.retry_after is not None:
        headers["retry-after"] = str(max(1, ceil(error.retry_after)))
    return Response(shape_error(error), error.status, headers, "application/json")


async def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return await _answer(request, BadRequest(f"The body is not JSON: {first['ctx']['error']}."))
    return await _answer(request, _unprocessable(first))


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return await _answer(request, _of_http(request, error.status_code))


async def _answer_store(request: Request, error: Exception) -> Response:
    log.warning("%s %s failed: %s", request.method, request.scope["route"].path, error)
    told = LedgerUnavailable("The database cannot be used right now, and nothing was changed. Try again soon.")
    return await _answer(request, told)


async def _answer_unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    request.scope[ANSWERED] = error
    return await _answer(request, InternalError("Something went wrong here. The log of the gateway says what."))


def _of_http(request: Request, status: int) -> GatewayError:
    path = _KEY_IN_PATH.sub("/k/…", request.url.path)
    asked = f"{request.method} {path[:200]}"
    if status == 404:
        return NotFound(f"There is no {asked} here. GET /docs shows what there is.")
    if status == 405:
        allow = _allowed(request)
        return MethodNotAllowed(f"There is no {asked}, but this path knows {allow}.", allow=allow)
    return BadRequest("The body cannot be read: it must be JSON in UTF-8, and not nested beyond reason.", status=status)


def _allowed(request: Request) -> str:
    found: set[str] = set()
    for route in request.app.router.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods
    return ", ".join(sorted(found))


# pydantic's word for what is wrong → what to say; {…} is its own context.
_SAYINGS = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "json_type": "must be JSON",
    "model_attributes_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "int_parsing": "must be an integer",
    "int_from_float": "must be an integer",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "value_error": "{error}",
}


def _unprocessable(found: dict[str, Any]) -> Unprocessable:
    # The first part says where the field is (body, query, path); parts in brackets are branches of a union, and the
    # mark of a key that is wrong itself.
    parts = [str(part) for part in found["loc"][1:] if str(part)[:1] not in ("(", "[")]
    param = ".".join(parts)[:200] or None
    saying = _SAYINGS.get(found["type"])
    if saying is None:
        text = found["msg"]
        saying = "is wrong: " + text[:1].lower() + text[1:]
    else:
        saying = saying.format(**found.get("ctx", {}))
    subject = f"'{param}'" if param else f"The {found['loc'][0]}"
    return Unprocessable(f"{subject} {saying}.", param=param)
