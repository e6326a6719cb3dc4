"""The OpenAI dialect: what a request asks, what must change in it, and its errors.

Shapes: OpenAI's API reference (chat completions, legacy completions, embeddings); Ollama's `docs/openai.md` says which
of them it honours. Answers are read in `openai_answer.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from tollkeeper.rules.errors import BadRequest, GatewayError
from tollkeeper.wire.jsontext import (
    Edit,
    Members,
    Span,
    check_text,
    item_spans,
    member_spans,
    read_object,
    read_objects,
)

MAX_METADATA = 16
MAX_METADATA_KEY = 64
MAX_METADATA_VALUE = 512


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The fields that are known at each level the gateway reads: its own, OpenAI's and Ollama's.
_SAMPLING = _names(
    "frequency_penalty keep_alive logit_bias logprobs max_completion_tokens max_tokens metadata model n options"
    " presence_penalty response_format safety_identifier seed stop store stream stream_options temperature top_logprobs"
    " top_p user"
)
_CHAT = _SAMPLING | _names(
    "audio function_call functions messages modalities parallel_tool_calls prediction reasoning reasoning_effort"
    " service_tier think tool_choice tools verbosity web_search_options"
)
_COMPLETION = _SAMPLING | _names("best_of echo prompt suffix")
_EMBEDDING = _names("dimensions encoding_format input keep_alive model options truncate user")
_STREAM_OPTIONS = _names("include_obfuscation include_usage")
_OPTIONS = _names(
    "frequency_penalty main_gpu min_p num_batch num_ctx num_gpu num_keep num_predict num_thread presence_penalty"
    " repeat_last_n repeat_penalty seed stop temperature top_k top_p typical_p use_mmap"
)
MESSAGE_FIELDS = _names(
    "audio content function_call images name reasoning reasoning_content refusal role thinking tool_call_id tool_calls"
)
PART_FIELDS = _names("file image_url input_audio refusal text type")
_IMAGE_URL = _names("detail url")


class Endpoint(Struct, frozen=True):
    """One relayed path: a row of the dialect's table. `id_prefix` begins the ids of its answers (None: none)."""

    path: str
    known: frozenset[str]
    id_prefix: str | None
    streams: bool
    has_messages: bool


CHAT = Endpoint("/v1/chat/completions", _CHAT, "chatcmpl-", streams=True, has_messages=True)
COMPLETIONS = Endpoint("/v1/completions", _COMPLETION, "cmpl-", streams=True, has_messages=False)
EMBEDDINGS = Endpoint("/v1/embeddings", _EMBEDDING, None, streams=False, has_messages=False)


class Image(Struct, frozen=True):
    """An image in a request: its URL (of either scheme), and the field it stands in, as `messages[0].content[1]`.
    `bare`: the URL stands there as a plain string, not in an object."""

    url: str
    where: str
    bare: bool


class Ask(Struct, frozen=True):
    """What the gateway reads from a request; `members` are the top-level fields of `body`, values left raw.

    `choices` is how many answers it asks for, over all of its prompts. `text_bytes` is the body's length less its
    inlined images. `metadata` is a JSON object as text.
    """

    body: bytes
    members: Members
    model: str
    endpoint: Endpoint
    stream: bool
    wants_usage: bool
    max_tokens: int | None
    choices: int
    metadata: str | None
    images: tuple[Image, ...]
    text_bytes: int

    @property
    def generates(self) -> bool:
        """False for embeddings, which have no output."""
        return self.endpoint.id_prefix is not None


def read_ask(body: bytes, endpoint: Endpoint) -> Ask:
    """Read and check one request. Raises BadRequest, naming the field."""
    if not body:
        raise BadRequest("The body is empty. Send a JSON object.")
    check_text(body)
    members = read_object(body, endpoint.known)
    try:
        fields = _read_fields(body)
    except msgspec.ValidationError:
        fields = _read_each(members)
    if not fields.model:
        raise BadRequest("'model' is missing. Name a model; GET /v1/models lists them.", param="model")
    if "options" in members and members["options"] != _NULL:
        read_object(members["options"], _OPTIONS, "options")
    images = _images(members) if endpoint.has_messages else ()
    return Ask(
        body=body,
        members=members,
        model=fields.model,
        endpoint=endpoint,
        stream=endpoint.streams and fields.stream is True,
        wants_usage=_wants_usage(members),
        max_tokens=_least(fields.max_tokens, fields.max_completion_tokens),
        choices=_choices(members, fields, endpoint),
        metadata=_metadata(members),
        images=images,
        text_bytes=len(body) - sum([len(image.url) for image in images if image.url[:5].lower() == "data:"]),
    )


_NULL = Raw(b"null")
_AtLeastOne = Annotated[int, Meta(ge=1)]


class _Fields(Struct, gc=False):
    """Those of one value that the gateway reads."""

    model: str | None = None
    stream: bool | None = None
    max_tokens: _AtLeastOne | None = None
    max_completion_tokens: _AtLeastOne | None = None
    n: _AtLeastOne | None = None
    best_of: _AtLeastOne | None = None


_read_fields = msgspec.json.Decoder(_Fields).decode


def _least(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


def _read_each(members: Members) -> _Fields:
    """One by one, to say which is wrong."""
    return _Fields(
        _read(members, "model", str, "a string that names a model"),
        _read(members, "stream", bool, "true or false"),
        *(_positive(members, name) for name in ("max_tokens", "max_completion_tokens", "n", "best_of")),
    )


def _begins(raw: Raw, with_byte: bytes) -> bool:
    return memoryview(raw)[0] == with_byte[0]


def _read(members: Members, name: str, kind: type[Any], must_be: str) -> Any:
    raw = members.get(name)
    if raw is None:
        return None
    try:
        value = msgspec.json.decode(raw)
    except msgspec.DecodeError:  # a number beyond all ranges
        value = ...
    if value is not None and type(value) is not kind:
        raise BadRequest(f"'{name}' must be {must_be}.", param=name)
    return value


def _positive(members: Members, name: str) -> int | None:
    value: int | None = _read(members, name, int, "an integer of at least 1")
    if value is not None and value < 1:
        raise BadRequest(f"'{name}' must be an integer of at least 1.", param=name)
    return value


def _choices(members: Members, fields: _Fields, endpoint: Endpoint) -> int:
    each = fields.n or 1
    if fields.best_of is not None and "best_of" in endpoint.known:
        each = max(each, fields.best_of)
    prompts = members.get("prompt")
    if prompts is None or not _begins(prompts, b"["):
        return each
    kinds = msgspec.json.decode(prompts, type=list[Raw])
    if kinds and memoryview(kinds[0])[0] in b"0123456789":
        return each  # one prompt, as tokens
    return each * max(1, len(kinds))


def _wants_usage(members: Members) -> bool:
    raw = members.get("stream_options")
    if raw is None or raw == _NULL:
        return False
    options = read_object(raw, _STREAM_OPTIONS, "stream_options")
    try:
        wants = msgspec.json.decode(options.get("include_usage", _NULL), type=bool | None)
    except msgspec.DecodeError:
        raise BadRequest(
            "'stream_options.include_usage' must be true or false.", param="stream_options.include_usage"
        ) from None
    return wants is True


def _metadata(members: Members) -> str | None:
    raw = members.get("metadata")
    if raw is None or raw == _NULL:
        return None
    try:
        metadata = msgspec.json.decode(raw, type=dict[str, str])
    except msgspec.ValidationError:
        raise BadRequest("'metadata' must be an object of strings.", param="metadata") from None
    if len(metadata) > MAX_METADATA:
        raise BadRequest(f"'metadata' may hold at most {MAX_METADATA} entries.", param="metadata")
    for key, value in metadata.items():
        if len(key) > MAX_METADATA_KEY or len(value) > MAX_METADATA_VALUE:
            raise BadRequest(
                f"'metadata' keys may have {MAX_METADATA_KEY} characters, values {MAX_METADATA_VALUE}.",
                param="metadata",
            )
    return msgspec.json.encode(metadata).decode() if metadata else None


def _images(members: Members) -> tuple[Image, ...]:
    """The images in the messages."""
    raw = members.get("messages")
    if raw is None or raw == _NULL:
        return ()  # the upstream has its own words for that
    images = []
    for place, message in enumerate(read_objects(raw, MESSAGE_FIELDS, "messages")):
        content = message.get("content")
        if content is None or not _begins(content, b"["):
            continue
        where = f"messages[{place}].content"
        for number, part in enumerate(read_objects(content, PART_FIELDS, where)):
            image = _image(part, f"{where}[{number}].image_url")
            if image is not None:
                images.append(image)
    return tuple(images)


def _image(part: Members, where: str) -> Image | None:
    raw = part.get("image_url")
    if raw is None or raw == _NULL:
        return None
    bare = not _begins(raw, b"{")
    if not bare:
        raw = read_object(raw, _IMAGE_URL, where).get("url", _NULL)
    url = msgspec.json.decode(raw) if _begins(raw, b'"') else None
    if url is None:
        raise BadRequest(f"'{where}' must hold a URL.", param=where)
    return Image(url, where, bare)


def rewrite(
    ask: Ask,
    *,
    model: str,
    opaque_user: Callable[[], str],
    image_urls: Sequence[str],
    max_tokens: int | None,
    kind: str,
) -> bytes:
    """The body to send upstream: the client's own bytes but for what must change.

    `model` is the canonical name; what `opaque_user` gives stands in for `user` and `safety_identifier`; `image_urls`
    are the URLs to send instead of `ask.images`, in their order; `max_tokens`, where it is not None, is the cap to send
    instead of the request's own. A stream is made to tell its usage. `kind` is that of the upstream: Ollama ignores
    `max_completion_tokens`, so it gets `max_tokens`; the others may not know an image URL outside of an object; models
    of OpenAI that reason refuse `max_tokens`, so a cap that the client did not send goes there by its newer name.
    """
    for_ollama = kind == "ollama"
    members = ask.members
    must_tell = ask.stream and not ask.wants_usage
    changed = [
        new is not old.url or (old.bare and not for_ollama) for new, old in zip(image_urls, ask.images, strict=True)
    ]
    renames = for_ollama and "max_completion_tokens" in members
    hides = [name for name in ("user", "safety_identifier") if name in members and members[name] != _NULL]
    caps = sum(name in members for name in ("max_tokens", "max_completion_tokens"))
    recaps = caps == 2 or (caps == 1 and max_tokens is not None)
    tells = must_tell and "stream_options" in members
    # What stands in the body is looked for only where it changes: a field more needs no look at the others.
    replaces = any(changed) or renames or hides or tells or recaps or model != ask.model
    if not (must_tell or replaces or max_tokens is not None):
        return ask.body
    if not replaces and not caps:
        return _with_more(ask, tells_usage=must_tell, max_tokens=max_tokens, kind=kind)
    edit = Edit(ask.body)
    if must_tell and not tells:
        edit.insert("stream_options", b'{"include_usage":true}')
    spans = member_spans(ask.body, members) if replaces else {}

    def put(span: Span, value: object) -> None:
        edit.replace(span.start, span.end, msgspec.json.encode(value))

    if tells:
        _tell_usage(edit, ask.body, spans["stream_options"], members["stream_options"])
    if model != ask.model:
        put(spans["model"], model)
    for name in hides:
        put(spans[name], opaque_user())
    cap = ask.max_tokens if max_tokens is None else max_tokens
    if cap is not None and (max_tokens is not None or caps == 2):
        for field in _cap_fields(members, kind, chat=ask.endpoint.has_messages):
            if field in spans:
                put(spans[field], cap)
            else:
                edit.insert(field, b"%d" % cap)
    if renames and "max_tokens" not in members:
        edit.replace(spans["max_completion_tokens"].key_start, spans["max_completion_tokens"].key_end, b'"max_tokens"')
    if any(changed):
        places = _image_spans(ask.body, spans["messages"].start, members)
        for (start, end), image, url in zip(places, ask.images, image_urls, strict=True):
            wrapped = {"url": url} if image.bare and not for_ollama else url
            edit.replace(start, end, msgspec.json.encode(wrapped))
    return edit.result()


def _with_more(ask: Ask, *, tells_usage: bool, max_tokens: int | None, kind: str) -> bytes:
    """The body with fields that it lacks in front, which is all that most requests need."""
    added = b'"stream_options":{"include_usage":true},' if tells_usage else b""
    if max_tokens is not None:
        (field,) = _cap_fields(ask.members, kind, chat=ask.endpoint.has_messages)
        added += b'"%b":%d,' % (field.encode(), max_tokens)
    brace = ask.body.index(b"{") + 1
    return b"%b%b%b" % (ask.body[:brace], added, ask.body[brace:])


def _cap_fields(members: Members, kind: str, *, chat: bool) -> list[str]:
    """Where the cap belongs: in the fields that the client gave; else in the one that the upstream reads."""
    plain, newer = "max_tokens", "max_completion_tokens"
    given = [name for name in (plain, newer) if members.get(name, _NULL) != _NULL]
    if kind == "ollama" and plain in members and plain not in given:
        return [plain, *given]
    if given:
        return given
    return [newer] if (kind == "openai" and chat) or (newer in members and plain not in members) else [plain]


def _tell_usage(edit: Edit, body: bytes, span: Span, raw: Raw) -> None:
    options = {} if raw == _NULL else msgspec.json.decode(raw, type=Members)
    if "include_usage" in options:
        inner = member_spans(body, options, span.start)["include_usage"]
        edit.replace(inner.start, inner.end, b"true")
    elif options:
        edit.replace(span.start + 1, span.start + 1, b'"include_usage":true,')
    else:
        edit.replace(span.start, span.end, b'{"include_usage":true}')


def _image_spans(body: bytes, at: int, members: Members) -> list[tuple[int, int]]:
    """Where the URL strings of `ask.images` stand, in their order."""
    found = []
    messages = msgspec.json.decode(members["messages"], type=list[Raw])
    for (start, _), message in zip(item_spans(body, messages, at), messages, strict=True):
        fields = msgspec.json.decode(message, type=Members)
        content = fields.get("content", _NULL)
        if not _begins(content, b"["):
            continue
        parts = msgspec.json.decode(content, type=list[Raw])
        place = member_spans(body, fields, start)["content"].start
        for (part_start, _), part in zip(item_spans(body, parts, place), parts, strict=True):
            part_fields = msgspec.json.decode(part, type=Members)
            image = part_fields.get("image_url", _NULL)
            if image == _NULL:
                continue
            span = member_spans(body, part_fields, part_start)["image_url"]
            if _begins(image, b"{"):
                span = member_spans(body, msgspec.json.decode(image, type=Members), span.start)["url"]
            found.append((span.start, span.end))
    return found


def duration(ms: int) -> str:
    """A span of milliseconds as OpenAI's headers write it: `1m30.5s`."""
    if ms < 60_000:
        return f"{ms / 1000:g}s"  # five digits at most: exact, and no zeros at its end
    minutes, rest = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest / 1000:.3f}".rstrip("0").rstrip(".")
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{seconds}s"


def shape_error(error: GatewayError) -> bytes:
    """The body of an error answer."""
    return msgspec.json.encode(
        {"error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}}
    )
