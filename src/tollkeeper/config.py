"""Every setting, once. docs/settings.md has one line for each; a test fails when they differ.

Sources, later wins: `tollkeeper.toml`, `.env`, the environment, the command line. A setting `x` is read from
`TOLLKEEPER_X`; a few have a plain name too, which `TOLLKEEPER_X` beats.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from tollkeeper.services.upstream.address import Address

MB = 1_000_000
WELL_KNOWN_SECRETS = frozenset({"admin-secret-key", "sk-admin-001", "sk-alice-123", "sk-bob-456", "sk-char-789"})
"""The demo's keys, and what people copy from examples: none may guard a port that others can reach."""
WELL_KNOWN_PASSWORDS = {"admin": "admin123", "alice": "alice123", "bob": "bob123", "charlie": "char123"}
"""Those of the demo's users, by their names."""
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_PREFIX = "TOLLKEEPER_"
_ORIGIN = re.compile(
    r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?/?", re.ASCII | re.IGNORECASE
)

Names = Annotated[tuple[str, ...], NoDecode]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Bytes = Annotated[int, Field(ge=1024, le=2**40)]


class ConfigError(Exception):
    """A setting that is wrong; the message is one line that names it."""


def _plain(name: str) -> AliasChoices:
    return AliasChoices(f"tollkeeper_{name}", name)


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_file=".env", toml_file="tollkeeper.toml", extra="ignore", frozen=True,
        populate_by_name=True,
    )  # fmt: skip

    ollama_base_url: str = Field("http://localhost:11434", validation_alias=_plain("ollama_base_url"))
    admin_api_key: SecretStr | None = Field(None, validation_alias=_plain("admin_api_key"))
    pepper: SecretStr | None = None
    host: str = Field("127.0.0.1", validation_alias=_plain("host"))
    port: int = Field(8000, ge=0, le=65535, validation_alias=_plain("port"))
    database_path: Path = Field(Path("./tollkeeper.db"), validation_alias=_plain("database_path"))

    durability: Literal["process", "power"] = "process"
    retention_days: int | None = Field(None, ge=2, le=36_500)

    cors_origins: Names = ()
    trusted_proxies: Names = ()
    allowed_hosts: Names = LOOPBACK_NAMES
    metrics_public: bool = False
    image_fetch_allow: Names = ()

    max_body_bytes: Bytes = 20 * MB
    bodies_in_memory_bytes: Bytes = 512 * MB
    max_event_bytes: Bytes = 8 * MB
    max_answer_bytes: Bytes = 64 * MB
    max_connections_per_address: int = Field(0, ge=0)

    quota_status: int = 429
    default_max_tokens: int = Field(4096, ge=1, le=10_000_000)
    input_bound: Literal["strict", "learned"] = "strict"

    head_timeout: Seconds = 10
    body_timeout: Seconds = 30
    connect_timeout: Seconds = 5
    first_byte_timeout: Seconds = 300
    event_timeout: Seconds = 60
    client_stall_timeout: Seconds = 60
    keep_alive_timeout: Seconds = 75
    shutdown_timeout: Seconds = 30

    @field_validator("cors_origins", "trusted_proxies", "allowed_hosts", "image_fetch_allow", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("quota_status")
    @classmethod
    def _told_status(cls, value: int) -> int:
        if value not in (403, 429):
            raise ValueError("must be 429 or 403")
        return value

    @field_validator("ollama_base_url")
    @classmethod
    def _an_address_of_a_server(cls, value: str) -> str:
        Address(value)
        return value.rstrip("/")

    @field_validator("host")
    @classmethod
    def _a_name_or_an_address(cls, value: str) -> str:
        # Nothing at all would mean every address of this machine.
        if not value or not value.isprintable() or " " in value:
            raise ValueError("must name an address to listen on; 127.0.0.1 is this machine alone, 0.0.0.0 is everyone")
        try:
            value.encode("idna")
        except UnicodeError:
            raise ValueError(f"{value!r} is neither an address nor a name") from None
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _not_nobody(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("must name at least one host: without any, every request would be refused")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for part in value:
            try:
                ip_network(part)
            except ValueError:
                raise ValueError(f"{part!r} is neither an address (10.0.0.1) nor a network (10.0.0.0/8)") from None
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for part in value:
            if "*" in part:
                raise ValueError(f"{part!r} would let pages of strangers in: name each origin")
            if not _ORIGIN.fullmatch(part):
                raise ValueError(f"{part!r} is no origin: it looks like https://app.example or http://localhost:3000")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # Their plain names become the full ones, as those of the other sources do, before all is merged: else `port`
        # of the file would beat `PORT` of the environment.
        named = [InitSettingsSource(settings_cls, source()) for source in (env_settings, dotenv_settings)]
        return init_settings, *named, TomlConfigSettingsSource(settings_cls)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the port."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def load_settings(**given: Any) -> Settings:
    """The settings, `given` (the command line) winning over all other sources. Raises ConfigError."""
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).lower().removeprefix("tollkeeper_") if first["loc"] else "settings"
        raise ConfigError(
            f"setting {name}: {first['msg'].removeprefix('Value error, ')} (TOLLKEEPER_{name.upper()})"
        ) from None
    except ValueError as error:
        raise ConfigError(f"tollkeeper.toml or .env cannot be read: {error}") from None
    key = settings.admin_api_key
    if not settings.loopback and key is not None and key.get_secret_value() in WELL_KNOWN_SECRETS:
        raise ConfigError(
            f"setting admin_api_key: a well-known secret may not guard {settings.host};"
            " choose another, or bind to 127.0.0.1"
        )
    return settings


def unknown_variables(names: Iterable[str]) -> list[str]:
    """Of these names of the environment, those that look like settings and are none."""
    known = {_PREFIX + name.upper() for name in Settings.model_fields}
    return sorted(name for name in names if name.upper().startswith(_PREFIX) and name.upper() not in known)
