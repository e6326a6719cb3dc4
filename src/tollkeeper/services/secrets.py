"""The pepper: a secret without which the digests in the database open nothing.

It lives in a file of its own beside the database (mode 0600), so that a copy of the database alone is not enough to
test guesses of keys. The database keeps a check value; a pepper that does not match it stops the start, since with it
no key would be recognised. The file has a version, so that a later one can hold more than one pepper.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from tollkeeper.store.ports import Book

VERSION = 1
PEPPER_BYTES = 32
MIN_PEPPER_BYTES = 16
_BLOCK = 64
"""Bytes of a block of SHA-256."""
_CHECK_NAME = "pepper_check"
_CHECK_TEXT = b"\x00check"  # no key begins with NUL


class SecretsError(Exception):
    """The secrets are missing or wrong; the message is one line that says what to do."""


class _File(Struct, forbid_unknown_fields=True):
    version: int
    pepper: str


class Secrets:
    """What the digests of keys are made with."""

    def __init__(self, pepper: bytes) -> None:
        self._inner, self._outer = (sha256(_padded(pepper, byte)) for byte in (0x36, 0x5C))

    def __repr__(self) -> str:
        return "Secrets(…)"

    def digest(self, secret: str) -> bytes:
        """What is kept of a key, and what it is found by. Looking a digest up in a table tells by its timing nothing
        about a key: without the pepper nobody can choose which digest a guess becomes."""
        return self._hmac(secret.encode("utf-8", "surrogatepass"))

    def check_value(self) -> bytes:
        return self._hmac(_CHECK_TEXT)

    def _hmac(self, text: bytes) -> bytes:
        """HMAC-SHA256 (RFC 2104) from the two halves of its key, made once. `hmac.digest` lets go of the interpreter's
        lock for each key it sees, and a thread that writes takes it: 10 µs of a request, where this takes half of one.
        """
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()


def _padded(key: bytes, byte: int) -> bytes:
    block = key if len(key) <= _BLOCK else sha256(key).digest()
    return bytes(part ^ byte for part in block.ljust(_BLOCK, b"\0"))


def secrets_path(database_path: Path) -> Path:
    return database_path.with_name(database_path.name + ".secrets")


async def open_secrets(path: Path, book: Book, configured: str | None = None) -> Secrets:
    """The secrets of this installation: the `configured` pepper (hexadecimal), or those of the file at `path`, made at
    the first start. Raises SecretsError."""
    check = await book.value(_CHECK_NAME)
    if configured is None:
        pepper = await asyncio.to_thread(_read_or_make, path, may_make=check is None)
    else:
        pepper = _from_hex(configured)
    secrets_ = Secrets(pepper)
    if check is None:
        await book.set_value(_CHECK_NAME, secrets_.check_value())
    elif not hmac.compare_digest(check, secrets_.check_value()):
        place = f"secrets file {path}" if configured is None else "setting pepper"
        raise SecretsError(f"{place} belongs to another database; put back the one made with this database")
    return secrets_


def _from_hex(text: str) -> bytes:
    try:
        pepper = bytes.fromhex(text)
    except ValueError:
        pepper = b""
    if len(pepper) < MIN_PEPPER_BYTES:
        raise SecretsError(f"setting pepper must be at least {2 * MIN_PEPPER_BYTES} hexadecimal digits")
    return pepper


def _read_or_make(path: Path, *, may_make: bool) -> bytes:
    try:
        return _read(path)
    except FileNotFoundError:
        if not may_make:
            raise SecretsError(
                f"secrets file {path} is missing; put back the one made with this database, or no key can be recognised"
            ) from None
        return _make(path)
    except OSError as error:
        raise SecretsError(f"secrets file {path} cannot be read: {error.strerror}") from None


def _read(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise SecretsError(f"secrets file {path} can be read by other users of this machine; chmod 600 it")
    try:
        content = msgspec.json.decode(path.read_bytes(), type=_File)
        pepper = bytes.fromhex(content.pepper)
    except ValueError:
        raise SecretsError(f"secrets file {path} is not a secrets file of Tollkeeper; put back the right one") from None
    if content.version != VERSION or len(pepper) < MIN_PEPPER_BYTES:
        raise SecretsError(f"secrets file {path} has version {content.version}, which this Tollkeeper cannot read")
    return pepper


def _make(path: Path) -> bytes:
    pepper = secrets.token_bytes(PEPPER_BYTES)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(_File(VERSION, pepper.hex())))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise SecretsError(f"secrets file {path} cannot be made: {error.strerror}") from None
    return pepper
