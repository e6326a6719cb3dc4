"""Idempotency keys of requests: the header, and a fingerprint of what is sent with a key.

The header is that of the IETF's draft "The Idempotency-Key HTTP Header Field", as SDKs send it: any text, unquoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.http.multipart import between_boundaries

HEADER = b"idempotency-key"
MAX_LENGTH = 255
_NAME = "Idempotency-Key"


def read_key(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """Return the idempotency key in headers that hold one. Raises BadRequest, which names the header."""
    values = [value for name, value in headers if name == HEADER]
    if len(values) != 1:
        raise BadRequest(f"The request has {len(values)} {_NAME} headers. Send one, or none.", param=_NAME)
    (value,) = values
    if not 1 <= len(value) <= MAX_LENGTH or not all(0x20 <= byte <= 0x7E for byte in value):
        raise BadRequest(
            f"The header {_NAME} must be 1 to {MAX_LENGTH} printable ASCII characters. Send such a key, a UUID say, or"
            " leave the header out.",
            param=_NAME,
        )
    return value.decode("ascii")


def fingerprint(path: str, body: bytes) -> bytes:
    """Digest of a request's path and body, by which a retry is told from another request.

    The boundary of a form does not count, since clients draw a new one for each try.
    """
    digest = sha256(b"%b\n" % path.encode())
    for piece in between_boundaries(body):
        digest.update(b"%d\n" % len(piece))
        digest.update(piece)
    return digest.digest()
