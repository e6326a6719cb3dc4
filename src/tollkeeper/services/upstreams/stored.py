"""Upstreams as they are stored: settings as JSON, secrets sealed under the master key."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import fields

from tollkeeper.rules.kinds import KINDS
from tollkeeper.services.keyring.master_key import MasterKey
from tollkeeper.services.upstreams.config import Secret, UpstreamConfig
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.upstreams import StoredUpstream
from tollkeeper.wire.http.address import Address

_PLAIN = {
    field.name: field.type
    for field in fields(UpstreamConfig)
    if field.name not in {"id", "kind", "base_url", "secret", "headers"}
}
"""The settings that are stored as they are, and the type of each."""


class _Secrets(Struct, omit_defaults=True):
    """What is sealed. `userinfo` is what stands before the `@` of the address."""

    secret: str | None = None
    headers: dict[str, str] = {}
    userinfo: str | None = None


def plain_settings(config: UpstreamConfig) -> dict[str, object]:
    """The settings without any secret, those at their defaults left out."""
    defaults = UpstreamConfig(config.id, config.kind, config.base_url)
    given = {name: getattr(config, name) for name in _PLAIN if getattr(config, name) != getattr(defaults, name)}
    address, _ = split_userinfo(config.base_url)
    return {"kind": config.kind.name, "base_url": address, **given}


def to_stored(config: UpstreamConfig, key: MasterKey) -> StoredUpstream:
    """Seal an upstream's secrets, so that they open for its id and its origin only."""
    settings = msgspec.json.encode(plain_settings(config)).decode()
    _, userinfo = split_userinfo(config.base_url)
    headers = {name: value.reveal() for name, value in config.headers}
    secrets = _Secrets(config.secret.reveal() if config.secret else None, headers, userinfo)
    if secrets == _Secrets():
        return StoredUpstream(config.id, settings)
    sealed = key.seal(msgspec.json.encode(secrets), _place(config.id, config.base_url))
    return StoredUpstream(config.id, settings, sealed, key.id)


def without_secrets(row: StoredUpstream) -> UpstreamConfig:
    """The configuration without its secrets. Raises StoreError where the settings cannot be read."""
    try:
        found = msgspec.json.decode(row.settings, type=dict[str, Raw])
        kind = KINDS[msgspec.json.decode(found.pop("kind"), type=str)]
        base_url = msgspec.json.decode(found.pop("base_url"), type=str)
        values: dict[str, Any] = {name: msgspec.json.decode(raw, type=_PLAIN[name]) for name, raw in found.items()}
    except (KeyError, msgspec.DecodeError) as error:
        raise StoreError(f"the settings of the upstream {row.id} in the database cannot be read: {error}") from None
    return UpstreamConfig(row.id, kind, base_url, **values)


def from_stored(row: StoredUpstream, key: MasterKey) -> UpstreamConfig:
    """The configuration with its secrets. Raises StoreError, and Unopenable where the secrets do not open."""
    config = without_secrets(row)
    if row.sealed is None:
        return config
    secrets = msgspec.json.decode(key.open(row.sealed, _place(row.id, config.base_url)), type=_Secrets)
    return msgspec.structs.replace(
        config,
        base_url=join_userinfo(config.base_url, secrets.userinfo),
        secret=None if secrets.secret is None else Secret(secrets.secret),
        headers=tuple((name, Secret(value)) for name, value in secrets.headers.items()),
    )


def resealed(row: StoredUpstream, old: MasterKey, new: MasterKey) -> bytes | None:
    """The secrets sealed under another master key; None where there are none. Raises StoreError, Unopenable."""
    return to_stored(from_stored(row, old), new).sealed


def origin(base_url: str) -> str:
    """Scheme, host and port. Raises ValueError for what is no address."""
    address = Address(base_url)
    return f"{'https' if address.secure else 'http'}://{address.host}:{address.port}"


def split_userinfo(base_url: str) -> tuple[str, str | None]:
    """The address without name and password, and these; None where there are none."""
    parts = urlsplit(base_url)
    userinfo, at, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=host).geturl(), userinfo if at else None


def join_userinfo(base_url: str, userinfo: str | None) -> str:
    """The address with this name and password."""
    parts = urlsplit(base_url)
    return base_url if userinfo is None else parts._replace(netloc=f"{userinfo}@{parts.netloc}").geturl()


def _place(upstream_id: str, base_url: str) -> bytes:
    return f"{upstream_id}\n{origin(base_url)}".encode()
