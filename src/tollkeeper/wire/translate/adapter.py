"""Adapters that translate: a dialect of clients, served by upstreams that speak another format.

    client's request ──read_request──▶ Conversation ──write_request──▶ body ──▶ upstream
    client's response ◀──OutputWriter── Output, or OutputEvents ◀──OutputReader── the upstream's response

An adapter that speaks the upstream's format as it is (its `base`) meters the response, finds its errors and its end.
Its work is then read once more for the output itself: what counts and what ends stays in one place per format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from tollkeeper.rules.errors import GatewayError
from tollkeeper.rules.kinds import Kind
from tollkeeper.rules.pricing import Price
from tollkeeper.wire.dialect import Adapter, EventSplitter, StreamReader, WholeResponse
from tollkeeper.wire.json_scan import Buffer, Steps
from tollkeeper.wire.json_slices import LARGE
from tollkeeper.wire.request import ModelRequest
from tollkeeper.wire.translate.conversation import Conversation
from tollkeeper.wire.translate.output import CallDelta, Output, OutputEvent, TextDelta, ThinkingDelta
from tollkeeper.wire.usage import UsageReport

_IMAGE = "data:image/png;base64,AAAA"
"""Stands for an image where only the text of a body counts."""
_LARGEST = 1 << 30
_PIECE = 1 << 16
"""Characters of one event for the client; more of them are several."""

R = TypeVar("R", bound=ModelRequest)
R_contra = TypeVar("R_contra", bound=ModelRequest, contravariant=True)


class WriteRequest(Protocol):
    def __call__(
        self, conversation: Conversation, /, *, model: str, opaque_user: Callable[[], str], kind: Kind,
        price: Price | None,
    ) -> bytes: ...  # fmt: skip


class OutputReader(Protocol):
    """Reads the output in one streamed response, event by event. `StreamReader` has found its errors before."""

    def read(self, event: bytes) -> Sequence[OutputEvent]:
        """The output in one event of the upstream's stream. Raises UpstreamFailure for a broken one."""


class OutputWriter(Protocol):
    """Writes one streamed response in a client's dialect."""

    def write(self, event: OutputEvent, report: UsageReport) -> bytes:
        """The client's events for one event of output (b"": none). `report` is the usage known so far."""

    def end(self, report: UsageReport) -> bytes:
        """The events that end the stream, sent once its record is durable."""

    def error(self, error: GatewayError) -> bytes:
        """The last events of a stream that fails here."""


class UpstreamFormat(Struct, frozen=True):
    """A format that upstreams speak at `path`.

    `check_supported` raises BadRequest for parts of a conversation that it cannot carry. `open_stream` makes the reader
    that meters a stream (the argument: choices are always 1), `read_response` and `read_large_response` meter whole
    ones; `read_output` reads the output of a whole one, which they have passed.
    """

    path: str
    stream_type: bytes
    check_supported: Callable[[Conversation, Kind], None]
    write_request: WriteRequest
    split_events: Callable[[int], EventSplitter]
    open_stream: Callable[[], StreamReader]
    open_output: Callable[[], OutputReader]
    read_response: Callable[[bytes], WholeResponse]
    read_large_response: Callable[[bytearray], Steps[WholeResponse]]
    read_output: Callable[[bytes], Output]
    error_message: Callable[[bytes], str]
    needs_cap: bool = False


class ClientFormat(Struct, Generic[R], frozen=True):
    """A format in which clients ask.

    `check_supported` (request, path of the upstream, its kind) looks at the top-level fields, and raises BadRequest for
    those that change what the answer means and cannot be carried over. `read_request` (request, image URLs in order,
    output cap) makes a conversation of what it has let pass, and raises BadRequest for parts of messages that no
    conversation has. `write_response` (request, request id, output, report) writes a whole response.
    """

    check_supported: Callable[[R, str, Kind], None]
    external_input_field: Callable[[R, Kind], str | None]
    extra_output_field: Callable[[R, Kind], str | None]
    priced_fields: Callable[[R, Kind], Sequence[tuple[str, str]]]
    read_request: Callable[[R, Sequence[str], int | None], Conversation]
    write_response: Callable[[R, str, Output, UsageReport], bytes]
    open_writer: Callable[[R, str], OutputWriter]
    rename: Callable[[str, str, Buffer], Buffer]


def translated(client: ClientFormat[R], upstream: UpstreamFormat) -> Adapter[R]:
    """The adapter by which upstreams of one format serve requests of another."""

    def check_supported(request: R, kind: Kind) -> None:
        client.check_supported(request, upstream.path, kind)
        if len(request.body) <= LARGE:  # a longer one is read in a thread, when it is rewritten
            urls = [image.url for image in request.images]
            upstream.check_supported(client.read_request(request, urls, request.output_cap), kind)

    def rewrite(
        request: R,
        *,
        model: str,
        opaque_user: Callable[[], str],
        image_urls: Sequence[str],
        output_cap: int | None,
        kind: Kind,
        price: Price | None,
    ) -> bytes:
        cap = request.output_cap if output_cap is None else output_cap
        conversation = client.read_request(request, image_urls, cap)
        upstream.check_supported(conversation, kind)
        return upstream.write_request(conversation, model=model, opaque_user=opaque_user, kind=kind, price=price)

    def sent_bytes(request: R, kind: Kind) -> int:
        urls = [_IMAGE] * len(request.images)
        cap = request.output_cap or _LARGEST
        body = rewrite(
            request, model=request.model, opaque_user=lambda: "", image_urls=urls, output_cap=cap, kind=kind, price=None
        )
        return len(body)

    def whole(request: R, request_id: str, response: WholeResponse) -> WholeResponse:
        def convert(body: bytes) -> bytes:
            return client.write_response(request, request_id, upstream.read_output(body), response.report)

        return WholeResponse(
            response.body, response.report, response.finish_reason, response.content_events, convert=convert
        )

    def read_response(request: R, body: bytes, request_id: str) -> WholeResponse:
        return whole(request, request_id, upstream.read_response(body))

    def read_large_response(request: R, body: bytearray, request_id: str) -> Steps[WholeResponse]:
        return whole(request, request_id, (yield from upstream.read_large_response(body)))

    def open_stream(request: R, request_id: str) -> StreamReader:
        return TranslatedStream(upstream.open_stream(), upstream.open_output(), client.open_writer(request, request_id))

    return Adapter(
        upstream.path,
        check_supported=check_supported,
        needs_cap=upstream.needs_cap,
        external_input_field=client.external_input_field,
        extra_output_field=client.extra_output_field,
        sent_bytes=sent_bytes,
        priced_fields=client.priced_fields,
        rewrite=rewrite,
        read_response=read_response,
        read_large_response=read_large_response,
        stream_type=upstream.stream_type,
        split_events=upstream.split_events,
        open_stream=open_stream,
        error_message=upstream.error_message,
        rename=client.rename,
    )


class TranslatedStream:
    """Reads a stream in the upstream's format, and writes it in the client's; see `wire.dialect.StreamReader`."""

    __slots__ = ("_base", "_output", "_writer", "end")

    def __init__(self, base: StreamReader, output: OutputReader, writer: OutputWriter) -> None:
        self._base = base
        self._output = output
        self._writer = writer
        self.end = b""

    def __repr__(self) -> str:
        return f"TranslatedStream({self._base!r})"

    def chunk_path(self, _: object) -> None:
        """There is none: each event is translated."""

    def read(self, event: bytes) -> bytes:
        """The bytes to pass on for `event` (b"": none). Raises UpstreamFailure or UpstreamRefusal for an error or a
        broken event."""
        return self._translate(self._base.read(event))

    def read_large(self, event: bytes) -> Steps[bytes]:
        """As `read`, in steps, for an event that is too long to be read at once."""
        passed = yield from self._base.read_large(event)
        yield
        written = []
        if passed:
            report = self._base.report
            for found in self._output.read(passed):
                for piece in _in_pieces(found):
                    yield
                    written.append(self._writer.write(piece, report))
        yield
        if self._base.done:
            self.end = self._writer.end(self._base.report)
        return b"".join(written)

    def _translate(self, passed: bytes) -> bytes:
        base, writer = self._base, self._writer
        written = b""
        if passed and (events := self._output.read(passed)):
            report = base.report
            if len(events) == 1:  # as most have
                written = writer.write(events[0], report)
            else:
                written = b"".join([writer.write(event, report) for event in events])
        if base.done:
            self.end = writer.end(base.report)
        return written

    def error_event(self, error: GatewayError) -> bytes:
        """The last events of a stream that fails here."""
        return self._writer.error(error)

    @property
    def begun(self) -> bool:
        return self._base.begun

    @property
    def done(self) -> bool:
        return self._base.done

    @property
    def complete(self) -> bool:
        return self._base.complete

    @property
    def finished(self) -> bool:
        return self._base.finished

    @property
    def content_events(self) -> int:
        return self._base.content_events

    @property
    def finish_reason(self) -> str | None:
        return self._base.finish_reason

    @property
    def report(self) -> UsageReport:
        return self._base.report


def _in_pieces(event: OutputEvent) -> Iterator[OutputEvent]:
    """The event, or several with as much text in all, each of which is quick to write."""
    if isinstance(event, TextDelta) or (isinstance(event, ThinkingDelta) and event.signature is None):
        name, text = "text", event.text
    elif isinstance(event, CallDelta):
        name, text = "arguments", event.arguments
    else:
        name = text = ""
    if len(text) <= _PIECE:
        yield event
        return
    for start in range(0, len(text), _PIECE):
        yield replace(event, **{name: text[start : start + _PIECE]})
