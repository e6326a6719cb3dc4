"""The secrets file: the pepper and the master key, beside the database (mode 0600).

It is a file of its own so that a copy of the database alone is not enough to test guesses of keys, nor to read the
secrets of upstreams. It is replaced as a whole: killed at any moment, a write leaves the old content or the new one.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

VERSION = 1
SECRET_BYTES = 32
MIN_SECRET_BYTES = 16


class SecretsError(Exception):
    """A secret of the installation is missing or wrong; the message is one line that says what to do."""


class Secrets(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The content of the file, in hexadecimal digits. `next_master_key` is there while a rotation is under way: either
    of the two keys may be the one that the database needs."""

    version: int
    pepper: str | None = None
    master_key: str | None = None
    next_master_key: str | None = None

    def __repr__(self) -> str:
        return "Secrets(…)"


class SecretsFile:
    """The secrets file at a path; it need not exist. Every call raises SecretsError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"SecretsFile({str(self.path)!r})"

    def read(self) -> Secrets | None:
        """The content; None where there is no such file."""
        path = self.path
        try:
            if path.stat().st_mode & 0o077:
                raise SecretsError(f"secrets file {path} can be read by other users of this machine; chmod 600 it")
            text = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SecretsError(f"secrets file {path} cannot be read: {error.strerror}") from None
        try:
            content = msgspec.json.decode(text, type=Secrets)
            found = [bytes.fromhex(each) for each in _secrets_of(content)]
        except ValueError:
            found = []
        if not found:
            raise SecretsError(f"secrets file {path} is not a secrets file of Tollkeeper; put back the right one")
        if content.version != VERSION or min(map(len, found)) < MIN_SECRET_BYTES:
            raise SecretsError(f"secrets file {path} has version {content.version}, which this Tollkeeper cannot read")
        return content

    def change(self, **secrets: str | None) -> None:
        """Set some of the secrets, or remove them (None); the file is made if need be. Durable on return."""
        content = replace(self.read() or Secrets(VERSION), **secrets)
        partial = self.path.with_name(self.path.name + ".partial")
        try:
            partial.unlink(missing_ok=True)
            handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(content))
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise SecretsError(f"secrets file {self.path} cannot be made: {error.strerror}") from None


def _secrets_of(content: Secrets) -> list[str]:
    found = (content.pepper, content.master_key, content.next_master_key)
    return [secret for secret in found if secret is not None]


def secrets_path(database_path: Path) -> Path:
    """The path of the secrets file of the database at this path."""
    return database_path.with_name(database_path.name + ".secrets")


def read_secret(setting: str, text: str, size: int = MIN_SECRET_BYTES, *, exact: bool = False) -> bytes:
    """The bytes of a secret that a setting gives in hexadecimal digits: at least `size`, or `exact` so many. Raises
    SecretsError."""
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) < size or (exact and len(secret) > size):
        count = f"{2 * size} hexadecimal digits"
        raise SecretsError(f"setting {setting} must be {'' if exact else 'at least '}{count}")
    return secret
