"""A model request, independent of dialects: the fields that limits, prices, images, routing and the ledger need.

Each dialect reads requests into a subclass of `ModelRequest`, with further fields for its own functions.
"""

from __future__ import annotations

from msgspec import Struct

from tollkeeper.wire.usage import NO_REPORT, UsageReport

JSON = b"application/json"


class Endpoint(Struct, frozen=True):
    """One relayed path of a dialect. `streams`: its responses may be streamed; `generates`: they hold output, which
    embeddings do not; `counts`: they tell how much input a request has, and no model is run. `declared`: only upstreams
    that declare it serve it, so that it may not exist here at all. The rest is for the API's document: what it does,
    the names of its schemas, and media types."""

    path: str
    streams: bool = True
    generates: bool = True
    counts: bool = False
    declared: bool = False
    summary: str = ""
    request_schema: str = ""
    request_type: str = "application/json"
    response_schema: str = ""
    response_type: str = "application/json"


def spellings(path: str) -> tuple[str, str]:
    """A path with and without `/v1`, since some clients have that in their base URL and others do not."""
    return path, path.removeprefix("/v1")


class Image(Struct, frozen=True):
    """An image in a request: its URL (`data:` or `http:`), and its field (`where`), as `messages[0].content[1]`."""

    url: str
    where: str


class Units(Struct, frozen=True):
    """What a request is counted by beside tokens of text.

    `images` and `characters` are those that it asks to make and to speak. `open_ended` names, for people, what of it no
    one knows before it ends: the tokens of its input (`open_input`), of its output (`open_output`), or the length of
    its audio (`open_audio`). `unreported`: no usage will be reported, so only its characters count.
    """

    images: int = 0
    characters: int = 0
    open_ended: str | None = None
    open_input: bool = False
    open_output: bool = False
    open_audio: bool = False
    unreported: bool = False


NO_UNITS = Units()


class ModelRequest(Struct, frozen=True, kw_only=True):
    """One request for a model.

    `body` is the body as read. `output_cap` is the most tokens of output that it requests, None where it sets no cap;
    `choices` is the number of choices that it requests in all. `text_bytes` is the length of the body without its
    inlined images. `metadata` is a JSON object as text, kept with the record. `content_type` is the media type of the
    body. `known_usage` is what it used, as far as the request tells, where an upstream got it and reported nothing.
    `context` is the length of the context that it asks for, in tokens; None: it leaves that to the upstream.
    """

    endpoint: Endpoint
    body: bytes
    model: str
    stream: bool
    output_cap: int | None
    text_bytes: int
    choices: int = 1
    images: tuple[Image, ...] = ()
    metadata: str | None = None
    context: int | None = None
    content_type: bytes = JSON
    units: Units = NO_UNITS
    known_usage: UsageReport = NO_REPORT

    @property
    def generates(self) -> bool:
        """Whether its response holds output; false for embeddings."""
        return self.endpoint.generates
