"""A dialect that no client speaks: other fields, streams of JSON lines with another end, other errors and headers. What
the gateway does for it, it does for any.

    {"want": "tiny", "say": "hi", "live": true, "most": 5}
    {"word": "a"}⏎ {"word": "b"}⏎ {"bye": "done", "in": 7, "out": 2}⏎
    {"oops": "model_not_found", "why": "…"}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import structs

from tollkeeper.rules.errors import BadRequest, GatewayError, Quota, UpstreamFailure, UpstreamUnavailable
from tollkeeper.wire.dialect import Adapter, Dialect, Headers, Listing, WholeResponse
from tollkeeper.wire.json_scan import Steps
from tollkeeper.wire.request import Endpoint, ModelRequest
from tollkeeper.wire.sse import EventTooLarge
from tollkeeper.wire.usage import NO_REPORT, UsageReport

SAY = Endpoint("/toy/say")


def read_request(body: bytes, endpoint: Endpoint) -> ModelRequest:
    fields = json.loads(body)
    if "want" not in fields:
        raise BadRequest("'want' is missing.", param="want")
    live, most = fields.get("live", True), fields.get("most")
    return ModelRequest(
        endpoint=endpoint, body=body, model=fields["want"], stream=live, output_cap=most, text_bytes=len(body)
    )


def rewrite(request: ModelRequest, *, model: str, output_cap: int | None, **_: Any) -> bytes:
    most = {} if output_cap is None else {"most": output_cap}
    return json.dumps(json.loads(request.body) | {"want": model} | most).encode()


def read_response(_: ModelRequest, body: bytes, request_id: str) -> WholeResponse:
    fields = json.loads(body)
    if "words" not in fields:
        raise UpstreamUnavailable("The upstream answered with no words.")
    named = json.dumps({"of": request_id} | fields).encode()
    return WholeResponse(named, UsageReport(fields["in"], fields["out"]), "said", convert=bytes.swapcase)


def read_large_response(request: ModelRequest, body: bytearray, request_id: str) -> Steps[WholeResponse]:
    yield
    return structs.replace(read_response(request, bytes(body), request_id), finish_reason="said in steps")


class Lines:
    """Cuts a stream at the ends of its lines."""

    more = False

    def __init__(self, most: int) -> None:
        self._most, self._rest = most, b""

    @property
    def held(self) -> int:
        return len(self._rest)

    @property
    def unfinished(self) -> bool:
        return bool(self._rest)

    def feed(self, data: bytes, _: int) -> list[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self._most:
            raise EventTooLarge
        return [line + b"\n" for line in lines]


class Reader:
    end = b""
    finish_reason: str | None = None
    report = NO_REPORT
    content_events = 0
    begun = False
    error_event: Callable[[GatewayError], bytes] | None = None

    def __init__(self, *_: object) -> None: ...
    def chunk_path(self, _: object) -> None: ...

    @property
    def done(self) -> bool:
        return bool(self.end)

    @property
    def complete(self) -> bool:
        return bool(self.end)

    @property
    def finished(self) -> bool:
        return bool(self.end)

    def read(self, event: bytes) -> bytes:
        fields = json.loads(event)
        if "oops" in fields:
            raise UpstreamFailure("The upstream stumbled.", detail=fields["why"])
        if "bye" in fields:
            self.end, self.finish_reason, self.report = event, fields["bye"], UsageReport(fields["in"], fields["out"])
            return b""
        self.content_events += 1
        self.begun = True
        return event

    def read_large(self, event: bytes) -> Steps[bytes]:
        yield
        return self.read(event)


def error_body(error: GatewayError, request_id: str) -> bytes:
    return json.dumps({"oops": error.code, "why": error.message, "of": request_id}).encode()


def quota_headers(quota: Quota, now: int) -> Headers:
    kind = quota.kind.encode()
    return [(b"toy-left-" + kind, b"%d" % (quota.remaining or 0)), (b"toy-at-" + kind, b"%d" % now)]


def response_headers(elapsed_ms: int, quotas: Sequence[Quota], now: int) -> Headers:
    return [(b"toy-took", b"%d" % elapsed_ms), *(header for quota in quotas for header in quota_headers(quota, now))]


AS_IT_IS: Adapter[ModelRequest] = Adapter(
    SAY.path,
    check_supported=lambda request, kind: None,
    external_input_field=lambda request, kind: "fetch" if b'"fetch"' in request.body else None,
    extra_output_field=lambda request, kind: None,
    rewrite=rewrite,
    read_response=read_response,
    read_large_response=read_large_response,
    stream_type=b"application/x-ndjson",
    split_events=Lines,
    open_stream=Reader,
    error_message=lambda body: str(json.loads(body)["why"]),
    rename=lambda old, new, text: text,
)
TOY: Dialect[Endpoint, ModelRequest] = Dialect(
    name="toy",
    endpoints=(SAY,),
    adapters={SAY.path: (AS_IT_IS,)},
    read_request=read_request,
    conversation=lambda request: "",
    stream_type=b"application/x-ndjson",
    error_body=error_body,
    error_event=lambda error, request_id: error_body(error, request_id) + b"\n",
    quota_headers=quota_headers,
    response_headers=response_headers,
    request_id_headers=(b"x-request-id", b"toy-id"),
    prefixes=("/toy",),
    lookups=(
        Listing(
            "/toy/voices",
            lambda models: json.dumps([model.name for model in models]).encode(),
            lambda model: json.dumps(model.name).encode(),
        ),
    ),
)
