"""Intents and records: what the ledger keeps of each request, at its dispatch and at its end."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from tollkeeper.rules.money import format_usd
from tollkeeper.rules.reasons import LOST, reason
from tollkeeper.rules.usage import NO_USAGE, Usage

RecordStatus = Literal["completed", "cancelled", "failed", "lost"]
ADJUSTMENT = "adjustment"
"""The endpoint of a correction or refund, which is a record without a request. Its model and upstream are empty, its
usage is zero, its cost may be negative, and its metadata gives the reason."""
TEXT_ENDPOINTS = frozenset(
    {"/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages", "/api/chat", "/api/generate"}
)
"""Endpoints by which models write text."""
EMBEDDING_ENDPOINTS = frozenset({"/v1/embeddings", "/api/embed", "/api/embeddings"})
"""Endpoints by which models make embeddings."""

NUL, BACKSLASH = r"\u0000", r"\\"
"""How JSON escapes the two characters."""
_METADATA = msgspec.json.Decoder(dict[str, Any])


class Intent(Struct, frozen=True, gc=False):
    """An entry of the journal, made at dispatch, so that a killed process leaves a trace of its running requests. The
    bounds are what its limits hold for it, in tokens and pico-dollars; None where nothing bounds it."""

    request_id: str
    created_at: int
    user_id: str
    key_id: str | None
    model: str
    requested_model: str
    endpoint: str
    upstream: str
    stream: bool
    bound_tokens: int | None = None
    bound_cost_pico: int | None = None
    team_id: str | None = None
    end_user_id: str | None = None


class Record(Struct, frozen=True, gc=False):
    """The immutable record of one dispatched request. `metadata` is a JSON object as text, or None. `attempts`: those
    at upstreams, 1 where the first served it. `team_id` is the team that the user was in, and `end_user_id` the end
    user that the request was made for; None: there was none. `error` is the JSON of a `Reason` (rules/reasons.py): why
    the request was not completed; None: it was, or nobody noted it. `request_id` contains `created_at` (rules/ids.py),
    so spans of time are selected by either."""

    request_id: str
    created_at: int
    settled_at: int
    user_id: str
    key_id: str | None
    model: str
    requested_model: str
    endpoint: str
    upstream: str
    stream: bool
    status: RecordStatus
    usage: Usage = NO_USAGE
    cost_pico: int = 0
    price_id: int | None = None
    latency_ms: int = 0
    first_token_ms: int | None = None
    queued_ms: int = 0
    finish_reason: str | None = None
    metadata: str | None = None
    attempts: int = 1
    team_id: str | None = None
    end_user_id: str | None = None
    error: str | None = None


def lost(intent: Intent, at: int) -> Record:
    """The record of a request that was running when its process was killed, found at `at`: it costs nothing, and its
    metadata gives the most that it may have used."""
    fields = asdict(intent)
    tokens, cost = fields.pop("bound_tokens"), fields.pop("bound_cost_pico")
    bound = {} if tokens is None or cost is None else {"bound_tokens": tokens, "bound_cost_usd": format_usd(cost)}
    metadata = msgspec.json.encode(bound).decode() if bound else None
    return Record(**fields, settled_at=at, status="lost", metadata=metadata, error=reason(LOST).text)


def tags_of(record: Record) -> dict[str, str]:
    """The tags of a request: the names in its metadata that have a value, and those values. The metadata of corrections
    and of lost requests is not the client's, so they have none; nor has metadata with the character U+0000, which
    databases store, cut or refuse, each in its own way."""
    if record.metadata is None or record.endpoint == ADJUSTMENT or record.status == "lost":
        return {}
    if has_nul(record.metadata):
        return {}
    return {
        name: value for name, value in _METADATA.decode(record.metadata).items() if isinstance(value, str) and value
    }


def has_nul(document: str) -> bool:
    """Whether a string in a JSON document has the character U+0000, which is always escaped there."""
    return NUL in document and NUL in document.replace(BACKSLASH, "")


def requests_of(record: Record) -> int:
    """The number of requests that a record counts as: 1, or 0 for an adjustment."""
    return 0 if record.endpoint == ADJUSTMENT else 1
