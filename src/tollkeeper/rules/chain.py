"""The hash chain of records: each record's hash covers the record and the hash before it.

No record can be changed, removed, inserted or moved without changing every later hash. The chain holds no secret:
whoever can write the database can also rebuild the whole chain. A head (its `seq` and `hash`) kept in another place
reveals that, too.

    hash(1) = SHA-256(GENESIS ‖ bytes(1))        GENESIS: 32 zero bytes
    hash(n) = SHA-256(hash(n-1) ‖ bytes(n))

`bytes(n)` is a JSON array in UTF-8 without white space: the version of this encoding, `seq` (1, 2, 3, …), then the
values that this version covers, in its order (`covered` in `store/ports/record_fields.py`), as the database has them:
an opaque id for the user and a digest for the metadata. Texts are JSON strings in
which only `"`, `\\` and characters below U+0020 are escaped (as `\\b \\f \\n \\r \\t` where possible, else as
`\\u00xx` with lower-case digits); integers are decimal, booleans are 1 and 0, absence is null. In Python:
`json.dumps(values, ensure_ascii=False, separators=(",", ":"))`.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import msgspec

GENESIS = bytes(32)

_encode = msgspec.json.Encoder().encode


def link(previous: bytes, seq: int, values: Sequence[str | int | None], version: int = 1) -> bytes:
    """The hash of record number `seq`, which has `values` (those that `version` covers) and follows the record with the
    hash `previous`. Raises UnicodeEncodeError for half a surrogate pair."""
    return sha256(previous + _encode((version, seq, *values))).digest()
