"""Reading and checking requests in the Messages dialect (Anthropic's API reference, "Create a message").

Fields that the gateway does not need reach the upstream as they were sent; which of them it takes is its own affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Raw, Struct

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.ids import response_id
from tollkeeper.wire.end_users import named_in_members
from tollkeeper.wire.fields import is_given, read_scalar
from tollkeeper.wire.request import Endpoint, Image, ModelRequest
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

_DAY = re.compile(r"_\d{8}\Z", re.ASCII)
_NULL = Raw(b"null")


KNOWN = names(
    "cache_control compaction container context_management diagnostics fallbacks inference_geo max_tokens mcp_servers"
    " messages metadata model output_config output_format service_tier speed stop_sequences stream system temperature"
    " thinking thread tool_choice tools top_k top_p user_profile_id workspace_id"
)
MESSAGE = names("content role")
BLOCK = names(
    "cache_control citations content data id input is_error name signature source text thinking title tool_use_id type"
)
SOURCE = names("content data file_id media_type type url")
METADATA = names("user_id")
_MOST_METADATA = 1 << 16
"""Bytes of metadata that are searched for a name."""
THINKING = names("budget_tokens display type")
TOOL = names("description input_schema name type")
_DIAGNOSTICS = names("previous_message_id")
_STORED = ("container", "mcp_servers", "user_profile_id", "workspace_id")
"""Fields that reach what an account has stored, or has servers reached in its name."""

MESSAGES = Endpoint(
    "/v1/messages",
    summary="Answer a conversation, as Anthropic does",
    request_schema="MessagesRequest",
    response_schema="MessagesAnswer",
)
COUNT_TOKENS = Endpoint(
    "/v1/messages/count_tokens",
    streams=False,
    generates=False,
    counts=True,
    summary="Count the input tokens of a conversation",
    request_schema="CountTokensRequest",
    response_schema="TokenCount",
)


class ServerTool(Struct, frozen=True):
    """A tool that is not a function of the client's: `where` it stands, and its type without the day of its
    version."""

    where: str
    name: str

    @property
    def searches(self) -> bool:
        """Whether it brings pages, which Ollama does for it as well."""
        return self.name.startswith("web_")


class AnthropicImage(Image, frozen=True):
    """An image block; its URL is that of the source, or a `data:` URL of its base64."""


class AnthropicRequest(ModelRequest, frozen=True, kw_only=True):
    """A request in the Messages dialect. `members` are the top-level fields of `body`, values left raw. `stored` is the
    first field that reaches what the upstream's account has stored. `server_tools` are those with a type of their
    own."""

    members: Members
    images: tuple[AnthropicImage, ...] = ()
    stored: str | None = None
    server_tools: tuple[ServerTool, ...] = ()

    def response_id(self, request_id: str) -> str:
        """The id of its response."""
        return response_id("msg_", request_id)


def read_request(body: bytes, endpoint: Endpoint) -> AnthropicRequest:
    """Read and check one request. Raises BadRequest, naming the field."""
    return read_text(body, lambda text: _read_request(text, endpoint))


def _read_request(body: bytes, endpoint: Endpoint) -> AnthropicRequest:
    check_text(body)
    members = read_object(body, KNOWN)
    model = read_scalar(members, "model", str, "a string that names a model")
    if not model:
        raise BadRequest("'model' is missing. Name a model; GET /v1/models lists them.", param="model")
    cap = read_scalar(members, "max_tokens", int, "an integer of at least 1")
    if cap is not None and cap < 1:
        raise BadRequest("'max_tokens' must be an integer of at least 1.", param="max_tokens")
    if is_given(members, "thread"):
        raise _no_threads()
    images: list[AnthropicImage] = []
    inlined = 0
    stored = next((name for name in _STORED if is_given(members, name)), None) or _earlier_message(members)
    for block, where in blocks(members):
        source = source_of(block, where)
        if "file_id" in block:
            stored = stored or f"{where}.file_id"
        if source is None:
            continue
        kind = read_string(source.get("type", _NULL))
        stored = stored or _stored_in(source, kind, f"{where}.source")
        if kind == "file":
            continue
        if read_string(block.get("type", _NULL)) == "image":
            images.append(_image(source, kind, f"{where}.source"))
            inlined += len(images[-1].url) if kind == "base64" else 0
    return AnthropicRequest(
        endpoint=endpoint,
        body=body,
        members=members,
        model=model,
        stream=read_scalar(members, "stream", bool, "true or false") is True,
        output_cap=cap,
        text_bytes=len(body) - inlined,
        images=tuple(images),
        stored=stored,
        server_tools=tuple(_server_tools(members)),
    )


def end_user(request: AnthropicRequest) -> str | None:
    """What `metadata.user_id` calls the person; None: nothing. Raises BadRequest."""
    raw = request.members.get("metadata")
    if raw is None or not begins(raw, b"{"):
        return None
    if len(raw) > _MOST_METADATA:
        raise BadRequest("'metadata' is too large. Send no more than a user_id.", param="metadata")
    return named_in_members(read_object(raw, METADATA, "metadata"), ("user_id",), "metadata.")


def blocks(members: Members) -> Iterator[tuple[Members, str]]:
    """The blocks of content of all messages, also those within the results of tools, each with its place."""
    raw = members.get("messages", _NULL)
    if raw == _NULL:
        return
    for place, message in enumerate(read_objects(raw, MESSAGE, "messages")):
        yield from _blocks_of(message.get("content", _NULL), f"messages[{place}].content")


def _blocks_of(content: Raw, where: str, *, within: bool = False) -> Iterator[tuple[Members, str]]:
    if not begins(content, b"["):
        return
    for number, block in enumerate(read_objects(content, BLOCK, where)):
        at = f"{where}[{number}]"
        yield block, at
        if not within and "content" in block:
            yield from _blocks_of(block["content"], f"{at}.content", within=True)


def source_of(block: Members, where: str) -> Members | None:
    """The source of an image or a document; None where a block has none."""
    raw = block.get("source", _NULL)
    return read_object(raw, SOURCE, f"{where}.source") if begins(raw, b"{") else None


def _image(source: Members, kind: str | None, where: str) -> AnthropicImage:
    if kind == "url":
        url = read_string(source.get("url", _NULL))
        if url is None:
            raise BadRequest(f"'{where}.url' must be a URL.", param=f"{where}.url")
        return AnthropicImage(url, where)
    data, media_type = (read_string(source.get(name, _NULL)) for name in ("data", "media_type"))
    if data is None or kind != "base64":
        raise BadRequest(
            f"'{where}' must be an object of type 'base64' with 'data', or of type 'url' with 'url'.", param=where
        )
    return AnthropicImage(f"data:{media_type or ''};base64,{data}", where)


def _stored_in(source: Members, kind: str | None, where: str) -> str | None:
    """The field of a source, or of a block that a document consists of, that names a stored file."""
    if kind == "file":
        return f"{where}.file_id"
    content = source.get("content", _NULL) if kind == "content" else _NULL
    if not begins(content, b"["):
        return None
    for number, block in enumerate(read_objects(content, BLOCK, f"{where}.content")):
        inner = source_of(block, f"{where}.content[{number}]")
        if inner is not None and read_string(inner.get("type", _NULL)) == "file":
            return f"{where}.content[{number}].source.file_id"
    return None


def _server_tools(members: Members) -> Iterator[ServerTool]:
    raw = members.get("tools", _NULL)
    if raw == _NULL:
        return
    for place, tool in enumerate(read_objects(raw, TOOL, "tools")):
        kind = read_string(tool.get("type", _NULL))
        if kind not in (None, "custom"):
            yield ServerTool(f"tools[{place}]", _DAY.sub("", kind))


def _no_threads() -> BadRequest:
    """The error for a conversation that the server is to hold. By its code the SDKs know to send all messages."""
    return BadRequest(
        "'thread' is not supported: no conversation is held here. Leave it out, and send all messages.",
        param="thread",
        code="thread_unsupported_request",
    )


def _earlier_message(members: Members) -> str | None:
    """The field that names an earlier message of the account."""
    raw = members.get("diagnostics", _NULL)
    found = begins(raw, b"{") and is_given(read_object(raw, _DIAGNOSTICS, "diagnostics"), "previous_message_id")
    return "diagnostics.previous_message_id" if found else None
