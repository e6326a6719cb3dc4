"""The data plane in the OpenAPI document. FastAPI does not serve it, so its paths are described here, and its bodies by
the schemas of each dialect. Each path is there with and without `/v1`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from tollkeeper.wire.dialect import AnyDialect, Description, Greeting, Listing, Schema, ServerVersion
from tollkeeper.wire.request import Endpoint, spellings

_TEXT: Schema = {"type": "string"}
_POST_ERRORS = (400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504)
_LIST_ERRORS = (401, 403, 500, 503)
_ONE_ERRORS = (401, 403, 404, 500, 503)
_VERSION_ERRORS = (401, 403, 500)
_DESCRIPTION_ERRORS = (400, 401, 403, 404, 408, 409, 413, 415, 422, 500, 502, 503, 504)
_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"x-api-key": []}, {"api-key": []}, {"session": []}]
_COST = {"x-cost-usd": {"description": "The cost in US dollars, where the response is not streamed.", "schema": _TEXT}}
_ESTIMATED = {"x-estimated": {"description": "1 where the gateway has estimated the count.", "schema": _TEXT}}
_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Of all requests with one key within 24 hours, one at most reaches an upstream.",
    "schema": {**_TEXT, "minLength": 1, "maxLength": 255, "pattern": "^[ -~]*$"},
}
_REQUEST_ID = {"description": "The id of this request and of its record.", "schema": _TEXT}


def add_relayed(document: dict[str, Any], dialects: Sequence[AnyDialect]) -> None:
    """Add the relayed paths, and the schemas that they refer to, to the OpenAPI document."""
    for dialect in dialects:
        document["components"]["schemas"].update(dialect.schemas)
        for place in (0, 1):
            for endpoint in dialect.endpoints:
                path = spellings(endpoint.path)[place]
                document["paths"][path] = {"post": _post(path, endpoint, dialect)}
            for lookup in dialect.lookups:
                document["paths"] |= _LOOKUPS[type(lookup)](lookup, place, dialect.error_schema)


def _listing(listing: Listing, place: int, error: str) -> dict[str, Schema]:
    path = spellings(listing.path)[place]
    summary = "The models you may use" + (", of those in memory" if listing.in_memory else "")
    paths: dict[str, Schema] = {path: {"get": _operation(path, summary, _json(listing.schema), _LIST_ERRORS, error)}}
    if listing.body_of_one is not None:
        one = _operation(path + "/one", "One model", _json(listing.schema_of_one), _ONE_ERRORS, error)
        one["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": {**_TEXT, "minLength": 1}}]
        paths[path + "/{id}"] = {"get": one}
    return paths


def _description(description: Description, place: int, error: str) -> dict[str, Schema]:
    path = spellings(description.path)[place]
    operation = _operation(path, "What a model is", _json(description.schema), _DESCRIPTION_ERRORS, error)
    operation["parameters"] = [_KEY]
    operation["requestBody"] = {"required": True, "content": _json(description.request_schema)}
    return {path: {"post": operation}}


def _version(version: ServerVersion, place: int, error: str) -> dict[str, Schema]:
    path = spellings(version.path)[place]
    return {path: {"get": _operation(path, "The version of the API", _json(version.schema), _VERSION_ERRORS, error)}}


def _greeting(_: Greeting, __: int, ___: str) -> dict[str, Schema]:
    """Nothing: it is for clients that have a key in the path, and no path of its own."""
    return {}


_LOOKUPS: Mapping[type[Any], Callable[[Any, int, str], dict[str, Schema]]] = {
    Listing: _listing,
    Description: _description,
    ServerVersion: _version,
    Greeting: _greeting,
}


def _post(path: str, endpoint: Endpoint, dialect: AnyDialect) -> Schema:
    content = _json(endpoint.response_schema) if endpoint.response_schema else {endpoint.response_type: {}}
    if endpoint.streams:
        content[dialect.stream_type.decode()] = {"schema": {**_TEXT, "description": dialect.stream_description}}
    operation = _operation(path, endpoint.summary, content, _POST_ERRORS, dialect.error_schema)
    body = _json(endpoint.request_schema, endpoint.request_type)
    operation["parameters"] = [_KEY]
    operation["requestBody"] = {"required": True, "content": body}
    operation["responses"]["200"]["headers"] |= _ESTIMATED if endpoint.counts else _COST
    return operation


def _operation(path: str, summary: str, content: Schema, errors: tuple[int, ...], error_schema: str) -> Schema:
    failures = {
        str(status): {"description": HTTPStatus(status).phrase, "content": _json(error_schema)} for status in errors
    }
    success = {"description": "The response.", "content": content, "headers": {"x-request-id": _REQUEST_ID}}
    return {
        "tags": ["relayed"],
        "summary": summary,
        "operationId": "relay" + path.replace("/", "_"),
        "security": _SECURITY,
        "responses": {"200": success, **failures},
    }


def _json(name: str, media_type: str = "application/json") -> Schema:
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{name}"}}}
