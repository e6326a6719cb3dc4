"""Reading and checking requests in Ollama's dialect.

Fields that the gateway does not need reach the upstream as they were sent; which of them it takes is its own affair.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Literal

import msgspec
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.fields import read_scalar
from tollkeeper.wire.ollama.options import CAP, CONTEXT, integer, read_options
from tollkeeper.wire.request import Endpoint, Image, ModelRequest
from tollkeeper.wire.strict_json import (
    Members,
    begins,
    check_text,
    names,
    read_items,
    read_object,
    read_objects,
    read_string,
    read_text,
)

_SHARED = names("keep_alive model options truncate")
_GENERATION = _SHARED | names("format logprobs shift stream think top_logprobs")
MESSAGE = names("content images role thinking tool_call_id tool_calls tool_name")


class OllamaEndpoint(Endpoint, frozen=True, kw_only=True):
    """An endpoint of Ollama's dialect. `known` are the fields of requests that the gateway knows; `prompt` is that
    which a model answers; `output` the field of responses that must be there."""

    known: frozenset[str]
    prompt: str
    output: str


CHAT = OllamaEndpoint(
    "/api/chat",
    summary="Answer a conversation, as Ollama does",
    request_schema="OllamaChatRequest",
    response_schema="OllamaChatAnswer",
    known=_GENERATION | names("messages tools"),
    prompt="messages",
    output="message",
)
GENERATE = OllamaEndpoint(
    "/api/generate",
    summary="Answer a prompt, as Ollama does",
    request_schema="OllamaGenerateRequest",
    response_schema="OllamaGenerateAnswer",
    known=_GENERATION | names("context images prompt raw suffix system template"),
    prompt="prompt",
    output="response",
)
EMBED = OllamaEndpoint(
    "/api/embed",
    streams=False,
    generates=False,
    summary="Make vectors of texts, as Ollama does",
    request_schema="OllamaEmbedRequest",
    response_schema="OllamaEmbedAnswer",
    known=_SHARED | names("dimensions input"),
    prompt="input",
    output="embeddings",
)
EMBEDDINGS = OllamaEndpoint(
    "/api/embeddings",
    streams=False,
    generates=False,
    summary="Make a vector of a text, as Ollama did before it had /api/embed",
    request_schema="OllamaEmbeddingsRequest",
    response_schema="OllamaEmbeddingsAnswer",
    known=_SHARED | names("prompt"),
    prompt="prompt",
    output="embedding",
)


class OllamaImage(Image, frozen=True):
    """An image of a message or a prompt. `bare`: it came as base64 alone, as Ollama takes it, not as a `data:` URL."""

    bare: bool = True

    @property
    def inlined(self) -> int:
        """Bytes of the body that it takes."""
        return len(self.url) - (self.url.index(",") + 1 if self.bare else 0)


class OllamaRequest(ModelRequest, frozen=True, kw_only=True):
    """A request in Ollama's dialect. `members` are the top-level fields of `body`, values left raw, `options` those of
    its options.

    `sent` is the body as received: it differs from `body` only in lone surrogates, which are U+FFFD in `body`, and has
    the same length. `asks_for` is what a request without a prompt is about: to "load" the model, or to "unload"
    it; None: it has a prompt.
    """

    endpoint: OllamaEndpoint
    members: Members
    options: Members
    images: tuple[OllamaImage, ...] = ()
    sent: bytes = b""
    asks_for: Literal["load", "unload"] | None = None


def read_request(body: bytes, endpoint: OllamaEndpoint) -> OllamaRequest:
    """Read and check one request. Raises BadRequest, naming the field."""
    return read_text(body, lambda text: _read_request(text, endpoint, body))


def _read_request(body: bytes, endpoint: OllamaEndpoint, sent: bytes) -> OllamaRequest:
    check_text(body)
    members = read_object(body, endpoint.known)
    model = read_scalar(members, "model", str, "a string that names a model")
    if not model:
        raise BadRequest("'model' is missing. Name a model; GET /api/tags lists them.", param="model")
    stream = read_scalar(members, "stream", bool, "true or false") is not False
    options = read_options(members)
    cap, context = integer(options, CAP), integer(options, CONTEXT)
    if context is not None and context < 1:
        raise BadRequest(f"'options.{CONTEXT}' must be an integer of at least 1.", param=f"options.{CONTEXT}")
    images = _images(members, endpoint)
    return OllamaRequest(
        endpoint=endpoint,
        body=body,
        members=members,
        options=options,
        model=model,
        stream=endpoint.streams and stream,
        output_cap=cap if endpoint.generates and cap is not None and cap >= 1 else None,  # less: no cap
        text_bytes=len(body) - sum([image.inlined for image in images]),
        images=images,
        sent=sent,
        context=context,
        asks_for=_asks_for(members) if endpoint.generates and _is_empty(members, endpoint.prompt) else None,
    )


def conversation(request: OllamaRequest) -> str:
    """A name of the conversation: a digest of what stays as it goes on, which is its instructions and its first
    message. "" where there is none."""
    endpoint, members = request.endpoint, request.members
    if endpoint is CHAT and not _is_empty(members, "messages"):
        return sha256(_first(members["messages"])).hexdigest()
    raw = members.get(endpoint.prompt)
    return "" if raw is None else sha256(bytes(memoryview(raw)[:_BEGINNING])).hexdigest()


_DECODED = 65_536
"""Bytes of messages that are decoded; of longer ones, the beginning stands for the first messages."""
_BEGINNING = 1024


class _Message(msgspec.Struct):
    role: str = ""
    content: Raw = Raw(b"")


_messages = msgspec.json.Decoder(list[_Message]).decode


def _first(raw: Raw) -> bytes:
    """The part of the messages that stays."""
    beginning = bytes(memoryview(raw)[:_BEGINNING])
    if memoryview(raw).nbytes > _DECODED:
        return beginning
    try:
        messages = _messages(raw)
    except msgspec.DecodeError:
        return beginning
    kept = []
    for message in messages:
        kept.append(bytes(message.content))
        if message.role != "system":
            break
    return b"\0".join(kept)


_NULL = Raw(b"null")
_EMPTY = (b"null", b'""', b"[]")
_BASE64 = "data:{};base64,"
_KINDS = (("iVBORw0KGgo", "image/png"), ("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp"))
"""How base64 begins of the files of each kind."""
_ZERO = re.compile(r"[^1-9]*0[^1-9]*")
_SHORT = 64


def _is_empty(members: Members, name: str) -> bool:
    raw = members.get(name, _NULL)
    view = memoryview(raw)
    if view.nbytes <= 4 and bytes(raw) in _EMPTY:
        return True
    return begins(raw, b"[") and view.nbytes <= _SHORT and not bytes(raw)[1:-1].strip()


def _asks_for(members: Members) -> Literal["load", "unload"]:
    """What a request without a prompt is about: it unloads the model where it is to be kept for no time."""
    raw = members.get("keep_alive", _NULL)
    text = bytes(raw).decode() if memoryview(raw).nbytes <= _SHORT else ""
    return "unload" if _ZERO.fullmatch(text) else "load"


def _images(members: Members, endpoint: OllamaEndpoint) -> tuple[OllamaImage, ...]:
    if endpoint is GENERATE:
        return tuple(_images_of(members, ""))
    raw = members.get("messages", _NULL)
    if endpoint is not CHAT or raw == _NULL:
        return ()
    messages = read_objects(raw, MESSAGE, "messages")
    return tuple(
        [image for place, message in enumerate(messages) for image in _images_of(message, f"messages[{place}].")]
    )


def _images_of(members: Members, where: str) -> list[OllamaImage]:
    raw = members.get("images", _NULL)
    if raw == _NULL:
        return []
    where += "images"
    return [_image(item, f"{where}[{place}]") for place, item in enumerate(read_items(raw, where))]


def _image(raw: Raw, where: str) -> OllamaImage:
    text = read_string(raw)
    if text is None:
        raise BadRequest(f"'{where}' must be a string: the image as base64.", param=where)
    if text[:5].lower() == "data:":
        return OllamaImage(text, where, bare=False)
    kind = next((kind for beginning, kind in _KINDS if text.startswith(beginning)), "")
    return OllamaImage(_BASE64.format(kind) + text, where)
