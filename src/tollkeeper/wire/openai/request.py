"""Reading and checking requests in the OpenAI dialect.

Shapes: OpenAI's API reference (chat completions, legacy completions, embeddings); Ollama's `docs/openai.md` says which
of them it honours. Changes to a request before it is sent upstream are in `rewrite.py`.
"""

from __future__ import annotations

from itertools import chain
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.ids import response_id
from tollkeeper.wire.fields import read_scalar
from tollkeeper.wire.json_slices import LARGE, large_items
from tollkeeper.wire.openai.fields import (
    CHAT_FIELDS,
    COMPLETION_FIELDS,
    EMBEDDING_FIELDS,
    IMAGE_URL,
    MESSAGE_FIELDS,
    OPTIONS,
    PART_FIELDS,
    STREAM_OPTIONS,
)
from tollkeeper.wire.openai.stored import (
    STORED,
    STORED_BY_CHATS,
    STORED_BY_MESSAGES,
    stored_field,
    stored_in_message,
    stored_in_part,
)
from tollkeeper.wire.request import Endpoint, Image, ModelRequest
from tollkeeper.wire.strict_json import (
    CONTROL,
    Members,
    begins,
    check_text,
    hides_nothing,
    plain_object,
    read_items,
    read_object,
    read_objects,
    read_string,
    read_text,
)

MAX_METADATA = 16
MAX_METADATA_KEY = 64
MAX_METADATA_VALUE = 512


class OpenAIEndpoint(Endpoint, frozen=True, kw_only=True):
    """An endpoint of the OpenAI dialect. `known` are the fields of requests that the gateway knows; `id_prefix` begins
    the ids of responses (None: they have none); `has_messages`: it is a chat."""

    known: frozenset[str]
    id_prefix: str | None = None
    has_messages: bool = False


CHAT = OpenAIEndpoint(
    "/v1/chat/completions",
    summary="Answer a conversation",
    request_schema="ChatRequest",
    response_schema="ChatAnswer",
    known=CHAT_FIELDS,
    id_prefix="chatcmpl-",
    has_messages=True,
)
COMPLETIONS = OpenAIEndpoint(
    "/v1/completions",
    summary="Go on with a text",
    request_schema="CompletionRequest",
    response_schema="CompletionAnswer",
    known=COMPLETION_FIELDS,
    id_prefix="cmpl-",
)
EMBEDDINGS = OpenAIEndpoint(
    "/v1/embeddings",
    streams=False,
    generates=False,
    summary="Make vectors of texts",
    request_schema="EmbeddingRequest",
    response_schema="EmbeddingAnswer",
    known=EMBEDDING_FIELDS,
)


class OpenAIImage(Image, frozen=True):
    """An image in a chat message. `bare`: its URL is a plain string, not in an object."""

    bare: bool = False


class OpenAIRequest(ModelRequest, frozen=True, kw_only=True):
    """A request in the OpenAI dialect. `members` are the top-level fields of `body`, values left raw.

    `sent` is the body as received: it differs from `body` only in lone surrogates, which are U+FFFD in `body`, and has
    the same length. `choices` is the number of choices requested, over all of its `prompts`. `uncapped` are caps below
    1, which mean "no limit" to some servers: `output_cap` excludes them. `wants_base64`: vectors as base64
    of little-endian float32 instead of numbers. `stored` is the first field that reaches what the upstream's account
    has stored.
    """

    endpoint: OpenAIEndpoint
    members: Members
    images: tuple[OpenAIImage, ...] = ()
    wants_usage: bool = False
    sent: bytes = b""
    prompts: int = 1
    uncapped: tuple[tuple[str, int], ...] = ()
    wants_base64: bool = False
    stored: str | None = None

    def response_id(self, request_id: str) -> str | None:
        """The id of its response; None where responses have none."""
        prefix = self.endpoint.id_prefix
        return response_id(prefix, request_id) if prefix else None


def read_request(body: bytes, endpoint: OpenAIEndpoint) -> OpenAIRequest:
    """Read and check one request. Raises BadRequest, naming the field."""
    return read_text(body, lambda text: _read_request(text, endpoint, body))


def _read_request(body: bytes, endpoint: OpenAIEndpoint, sent: bytes) -> OpenAIRequest:
    arrays = check_text(body)
    fields: _Fields[Any]
    images: tuple[OpenAIImage, ...] = ()
    prompts, metadata, stored = 1, None, None
    plain = _plain_chat(body) if arrays == 1 and endpoint.has_messages else None
    if plain is not None:
        members, fields = plain
    else:
        members = read_object(body, endpoint.known)
        try:
            fields = checked = _read_fields(body) if len(body) <= LARGE else _read_each(members)
        except msgspec.ValidationError:
            fields = checked = _read_each(members)
    if not fields.model:
        raise BadRequest("'model' is missing. Name a model; GET /v1/models lists them.", param="model")
    if plain is None:
        if "options" in members and members["options"] != _NULL:
            read_object(members["options"], OPTIONS, "options")
        stored = stored_field(members, STORED_BY_CHATS if endpoint.has_messages else STORED)
        if endpoint.has_messages:
            images, stored_in_messages = _messages(members, checked.messages)
            stored = stored or stored_in_messages
        prompts = _prompts(members) if "prompt" in members else 1
        metadata = read_metadata(members)
    cap, newer_cap = fields.max_tokens, fields.max_completion_tokens
    uncapped: tuple[tuple[str, int], ...] = ()
    if (cap is not None and cap < 1) or (newer_cap is not None and newer_cap < 1):
        caps = (("max_tokens", cap), ("max_completion_tokens", newer_cap))
        uncapped = tuple((name, value) for name, value in caps if value is not None and value < 1)
        cap, newer_cap = (None if value is None or value < 1 else value for _, value in caps)
    return OpenAIRequest(
        body=body,
        members=members,
        model=fields.model,
        endpoint=endpoint,
        stream=endpoint.streams and fields.stream is True,
        wants_usage=_wants_usage(members),
        output_cap=_least(cap, newer_cap),
        choices=_choices(fields, endpoint) * prompts,
        metadata=metadata,
        images=images,
        text_bytes=len(body) - sum([len(image.url) for image in images if image.url[:5].lower() == "data:"])
        if images
        else len(body),
        sent=sent,
        prompts=prompts,
        uncapped=uncapped,
        wants_base64=endpoint is EMBEDDINGS and members.get("encoding_format") == _BASE64,
        stored=stored,
    )


_NULL = Raw(b"null")
_BASE64 = Raw(b'"base64"')
_AtLeastOne = Annotated[int, Meta(ge=1)]


M = TypeVar("M")


class _Fields(Struct, Generic[M]):
    """The fields with a single value that the gateway reads, and the messages where each is an `M`."""

    model: str | None = None
    stream: bool | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: _AtLeastOne | None = None
    best_of: int | None = None
    messages: list[M] | None = None


class _PlainMessage(Struct, gc=False):
    """The fields that a plain message has."""

    role: Raw
    content: Raw


_FROM_ONE = "an integer of at least 1"
_PLAIN = CHAT_FIELDS - {"metadata", "options"}
"""Fields of a chat of which nothing is checked but their names, and what `_Fields` says."""
_read_fields = msgspec.json.Decoder(_Fields[Members]).decode
_read_plain = msgspec.json.Decoder(_Fields[_PlainMessage]).decode


def _plain_chat(body: bytes) -> tuple[Members, _Fields[_PlainMessage]] | None:
    """The members and fields of a chat with plain fields and plain messages alone; None: it is another, or no valid
    one. Called for a body with a single array, so that no content of these messages has parts: then neither images nor
    anything stored can be in it. Most chats are of this kind, and take 37,500 instructions instead of 51,500."""
    try:
        members, fields = plain_object(body), _read_plain(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    if fields.messages is None or not _PLAIN.issuperset(members):
        return None
    return (members, fields) if hides_nothing({**members, "messages": fields.messages}, body) else None


def _least(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


def _read_each(members: Members) -> _Fields[Members]:
    """Read the fields one by one, to name the wrong one in the error."""
    return _Fields(
        read_scalar(members, "model", str, "a string that names a model"),
        read_scalar(members, "stream", bool, "true or false"),
        read_scalar(members, "max_tokens", int, _FROM_ONE),
        read_scalar(members, "max_completion_tokens", int, _FROM_ONE),
        _positive(members, "n"),
        read_scalar(members, "best_of", int, _FROM_ONE),
    )


def _positive(members: Members, name: str) -> int | None:
    value: int | None = read_scalar(members, name, int, _FROM_ONE)
    if value is not None and value < 1:
        raise BadRequest(f"'{name}' must be {_FROM_ONE}.", param=name)
    return value


def _choices(fields: _Fields[Any], endpoint: OpenAIEndpoint) -> int:
    each = fields.n or 1
    if fields.best_of is not None and "best_of" in endpoint.known:
        if fields.best_of < 1:
            raise BadRequest(f"'best_of' must be {_FROM_ONE}.", param="best_of")
        each = max(each, fields.best_of)
    return each


def _prompts(members: Members) -> int:
    """The number of prompts."""
    raw = members["prompt"]
    if not begins(raw, b"["):
        return 1
    first = next(large_items(raw), None)
    if first is None or memoryview(raw)[first[0]] in b"0123456789":
        return 1  # numbers: one prompt, as tokens
    return len(read_items(raw, "prompt"))


def _wants_usage(members: Members) -> bool:
    raw = members.get("stream_options")
    if raw is None or raw == _NULL:
        return False
    options = read_object(raw, STREAM_OPTIONS, "stream_options")
    try:
        wants = msgspec.json.decode(options.get("include_usage", _NULL), type=bool | None)
    except msgspec.DecodeError:
        raise BadRequest(
            "'stream_options.include_usage' must be true or false.", param="stream_options.include_usage"
        ) from None
    return wants is True


def read_metadata(members: Members) -> str | None:
    """The request's `metadata`, as JSON. Raises BadRequest."""
    raw = members.get("metadata")
    if raw is None or raw == _NULL:
        return None
    if len(raw) > LARGE:
        raise BadRequest(f"'metadata' is too large. Send at most {MAX_METADATA} short strings.", param="metadata")
    try:
        metadata = msgspec.json.decode(raw, type=dict[str, str])
    except msgspec.ValidationError:
        raise BadRequest("'metadata' must be an object of strings.", param="metadata") from None
    if len(metadata) > MAX_METADATA:
        raise BadRequest(f"'metadata' may hold at most {MAX_METADATA} entries.", param="metadata")
    for key, value in metadata.items():
        if CONTROL.search(key) or CONTROL.search(value):
            raise BadRequest("'metadata' holds a control character. Remove it.", param="metadata")
        if len(key) > MAX_METADATA_KEY or len(value) > MAX_METADATA_VALUE:
            raise BadRequest(
                f"'metadata' keys may have {MAX_METADATA_KEY} characters, values {MAX_METADATA_VALUE}.",
                param="metadata",
            )
    return msgspec.json.encode(metadata).decode() if metadata else None


def _messages(members: Members, found: list[Members] | None) -> tuple[tuple[OpenAIImage, ...], str | None]:
    """The images in the messages, and their first field that reaches something stored. `found`: the messages, where
    they were read already, and not checked."""
    raw = members.get("messages")
    if raw is None or raw == _NULL:
        return (), None  # the upstream reports that itself
    messages = read_objects(raw, MESSAGE_FIELDS, "messages", found)
    if (
        STORED_BY_MESSAGES.isdisjoint(chain.from_iterable(messages))
        and len(raw) <= LARGE
        and bytes(raw).find(b"[", 1) < 0
    ):
        return (), None  # text alone, as most are: no content has parts
    images: list[OpenAIImage] = []
    stored = None
    for place, message in enumerate(messages):
        if stored is None and not STORED_BY_MESSAGES.isdisjoint(message):
            stored = stored_in_message(message, f"messages[{place}]")
        content = message.get("content")
        if content is None or not begins(content, b"["):
            continue
        where = f"messages[{place}].content"
        for number, part in enumerate(read_objects(content, PART_FIELDS, where)):
            image = _image(part, f"{where}[{number}].image_url")
            if image is not None:
                images.append(image)
            if stored is None:
                stored = stored_in_part(part, f"{where}[{number}]")
    return tuple(images), stored


def _image(part: Members, where: str) -> OpenAIImage | None:
    raw = part.get("image_url")
    if raw is None or raw == _NULL:
        return None
    bare = not begins(raw, b"{")
    if not bare:
        raw = read_object(raw, IMAGE_URL, where).get("url", _NULL)
    url = read_string(raw)
    if url is None:
        raise BadRequest(f"'{where}' must hold a URL.", param=where)
    return OpenAIImage(url, where, bare)
