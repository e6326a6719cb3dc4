"""Errors as responses, and as the OpenAPI document shows them.

The one place in the control plane that turns errors into responses; the first dialect shapes them, on every path.
"""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from math import ceil
from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema, models_json_schema
from starlette.exceptions import HTTPException
from starlette.routing import Match

from tollkeeper.control.http.schemas import no_default
from tollkeeper.rules.admission import Reason
from tollkeeper.rules.errors import (
    BadRequest,
    GatewayError,
    InternalError,
    LedgerUnavailable,
    MethodNotAllowed,
    NotFound,
    ServerOverloaded,
    Unprocessable,
)
from tollkeeper.store.errors import StoreError, StoreOverloaded, StoreTimeout
from tollkeeper.wire.dialect import AnyDialect

HANDLED_ERROR = "tollkeeper.handled_error"
"""Key in a request's scope: the unexpected error that has already been answered."""
log = logging.getLogger("tollkeeper.control")
_MOST_TEXT, _MOST_PARAM = 600, 200
"""Characters of a message, and of the name of a field: some of them repeat what was sent."""
_KEY_IN_PATH = re.compile(r"/k/[^/]+", re.IGNORECASE)
"""A key where none is expected, as after a doubled slash."""


class ReachedLimitBody(BaseModel):
    """The limit that refuses a request to a model, with the figures of the message, which are exact; those on cost are
    dollars. `model`: the one that it counts; null: it counts all. `reason`: `never`: the request would not fit even
    with nothing used; `blocked`: the limit is 0; `exhausted`: what was used leaves too little; `held`: what running
    requests have reserved does. `needed`: what the request may need; `remaining`: what is left."""

    name: str
    owner: Literal["user", "key", "team", "end_user"]
    model: str | None
    reason: Reason
    limit: float
    needed: float
    remaining: float


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None
    limit: ReachedLimitBody | SkipJsonSchema[None] = Field(default=None, json_schema_extra=no_default)


class ErrorBody(BaseModel):
    """The body of every error. `message` is for people: what was wrong and what to do; `type` and `code` are for
    programs; `param` is the field at fault; `limit` is there where one refuses a request to a model."""

    error: ErrorDetail


Responses = dict[int | str, dict[str, Any]]


_REFS = "#/components/schemas/{model}"
# A reference, not the model: FastAPI would build a validator of it for each status of each path, 330 in all.
_SHAPE = {"application/json": {"schema": {"$ref": _REFS.format(model=ErrorBody.__name__)}}}


def errors(*statuses: int) -> Responses:
    """Responses of these statuses in the OpenAPI document; `add_errors` adds the schema that they refer to."""
    return {status: {"description": HTTPStatus(status).phrase, "content": _SHAPE} for status in sorted(statuses)}


def add_errors(document: dict[str, Any]) -> None:
    """Add the schema of errors to the OpenAPI document."""
    _, shapes = models_json_schema([(ErrorBody, "serialization")], ref_template=_REFS)
    schemas = document["components"]["schemas"] | shapes["$defs"]
    document["components"]["schemas"] = dict(sorted(schemas.items()))


def add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(GatewayError, _respond)
    app.add_exception_handler(RequestValidationError, _respond_invalid)
    app.add_exception_handler(HTTPException, _respond_http)
    app.add_exception_handler(StoreError, _respond_store)
    app.add_exception_handler(Exception, _respond_unexpected)


async def _respond(request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)
    headers: dict[str, str] = {}
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = error.allow
    if error.retry_after is not None:
        headers["retry-after"] = str(max(1, ceil(error.retry_after)))
    if len(error.message) > _MOST_TEXT:
        error.message = error.message[:_MOST_TEXT] + "…."
    error.param = error.param and error.param[:_MOST_PARAM]
    dialect: AnyDialect = request.app.state.dialects[0]
    return Response(dialect.error_body(error, ""), error.status, headers, "application/json")


async def _respond_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return await _respond(request, _unprocessable(error.errors()[0]))


async def _respond_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return await _respond(request, _of_http(request, error.status_code))


async def _respond_store(request: Request, error: Exception) -> Response:
    log.warning("%s %s failed: %s", request.method, request.scope["route"].path, error)
    return await _respond(request, _of_store(error))


def _of_store(error: Exception) -> GatewayError:
    if isinstance(error, StoreTimeout):
        return Unprocessable(
            "It takes too long to answer this. Ask for a shorter period, for fewer groups, or with a filter, say of one"
            " user."
        )
    if isinstance(error, StoreOverloaded):
        return ServerOverloaded("Others ask for much that takes long. Ask again in a few seconds.", retry_after=5)
    return LedgerUnavailable("The database cannot be used right now, and nothing was changed. Try again soon.")


async def _respond_unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    request.scope[HANDLED_ERROR] = error
    return await _respond(request, InternalError("Something went wrong in the gateway. Its log has the details."))


def _of_http(request: Request, status: int) -> GatewayError:
    path = _KEY_IN_PATH.sub("/k/…", request.url.path)
    requested = f"{request.method} {path[:200]}"
    if status == 404:
        return NotFound(f"There is no {requested}. GET /docs lists every path.")
    if status == 405:
        allow = _allowed(request)
        return MethodNotAllowed(f"There is no {requested}. This path takes {allow}.", allow=allow)
    return BadRequest("The body cannot be read: it must be JSON in UTF-8, and not nested too deeply.", status=status)


def _allowed(request: Request) -> str:
    found: set[str] = set()
    for route in request.app.router.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods
    if "GET" in found:
        found.add("HEAD")
    return ", ".join(sorted(found))


# Pydantic's type of error → our message; {…} is filled in from the error's context.
_MESSAGES = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field",
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
    message = _MESSAGES.get(found["type"])
    if message is None:
        text = found["msg"]
        message = "is wrong: " + text[:1].lower() + text[1:]
    else:
        message = message.format(**found.get("ctx", {}))
    subject = f"'{param}'" if param else f"The {found['loc'][0]}"
    return Unprocessable(f"{subject} {message}.", param=param)
