"""Settings. docs/settings.md has one line for each; a test fails when they differ.

Sources, later wins: `tollkeeper.toml`, `.env`, the environment (`sources.py` reads these), the command line. A setting
`x` is read from `TOLLKEEPER_X`; a few also have a plain name, which `TOLLKEEPER_X` overrides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.invoicing import parse_rate
from tollkeeper.rules.limits import percentages
from tollkeeper.rules.mail import is_mail_address
from tollkeeper.sources import DOTENV, PREFIX, SettingValue, SourceError, read_sources
from tollkeeper.wire.end_users import OPEN_WEBUI
from tollkeeper.wire.http.address import Address
from tollkeeper.wire.http.cookies import is_loopback
from tollkeeper.wire.http.hosts import Hosts, Networks
from tollkeeper.wire.http.origins import read_origin

MB = 1_000_000
WELL_KNOWN_SECRETS = frozenset({"admin-secret-key", "sk-admin-001", "sk-alice-123", "sk-bob-456", "sk-char-789"})
"""Keys of the demo, and those copied from examples: none may protect a port that others can reach."""
WELL_KNOWN_PASSWORDS = {"admin": "admin123", "alice": "alice123", "bob": "bob123", "charlie": "char123"}
"""Passwords of the demo's users, by name."""
LONGEST_TAX_NAME = 100
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_OPTIONS = {"host": "--host", "port": "--port", "database_path": "--database", "ollama_base_url": "--ollama"}
"""Options of the command line, by setting."""
_USABLE_KEY = re.compile(r"[!-~]{1,1024}", re.ASCII)
"""A key that clients can send unchanged in a header."""
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}", re.ASCII)
_SECRET_HEADERS = frozenset({"authorization", "x-api-key", "api-key", "cookie", "x-csrf-token", "proxy-authorization"})

Names = Annotated[tuple[str, ...], NoDecode]
InvoiceText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Bytes = Annotated[int, Field(ge=1024, le=2**40)]


class OidcProvider(BaseModel):
    """An entry of `oidc_providers`. The fields that are None follow the setting of the same meaning."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    name: str = Field(min_length=1, max_length=100)
    issuer: str
    client_id: str = Field(min_length=1, max_length=1024)
    client_secret: SecretStr | None = None
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    create: bool | None = None
    domains: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    groups_claim: str = "groups"
    role_claim: str | None = None
    admin_values: frozenset[str] = frozenset({"admin"})
    team_claim: str | None = None
    auth_method: Literal["client_secret_basic", "client_secret_post"] | None = None

    @field_validator("issuer")
    @classmethod
    def _check_issuer(cls, value: str) -> str:
        Address(value)
        parts = urlsplit(value)
        if parts.username is not None or parts.query or (parts.scheme == "http" and not is_loopback(parts.netloc)):
            raise ValueError("issuer must be an https address (http on loopback only), as the provider writes it")
        return value

    @field_validator("scopes")
    @classmethod
    def _check_scopes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value:
            raise ValueError("scopes must have openid among them")
        return value

    @field_validator("domains")
    @classmethod
    def _lower_domains(cls, value: frozenset[str]) -> frozenset[str]:
        return frozenset(domain.lower().removeprefix("@") for domain in value)


class ConfigError(Exception):
    """A setting that is wrong; the message is one line that names it."""


def _plain(name: str) -> AliasChoices:
    return AliasChoices(f"tollkeeper_{name}", name)


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=DOTENV, extra="ignore", frozen=True, populate_by_name=True
    )

    ollama_base_url: str = Field("http://localhost:11434", validation_alias=_plain("ollama_base_url"))
    admin_api_key: SecretStr | None = Field(None, validation_alias=_plain("admin_api_key"))
    pepper: SecretStr | None = None
    master_key: SecretStr | None = None
    host: str = Field("127.0.0.1", validation_alias=_plain("host"))
    port: int = Field(8000, ge=0, le=65535, validation_alias=_plain("port"))
    database_path: Path = Field(Path("./tollkeeper.db"), validation_alias=_plain("database_path"))

    oidc_providers: Annotated[tuple[OidcProvider, ...], NoDecode] = ()
    oidc_create: bool = False
    oidc_role_claim: str | None = None
    oidc_team_claim: str | None = None
    password_sign_in: bool = True
    totp_required_for_admins: bool = False

    durability: Literal["process", "power"] = "process"
    retention_days: int | None = Field(None, ge=2, le=36_500)

    cors_origins: Names = ()
    trusted_proxies: Names = ()
    allowed_hosts: Names = LOOPBACK_NAMES
    metrics_public: bool = False
    metrics_networks: Names = ()
    metrics_hosts: Names = ()
    image_fetch_allow: Names = ()
    acting_headers: Names = OPEN_WEBUI

    max_body_bytes: Bytes = 20 * MB
    bodies_in_memory_bytes: Bytes = 512 * MB
    max_event_bytes: Bytes = 8 * MB
    max_answer_bytes: Bytes = 64 * MB
    answers_in_memory_bytes: Bytes = 512 * MB
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

    alerts: Annotated[tuple[int, ...], NoDecode] = (80, 100)
    budget_per_month: Decimal | None = Field(None, gt=0, le=10**9)
    webhook_allow: Names = ()
    smtp_host: str | None = Field(None, min_length=1, max_length=253)
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_from: str | None = None
    alert_emails: Names = ()

    queue_size: int = Field(1000, ge=0, le=1_000_000)
    queue_size_per_user: int = Field(200, ge=0, le=1_000_000)
    queue_timeout: Seconds = 60
    swap_after: Annotated[float, Field(ge=0, le=86_400)] = 5
    sse_comment_after: Seconds = 20

    invoice_after_days: int = Field(3, ge=0, le=365)
    invoice_due_days: int = Field(14, ge=0, le=365)
    invoice_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,18}[A-Za-z0-9])?$")] = "TK"
    invoice_seller_name: InvoiceText | None = None
    invoice_seller_address: InvoiceText | None = None
    invoice_seller_tax_id: InvoiceText | None = None
    invoice_tax: Names = ()

    evict_after: float | None = Field(None, ge=60, le=315_360_000)
    evict_by: Literal["unload", "delete"] = "unload"

    @field_validator(
        "cors_origins",
        "trusted_proxies",
        "allowed_hosts",
        "metrics_networks",
        "metrics_hosts",
        "image_fetch_allow",
        "webhook_allow",
        "alert_emails",
        "invoice_tax",
        "acting_headers",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        # Empty parts are ignored: in Compose's `${A:-},${B:-}` either may be empty.
        parts = tuple(part for each in value.split(",") if (part := each.strip()))
        if not parts:
            raise ValueError("has nothing but commas: leave it out")
        return parts

    @field_validator("alerts", mode="before")
    @classmethod
    def _split_percentages(cls, value: object) -> object:
        if isinstance(value, str):
            value = [] if value == "none" else [part for each in value.split(",") if (part := each.strip())]
        if not isinstance(value, list | tuple):
            value = [value]
        numbers = [int(each) if isinstance(each, str) and each.isascii() and each.isdigit() else each for each in value]
        try:
            return percentages(numbers)
        except Unprocessable:
            raise ValueError("must be whole percentages from 1 to 100, such as 80,100; none for no alerts") from None

    @field_validator("smtp_from", "alert_emails")
    @classmethod
    def _check_addresses(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for address in (value,) if isinstance(value, str) else value or ():
            if not is_mail_address(address):
                raise ValueError(f"{address!r} is no e-mail address such as ops@example.com")
        return value

    @model_validator(mode="after")
    def _check_mail(self) -> Settings:
        if self.smtp_host is not None and self.smtp_from is None:
            raise ValueError("smtp_from: must be set with smtp_host: the address that e-mails come from")
        if self.alert_emails and self.smtp_host is None:
            raise ValueError("alert_emails: need an SMTP server to go through: set smtp_host")
        if (self.smtp_user is None) != (self.smtp_password is None):
            raise ValueError("smtp_user: must be set together with smtp_password")
        if self.smtp_password is not None and self.smtp_tls == "none":
            raise ValueError("smtp_tls: must not be none with smtp_password, which anyone on the way could read")
        return self

    @field_validator("oidc_providers", mode="before")
    @classmethod
    def _read_providers(cls, value: object) -> object:
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                value = None
        if not isinstance(value, list | tuple):
            raise ValueError("must be a list of objects, in the environment as JSON")  # noqa: TRY004 (for Pydantic)
        return value

    @field_validator("oidc_providers")
    @classmethod
    def _check_providers(cls, value: tuple[OidcProvider, ...]) -> tuple[OidcProvider, ...]:
        for name in ("id", "issuer"):
            found = [getattr(provider, name) for provider in value]
            if len({*found}) < len(found):
                raise ValueError(f"two providers have the same {name}")
        return value

    @field_validator("quota_status")
    @classmethod
    def _check_quota_status(cls, value: int) -> int:
        if value not in (403, 429):
            raise ValueError("must be 429 or 403")
        return value

    @field_validator("ollama_base_url")
    @classmethod
    def _check_server_address(cls, value: str) -> str:
        Address(value)
        return value.rstrip("/")

    @field_validator("admin_api_key", "pepper", "master_key", "smtp_password", mode="before")
    @classmethod
    def _strip_line_end(cls, value: object) -> object:
        return value.strip() if isinstance(value, str) else value  # files and `echo` put one there

    @field_validator("admin_api_key")
    @classmethod
    def _check_key_can_be_sent(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _USABLE_KEY.fullmatch(value.get_secret_value()):
            raise ValueError("no client could send it; choose up to 1024 printable ASCII characters without blanks")
        return value

    @field_validator("database_path")
    @classmethod
    def _check_file(cls, value: Path) -> Path:
        if not value.name or "\0" in str(value) or value.is_dir():
            raise ValueError(f"{str(value)!r} is no file: name one, such as ./tollkeeper.db")
        return value

    @field_validator("host", mode="before")
    @classmethod
    def _accept_list(cls, value: object) -> object:
        return ",".join(map(str, value)) if isinstance(value, list | tuple) else value

    @field_validator("host")
    @classmethod
    def _check_listen_hosts(cls, value: str) -> str:
        hosts = [_bare(part.strip(" ")) for part in value.split(",")]
        for host in hosts:
            # Nothing at all would mean every address of this machine.
            if not host or not host.isprintable() or " " in host:
                raise ValueError(
                    "must name an address to listen on; 127.0.0.1 is this machine alone, 0.0.0.0 and :: are everyone"
                )
            try:
                host.encode("idna")
            except UnicodeError:
                raise ValueError(f"{host!r} is neither an address nor a name") from None
        return ",".join(dict.fromkeys(hosts))

    @field_validator("allowed_hosts")
    @classmethod
    def _check_not_empty(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("must name at least one host: without any, every request would be refused")
        return value

    @field_validator("allowed_hosts", "metrics_hosts")
    @classmethod
    def _check_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        Hosts(value)
        return value

    @field_validator("trusted_proxies", "metrics_networks")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        Networks(value)
        return value

    @field_validator("acting_headers")
    @classmethod
    def _check_headers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not _HEADER.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a header")
            if name.lower() in _SECRET_HEADERS:
                raise ValueError(f"{name!r} holds a secret, and must not name people")
        return tuple(dict.fromkeys(name.lower() for name in value))

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            read_origin(origin)
        return value

    @field_validator("invoice_tax")
    @classmethod
    def _check_tax(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        names = [_tax(each)[0] for each in value]
        if len(set(names)) < len(names):
            raise ValueError("names a tax twice")
        return value

    @model_validator(mode="after")
    def _check_who_gets_an_account(self) -> Self:
        for provider in self.oidc_providers:
            creates = self.oidc_create if provider.create is None else provider.create
            if creates and not (provider.domains or provider.groups):
                raise ValueError(
                    f"oidc_providers: {provider.id}: create needs domains or groups, of whom newcomers get an account;"
                    ' "domains": ["*"] is everybody whom the provider signs in'
                )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)  # `load_settings` has read the others, and knows the source of each value

    @property
    def hosts(self) -> Sequence[str]:
        """The addresses to listen on."""
        return self.host.split(",")

    @property
    def invoice_taxes(self) -> Mapping[str, int]:
        """The rate of each tax on invoices by its name, in millionths."""
        return dict(map(_tax, self.invoice_tax))

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the port."""
        return all(map(_is_loopback, self.hosts))


def _tax(text: str) -> tuple[str, int]:
    name, separator, rate = text.rpartition("=")
    if not separator or not name.strip() or len(name) > LONGEST_TAX_NAME:
        raise ValueError(f"{text!r} is no tax: write its name and rate, as in VAT=19%")
    try:
        return name.strip(), parse_rate(rate.strip())
    except ValueError as error:
        raise ValueError(f"the tax {name.strip()!r}: {error}") from None


def _bare(host: str) -> str:
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def spellings() -> Mapping[str, Sequence[str]]:
    """The names of each setting in the environment, in order of precedence."""
    found = {}
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [PREFIX + name]
        found[name] = [str(choice).upper() for choice in choices]
    return found


def load_settings(**given: Any) -> Settings:
    """Load the settings; `given` (the command line) overrides all other sources. Raises ConfigError."""
    try:
        found = read_sources(Settings, spellings()).given
    except SourceError as error:
        raise ConfigError(str(error)) from None
    found |= {
        name: SettingValue(value, _OPTIONS.get(name, "the command line"))
        for name, value in given.items()
        if value is not None
    }
    try:
        settings = Settings(**{name: value for name, (value, _) in found.items()})
    except ValidationError as error:
        first = error.errors()[0]
        why = first["msg"].removeprefix("Value error, ").replace("\n", " ")
        if not first["loc"]:  # of several settings together: the text begins with the name of one
            name, why = why.split(": ", 1)
            source = f" ({found[name].source})" if name in found else ""
            raise ConfigError(f"setting {name}: {why}{source}") from None
        name = str(first["loc"][0]).lower().removeprefix(PREFIX.lower())
        within = ".".join(map(str, first["loc"][1:]))
        why = f"{within}: {why}" if within else why
        raise ConfigError(f"setting {name}: {why} ({found[name].source})") from None
    refuse_well_known_key(settings)
    return settings


def refuse_well_known_key(settings: Settings) -> None:
    """Raise ConfigError when others can reach the port and the admin key is a well-known one."""
    key = settings.admin_api_key
    if not settings.loopback and key is not None and key.get_secret_value() in WELL_KNOWN_SECRETS:
        raise ConfigError(
            f"setting admin_api_key: a well-known secret may not guard {settings.host};"
            " choose another, or bind to 127.0.0.1"
        )


def settings_warnings() -> Sequence[str]:
    """Warnings for the operator, one line each: misspelt names, and ignored variables of other programs. Raises
    ConfigError."""
    try:
        return read_sources(Settings, spellings()).warnings
    except SourceError as error:
        raise ConfigError(str(error)) from None
