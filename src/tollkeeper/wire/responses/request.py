"""Reading and checking requests in the Responses dialect (OpenAI's API reference, "Create a model response").

The gateway keeps no responses, and users share the upstream's account, so whatever uses or makes stored state is
refused. Fields that the gateway does not need reach the upstream as they were sent.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.ids import response_id
from tollkeeper.wire.fields import is_given, read_scalar
from tollkeeper.wire.openai.request import read_metadata
from tollkeeper.wire.request import Endpoint, Image, ModelRequest
from tollkeeper.wire.responses.fields import CONTENT, ITEM, KNOWN, PART, STATE
from tollkeeper.wire.responses.tools import Hosted, Named, hosted_tools, named_tools, read_hosted
from tollkeeper.wire.strict_json import (
    Members,
    begins,
    check_text,
    names,
    read_object,
    read_objects,
    read_string,
    read_text,
)

ID_PREFIX = "resp_"
_NULL, _FALSE = Raw(b"null"), Raw(b"false")
_CONTAINER_ID = "container_id"
_CONTAINER = names(f"{_CONTAINER_ID} type")
_FROM_ONE = "an integer of at least 1"

RESPONSES = Endpoint(
    "/v1/responses",
    summary="Answer a conversation, as OpenAI's Responses API does",
    request_schema="ResponsesRequest",
    response_schema="ResponseObject",
)


class ResponsesRequest(ModelRequest, frozen=True, kw_only=True):
    """A request in the Responses dialect. `members` are the top-level fields of `body`, values left raw.

    `sent` is the body as received, as in `wire.openai.request.OpenAIRequest`. `hosted` are the tools that the
    upstream would run itself, but for those at the places `spare`, which the model can do without; `named` those that a
    translation names otherwise.
    """

    members: Members
    sent: bytes = b""
    hosted: tuple[Hosted, ...] = ()
    named: tuple[Named, ...] = ()
    spare: frozenset[int] = frozenset()

    def response_id(self, request_id: str) -> str:
        """The id of its response."""
        return response_id(ID_PREFIX, request_id)


def read_request(body: bytes, endpoint: Endpoint) -> ResponsesRequest:
    """Read and check one request. Raises BadRequest, naming the field."""
    return read_text(body, lambda text: _read_request(text, endpoint, body))


def _read_request(body: bytes, endpoint: Endpoint, sent: bytes) -> ResponsesRequest:
    check_text(body)
    members = read_object(body, KNOWN)
    model = read_scalar(members, "model", str, "a string that names a model")
    if not model:
        raise BadRequest("'model' is missing. Name a model; GET /v1/models lists them.", param="model")
    cap = read_scalar(members, "max_output_tokens", int, _FROM_ONE)
    if cap is not None and cap < 1:
        raise BadRequest(f"'max_output_tokens' must be {_FROM_ONE}.", param="max_output_tokens")
    stream = read_scalar(members, "stream", bool, "true or false") is True
    _check_state(members)
    images, hosted = _read_items(members)
    spare: frozenset[int] = frozenset()
    named: tuple[Named, ...] = ()
    if is_given(members, "tools"):
        own, spare = read_hosted(members["tools"], members.get("tool_choice", _NULL))
        hosted = (*hosted, *own)
        named = tuple(named_tools(members["tools"], "tools"))
    return ResponsesRequest(
        endpoint=endpoint,
        body=body,
        members=members,
        model=model,
        stream=stream,
        output_cap=cap,
        metadata=read_metadata(members),
        images=images,
        text_bytes=len(body) - sum([len(image.url) for image in images if image.url[:5].lower() == "data:"]),
        sent=sent,
        hosted=hosted,
        named=named,
        spare=spare,
    )


def _check_state(members: Members) -> None:
    for name in STATE:
        if members.get(name, _NULL) in (_NULL, _FALSE):
            continue
        if name in ("background", "store"):
            read_scalar(members, name, bool, "true or false")
            way = "Set it to false, and send all of the conversation each time."
        elif name == "prompt":
            way = "Send its text itself, as 'instructions' or 'input'."
        else:
            way = "Send all of the conversation as 'input', and set 'store' to false."
        raise BadRequest(f"'{name}' needs stored responses or prompts, which nothing here keeps. {way}", param=name)


def items(members: Members) -> Iterator[tuple[Members, str]]:
    """The items of `input`, each with its place; none where it is a string."""
    raw = members.get("input", _NULL)
    if not begins(raw, b"["):
        return
    for place, item in enumerate(read_objects(raw, ITEM, "input")):
        yield item, f"input[{place}]"


def parts(item: Members, where: str) -> Iterator[tuple[Members, str]]:
    """The parts of an item: of its content, or of the result of a call."""
    for name in CONTENT:
        raw = item.get(name, _NULL)
        if begins(raw, b"["):
            for number, part in enumerate(read_objects(raw, PART, f"{where}.{name}")):
                yield part, f"{where}.{name}[{number}]"
        elif begins(raw, b"{"):  # a picture of a screen
            yield read_object(raw, PART, f"{where}.{name}"), f"{where}.{name}"


def item_type(item: Members, where: str) -> str:
    """The type of an item; a message may leave it out. Raises BadRequest."""
    raw = item.get("type", _NULL)
    if raw == _NULL:
        return "message" if "role" in item else "item_reference"
    kind = read_string(raw)
    if kind is None:
        raise BadRequest(f"'{where}.type' must be a string that names a type of item.", param=f"{where}.type")
    return kind


def _read_items(members: Members) -> tuple[tuple[Image, ...], tuple[Hosted, ...]]:
    """The images of all items, and the hosted tools that they bring. Raises BadRequest for what is stored."""
    raw = members.get("input", _NULL)
    if not (raw == _NULL or begins(raw, b'"') or begins(raw, b"[")):
        raise BadRequest("'input' must be a string or an array of items.", param="input")
    images: list[Image] = []
    hosted: list[Hosted] = []
    for item, where in items(members):
        kind = item_type(item, where)
        if kind == "item_reference":
            raise BadRequest(
                f"'{where}' refers to an item of a stored response, which nothing here keeps. Set `store: false` "
                "in your client, so that it sends the items themselves.",
                param=where,
            )
        found = _stored_in(item, kind, where)
        if found is not None:
            raise _stored(found, "Leave the item out.")
        if is_given(item, "tools"):
            hosted += hosted_tools(item["tools"], f"{where}.tools")
        for part, at in parts(item, where):
            if is_given(part, "file_id"):
                raise _stored(f"{at}.file_id", "Send the content itself.")
            image = _image(part, at)
            if image is not None:
                images.append(image)
    return tuple(images), tuple(hosted)


def _stored_in(item: Members, kind: str, where: str) -> str | None:
    """The field of an item that names something stored: a container, which a hosted tool would go on in, or an image
    by its id alone."""
    if is_given(item, _CONTAINER_ID):
        return f"{where}.{_CONTAINER_ID}"
    environment = item.get("environment", _NULL)
    if begins(environment, b"{") and is_given(
        read_object(environment, _CONTAINER, f"{where}.environment"), _CONTAINER_ID
    ):
        return f"{where}.environment.{_CONTAINER_ID}"
    if kind == "image_generation_call" and not is_given(item, "result"):
        return f"{where}.id"
    return None


def _stored(field: str, way: str) -> BadRequest:
    return BadRequest(
        f"'{field}' may reach what others have stored, since users here share an account of the upstream. {way}",
        param=field,
    )


def _image(part: Members, where: str) -> Image | None:
    raw = part.get("image_url", _NULL)
    if raw == _NULL:
        return None
    url = read_string(raw)
    if url is None:
        raise BadRequest(f"'{where}.image_url' must be a URL, as a string.", param=f"{where}.image_url")
    return Image(url, f"{where}.image_url")
