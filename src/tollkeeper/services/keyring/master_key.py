"""The master key, under which secrets of upstreams, and of second factors, are encrypted in the database.

It is in the secrets file, or given as a setting. The database holds a check value; the gateway does not start with a
master key that does not match it, since no secret could be opened.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from hashlib import sha256

from tollkeeper.services.keyring.secrets_file import SECRET_BYTES, SecretsError, SecretsFile, read_secret
from tollkeeper.store.ports.installation import Installation

CHECK_NAME = "master_key_check"
_CHECK_TEXT = b"tollkeeper master key"
_NONCE_BYTES = 12


class Unopenable(Exception):
    """A sealed secret that does not open: it was changed, moved to another place, or sealed under another key."""


class MasterKey:
    """Encrypts and decrypts, by AES-256-GCM. Each sealed text has a random nonce, 12 bytes, before the ciphertext: with
    one key 2³² may be made (NIST SP 800-38D, 8.3), where a change of an upstream makes one."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.check_value = hmac.digest(key, _CHECK_TEXT, sha256)
        self.id = self.check_value.hex()[:16]
        """Tells this key from others, and reveals nothing of it."""

    def __repr__(self) -> str:
        return f"MasterKey({self.id})"

    def seal(self, content: bytes, place: bytes) -> bytes:
        """Encrypt. `place` is what the sealed text belongs to: it opens there only."""
        # Imported here: it takes a tenth of a start, and many installations have nothing to encrypt.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, content, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Decrypt. Raises Unopenable."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 (see above)
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        try:
            return AESGCM(self._key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place)
        except (InvalidTag, ValueError):
            raise Unopenable from None


def second_factor_place(user_id: str) -> bytes:
    """What the sealed secret of a user's second factor belongs to."""
    return f"second factor\n{user_id}".encode()


def new_master_key() -> str:
    """A new master key, in hexadecimal digits."""
    return secrets.token_hex(SECRET_BYTES)


def read_master_key(setting: str, text: str) -> bytes:
    """The master key that a setting gives. Raises SecretsError."""
    return read_secret(setting, text, SECRET_BYTES, exact=True)


async def open_master_key(file: SecretsFile, installation: Installation, configured: str | None = None) -> MasterKey:
    """Open the master key of this installation: the `configured` one (hexadecimal), or that of the secrets file, where
    one is made at the first start. Ends a rotation that was interrupted. Raises SecretsError."""
    check = await installation.value(CHECK_NAME)
    if configured is not None:
        key = MasterKey(read_master_key("master_key", configured))
        if check is not None and not hmac.compare_digest(check, key.check_value):
            raise _of_another_database("setting master_key")
    else:
        key = await asyncio.to_thread(_from_file, file, check)
    if check is None:
        await installation.set_value(CHECK_NAME, key.check_value)
    return key


def _from_file(file: SecretsFile, check: bytes | None) -> MasterKey:
    content = file.read()
    found = [text for text in (content.master_key, content.next_master_key) if text] if content else []
    if not found:
        if check is not None:
            raise SecretsError(
                f"secrets file {file.path} has no master key; put back the one made with this database, or no secret of"
                " an upstream can be opened"
            )
        found = [new_master_key()]
        file.change(master_key=found[0])
    for text in found:
        key = MasterKey(read_master_key(f"master_key in {file.path}", text))
        if check is None or hmac.compare_digest(check, key.check_value):
            if len(found) > 1:
                file.change(master_key=text, next_master_key=None)
            return key
    raise _of_another_database(f"secrets file {file.path}")


def _of_another_database(place: str) -> SecretsError:
    return SecretsError(f"{place} belongs to another database; put back the one made with this database")
