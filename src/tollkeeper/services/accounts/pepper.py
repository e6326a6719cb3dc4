"""The pepper: a secret key for the digests of keys and sessions in the database.

It is in the secrets file, or given as a setting, so that a copy of the database alone is not enough to test guesses of
keys. The database holds a check value; the gateway does not start with a pepper that does not match it, since no key
would be recognised.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from hashlib import sha256

from tollkeeper.services.keyring.secrets_file import SECRET_BYTES, SecretsError, SecretsFile, read_secret
from tollkeeper.store.ports.installation import Installation

_BLOCK = 64
"""Bytes of a block of SHA-256."""
_CHECK_NAME = "pepper_check"
_CHECK_TEXT = b"\x00check"  # no key begins with NUL


class Pepper:
    """Makes the digests of keys, by HMAC-SHA256."""

    def __init__(self, pepper: bytes) -> None:
        self._inner, self._outer = (sha256(_padded(pepper, byte)) for byte in (0x36, 0x5C))

    def __repr__(self) -> str:
        return "Pepper(…)"

    def digest(self, secret: str) -> bytes:
        """Digest of a key, by which it is stored and found. The timing of a look-up by digest reveals nothing about a
        key, since without the pepper nobody can choose the digest of a guess."""
        return self._hmac(secret.encode("utf-8", "surrogatepass"))

    def check_value(self) -> bytes:
        return self._hmac(_CHECK_TEXT)

    def _hmac(self, text: bytes) -> bytes:
        """HMAC-SHA256 (RFC 2104), from the two padded halves of its key, hashed once. `hmac.digest` releases the
        interpreter's lock, which a writing thread then takes: that costs a request 10 µs, where this costs half of one.
        """
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()


def _padded(key: bytes, byte: int) -> bytes:
    block = key if len(key) <= _BLOCK else sha256(key).digest()
    return bytes(part ^ byte for part in block.ljust(_BLOCK, b"\0"))


async def open_pepper(file: SecretsFile, installation: Installation, configured: str | None = None) -> Pepper:
    """Open the pepper of this installation: the `configured` one (hexadecimal), or that of the secrets file, where one
    is made at the first start. Raises SecretsError."""
    check = await installation.value(_CHECK_NAME)
    if configured is None:
        secret = await asyncio.to_thread(_from_file, file, may_make=check is None)
    else:
        secret = read_secret("pepper", configured)
    pepper = Pepper(secret)
    if check is None:
        await installation.set_value(_CHECK_NAME, pepper.check_value())
    elif not hmac.compare_digest(check, pepper.check_value()):
        place = f"secrets file {file.path}" if configured is None else "setting pepper"
        raise SecretsError(f"{place} belongs to another database; put back the one made with this database")
    return pepper


def _from_file(file: SecretsFile, *, may_make: bool) -> bytes:
    content = file.read()
    if content is None or content.pepper is None:
        if not may_make:
            missing = "is missing" if content is None else "has no pepper"
            raise SecretsError(
                f"secrets file {file.path} {missing}; put back the one made with this database, or no key can be"
                " recognised"
            )
        pepper = secrets.token_hex(SECRET_BYTES)
        file.change(pepper=pepper)
        return bytes.fromhex(pepper)
    return bytes.fromhex(content.pepper)
