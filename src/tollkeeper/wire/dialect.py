"""A dialect: the formats of requests and responses of one API for models.

Everything that differs between APIs is in records of functions, so that nothing above `wire/` names an API. A `Dialect`
is what clients speak; the router puts it on the exchange. Its `Adapter`s are how upstreams serve it:

    body ──Dialect.read_request──▶ request ──Adapter.check_supported, rewrite──▶ the upstream's body
    whole response ──Adapter.read_response──▶ WholeResponse         (or read_large_response, in steps)
    stream ──Adapter.split_events──▶ events ──Adapter.open_stream──▶ StreamReader.read, event by event
    error ──Dialect.error_body──▶ a response, or ──error_event──▶ the last event of a stream that has begun

Each dialect is a folder beside this file, and an entry of the list in `dialects.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct

from tollkeeper.rules.errors import GatewayError, Quota
from tollkeeper.rules.kinds import Kind
from tollkeeper.rules.pricing import Price
from tollkeeper.wire.http.chunks import ChunkPath
from tollkeeper.wire.json_scan import Buffer, Steps
from tollkeeper.wire.request import JSON, Endpoint, ModelRequest
from tollkeeper.wire.response_names import Rename
from tollkeeper.wire.usage import UsageReport

Headers = list[tuple[bytes, bytes]]
Schema = dict[str, Any]
"""A JSON Schema."""


class WholeResponse(Struct, frozen=True):
    """A response that was not streamed: the body for the client, and what the gateway read from it.

    `content_events` is an estimate of its output where it reports no usage: a quarter token per byte. `convert`, where
    given, makes the requested format of the body: its work grows with the body, so it runs in a thread. `media_type` is
    that of the body, converted or not.
    """

    body: Buffer
    report: UsageReport
    finish_reason: str | None
    content_events: int = 0
    convert: Callable[[bytes], bytes] | None = None
    media_type: bytes = JSON


class EventSplitter(Protocol):
    """Cuts a stream into whole events, without changing their bytes."""

    more: bool
    """Whether whole events may be left: calling `feed` again, also without data, returns them."""

    @property
    def held(self) -> int:
        """Bytes that it buffers."""

    @property
    def unfinished(self) -> bool:
        """Whether it buffers the beginning of an event."""

    def feed(self, data: bytes, at_most: int) -> Sequence[bytes]:
        """The events that `data` completes, in order, and not many more than `at_most`. Raises UpstreamFailure for an
        event that is too large, after those before it were returned."""


class StreamReader(Protocol):
    """Reads one streamed response event by event: what to pass on, and what the gateway needs from it."""

    end: bytes
    """The bytes that end the stream for the client, sent once its record is durable; b"" before they came."""

    def read(self, event: bytes) -> bytes:
        """The bytes to pass on for `event` (b"": none). Raises UpstreamFailure for an error or a broken event."""

    def read_large(self, event: bytes) -> Steps[bytes]:
        """As `read`, in steps, for an event that is too long to be read at once."""

    def chunk_path(self, rename: Rename | None, /) -> ChunkPath | None:
        """The function for chunks (wire/http/chunks.py) that come next, each of which may be one event that need not be
        read; None: there is none now. It notes what `read` would, and passes on what `rename` would make of that."""

    @property
    def error_event(self) -> Callable[[GatewayError], bytes] | None:
        """The last events of a stream that fails here; None: those of its dialect, whatever came before."""

    @property
    def begun(self) -> bool:
        """Whether an event of the response was to be passed on; comments are none."""

    @property
    def done(self) -> bool:
        """Whether the event that ends a stream has come; later ones are ignored."""

    @property
    def complete(self) -> bool:
        """Whether the response is complete; a stream that ends before that was cut off."""

    @property
    def finished(self) -> bool:
        """Whether all output has come, even if the end of the stream has not."""

    @property
    def content_events(self) -> int:
        """Events with output so far: about one per token."""

    @property
    def finish_reason(self) -> str | None: ...
    @property
    def report(self) -> UsageReport: ...


class InMemory(Struct, frozen=True):
    """A model in the memory of an upstream: its bytes there, those of them on graphics cards, until when it stays
    (milliseconds since the epoch), and the length of its context in tokens; None: the upstream does not say."""

    size: int = 0
    size_vram: int = 0
    expires_at: int | None = None
    context: int | None = None


class ListedModel(Struct, frozen=True):
    """A model that the caller may use. `modified_at` is milliseconds since the epoch; `sees_images` is None where that
    is unknown; `price` is the API's body of its price, if it has one. `size` in bytes and `digest` are those of its
    file, 0 and "" where it has none, `parameters` ("1.2B") and `quantization` ("Q8_0") what is told of it; `family` is
    that of its architecture ("llama"), or the kind of its upstream. `memory` None: it is in no upstream's memory."""

    name: str
    modified_at: int | None
    sees_images: bool | None
    price: dict[str, Any] | None
    size: int = 0
    digest: str = ""
    family: str = ""
    parameters: str = ""
    quantization: str = ""
    memory: InMemory | None = None


class Listing(Struct, frozen=True):
    """How a dialect lists models: `GET path` all, and, where it has a `body_of_one`, `GET path/name` one. `in_memory`:
    only those in the memory of an upstream. The names of their schemas are for the API's document."""

    path: str
    body: Callable[[Sequence[ListedModel]], bytes]
    body_of_one: Callable[[ListedModel], bytes] | None = None
    in_memory: bool = False
    schema: str = ""
    schema_of_one: str = ""


class Description(Struct, frozen=True):
    """How a dialect describes one model: `POST path`. `read` is the name in a request; `rewrite` makes that for an
    upstream that describes models by the same path, from the client's and its own name of the model; `body` describes
    any other."""

    path: str
    read: Callable[[bytes], str]
    rewrite: Callable[[bytes, str], bytes]
    body: Callable[[ListedModel], bytes]
    request_schema: str = ""
    schema: str = ""


class ServerVersion(Struct, frozen=True):
    """How a dialect tells the version of its server: `GET path`, from the versions of the upstreams that are such
    servers."""

    path: str
    body: Callable[[Sequence[tuple[int, ...]]], bytes]
    schema: str = ""


class Greeting(Struct, frozen=True):
    """What the root of a dialect's server says to a client that looks whether it is there."""

    text: bytes


Lookup = Listing | Description | ServerVersion | Greeting
"""What a dialect tells without asking a model; `gateway/lookups.py` has the handlers."""


E = TypeVar("E", bound=Endpoint)
R = TypeVar("R", bound=ModelRequest)
R_contra = TypeVar("R_contra", bound=ModelRequest, contravariant=True)


class Rewrite(Protocol[R_contra]):
    def __call__(
        self,
        request: R_contra,
        /,
        *,
        model: str,
        opaque_user: Callable[[], str],
        image_urls: Sequence[str],
        output_cap: int | None,
        kind: Kind,
        price: Price | None,
    ) -> bytes: ...


def _none(*_: object) -> Sequence[tuple[str, str]]:
    """No fields."""
    return ()


def _nobody(_: object) -> None:
    """Nobody."""


def _no_headers(*_: object) -> Headers:
    """No headers."""
    return []


class Adapter(Struct, Generic[R], frozen=True):
    """How upstreams that serve `path` serve the requests of an endpoint: as they are, or translated. `kind` is that of
    the upstream; `request_id` is the gateway's own."""

    path: str

    check_supported: Callable[[R, Kind], None]
    """Raises BadRequest for what this kind of upstream would refuse with an unclear message, or silently ignore, and
    for what a translation cannot carry over."""
    external_input_field: Callable[[R, Kind], str | None]
    """The first field that may bring input from outside the body at this kind of upstream, which no budget can
    bound."""
    extra_output_field: Callable[[R, Kind], str | None]
    """The first field that may raise the output beyond the cap at this kind of upstream."""
    rewrite: Rewrite[R]
    """The body to send upstream: `model` is the name as the upstream spells it, `image_urls` replace those of the
    request's images, in order, `output_cap`, if not None, replaces its own, the result of `opaque_user` replaces the
    client's names of its users, and `price`, if not None, is the most that the upstream may charge."""

    read_response: Callable[[R, bytes, str], WholeResponse]
    """Read one whole 200 response (request, body, request_id). Raises UpstreamUnavailable for anything else."""
    read_large_response: Callable[[R, bytearray, str], Steps[WholeResponse]]
    """The same in steps, for a body of any length, which may be changed in place."""
    stream_type: bytes | tuple[bytes, ...]
    """The media type of the upstream's streams, or the beginnings of those that they may have."""
    split_events: Callable[[int], EventSplitter]
    """A splitter for a stream; the argument is the most bytes of one event."""
    open_stream: Callable[[R, str], StreamReader]
    """A reader for the streamed response to a request (request, request_id)."""
    error_message: Callable[[bytes], str]
    """The message in an upstream's error body; a plain phrase where there is none."""
    rename: Callable[[str, str, Buffer], Buffer]
    """A response, or events of one, with the model's second name in place of its first (first, second, text); a
    bytearray may be changed in place."""

    sent_bytes: Callable[[R, Kind], int] | None = None
    """The bytes of the body that it makes of a request for this kind of upstream, without its inlined images; None:
    never more than those of the request."""
    needs_cap: bool = False
    """Whether a request must have a cap on its output: one without is sent with the default."""
    priced_fields: Callable[[R, Kind], Sequence[tuple[str, str]]] = _none
    """The fields that change the price at this kind of upstream, each with the `tier` of a price that names it."""
    headers: Callable[[R, Mapping[bytes, bytes]], Headers] = _no_headers
    """Headers for the upstream beside the type of the body, from the request and the client's own headers."""
    passes_type: bool = False
    """Whether streams for clients have the upstream's media type, not that of the dialect."""


AnyAdapter = Adapter[Any]
"""An adapter for code that only passes requests to its functions."""


class Dialect(Struct, Generic[E, R], frozen=True):
    """The functions of one API dialect."""

    name: str
    endpoints: tuple[E, ...]
    adapters: Mapping[str, tuple[Adapter[R], ...]]
    """Adapters for the requests of each endpoint, by its path: the best first."""

    read_request: Callable[[bytes, E], R]
    """Read and check a body. Raises BadRequest, naming the field."""
    conversation: Callable[[R], str]
    """A name of the conversation that a request belongs to, the same for all of its turns; "": it belongs to none."""
    stream_type: bytes
    """The media type of streams for clients."""

    error_body: Callable[[GatewayError, str], bytes]
    """The body of an error response to a request (error, request_id)."""
    error_event: Callable[[GatewayError, str], bytes] | None
    """The event for an error in a stream that has begun, its last one (error, request_id); None: a broken connection
    has to tell it."""
    quota_headers: Callable[[Quota, int], Headers]
    """Headers for the remaining quota of one limit, at a time in milliseconds since the epoch."""
    response_headers: Callable[[int, Sequence[Quota], int], Headers]
    """Headers of a relayed response, from the milliseconds until its head came, the remaining quotas and the time."""
    request_id_headers: tuple[bytes, ...] = (b"x-request-id",)
    """The headers of every response that hold the id of its request."""
    prefixes: tuple[str, ...] = ()
    """Beginnings of paths that are of this dialect's API, also where no endpoint has them: errors there have its shape.
    Those that no dialect names have that of the first."""

    end_user: Callable[[R], str | None] = _nobody
    """What the fields of a request call the person it is for; None: nothing. Raises BadRequest, naming the field."""
    count_body: Callable[[int], bytes] | None = None
    """The body of a response to a request that counts tokens; None: no endpoint does."""
    comment: Callable[[str], bytes] | None = None
    """A comment inside a stream, which clients ignore; None: its streams have none."""
    lookups: tuple[Lookup, ...] = ()
    empty_response: Callable[[R, str, int], bytes | None] | None = None
    """The response to a request that asks a model for nothing (request, canonical name of its model, milliseconds since
    the epoch), which no upstream is asked; None: it asks for something. None for dialects without such requests."""
    stream_description: str = ""
    error_schema: str = "ErrorBody"
    schemas: Mapping[str, Schema] = MappingProxyType({})
    """Schemas for the API's document, by name; `stream_description` describes streams there, and
    `error_schema` is the name of that of its errors."""


AnyDialect = Dialect[Any, Any]
"""A dialect for code that only passes requests from one of its functions to the next."""
