"""The hash chain of records: each record's hash covers the record and the hash before it.

So no record can be changed, taken out, put in or moved without every later hash coming out different. The chain has no
secret in it: who can write the database can also make the whole chain anew. Keep a head (its `seq` and `hash`) in
another place, and that shows too.

    hash(1) = SHA-256(GENESIS ‖ bytes(1))        GENESIS: 32 zero bytes
    hash(n) = SHA-256(hash(n-1) ‖ bytes(n))

`bytes(n)` is a JSON array in UTF-8 without white space: the version of this encoding, `seq` (1, 2, 3, …), then the
record's fields in the order of `FIELDS`. Texts are JSON strings in which only `"`, `\\` and characters below U+0020 are
escaped (by `\\b \\f \\n \\r \\t` where there is one, else `\\u00xx` with small digits); whole numbers are decimal, yes
and no are 1 and 0, absence is null. In Python: `json.dumps(values, ensure_ascii=False, separators=(",", ":"))`.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import msgspec

VERSION = 1
GENESIS = bytes(32)
FIELDS = (
    "request_id",
    "created_at",
    "settled_at",
    "user_id",
    "key_id",
    "model",
    "requested_model",
    "endpoint",
    "upstream",
    "stream",
    "status",
    "prompt_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "estimated",
    "cost_pico",
    "price_id",
    "latency_ms",
    "first_token_ms",
    "queued_ms",
    "finish_reason",
    "metadata",
)
"""What a record's bytes hold, in this order. Another order or another field is another version."""

_encode = msgspec.json.Encoder().encode


def link(previous: bytes, seq: int, values: Sequence[str | int | None]) -> bytes:
    """The hash of record number `seq` with these values of `FIELDS`, after the record whose hash is `previous`.
    Raises UnicodeEncodeError for half a surrogate pair."""
    return sha256(previous + _encode((VERSION, seq, *values))).digest()
