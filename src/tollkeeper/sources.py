"""Sources of settings: `tollkeeper.toml`, `.env`, the environment.

Values are read here and checked in `config.py`. An empty variable counts as unset: Compose's `${X:-}` and a Kubernetes
manifest cannot omit one. Variables of other programs that have the name of a setting are ignored, with a warning:

- Kubernetes (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables) and Docker's links
  set `TOLLKEEPER_PORT=tcp://10.43.161.118:8000` and a dozen more for a Service of our name.
- conda's compilers set `HOST=x86_64-conda-linux-gnu`, the platform that they build for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, TomlConfigSettingsSource

PREFIX = "TOLLKEEPER_"
COMMAND_VARIABLES = frozenset({"TOLLKEEPER_URL", "TOLLKEEPER_API_KEY", "TOLLKEEPER_NEW_MASTER_KEY"})
"""Variables that commands other than `serve` read."""
TOML = "tollkeeper.toml"
DOTENV = ".env"
_SERVICE_PORT = re.compile(r"(?:tcp|udp|sctp)://", re.ASCII | re.IGNORECASE)
_SERVICE_NAME = re.compile(
    PREFIX + r"(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)",
    re.ASCII,
)
_PLATFORM = re.compile(
    r"(?:x86_64|i[3-6]86|aarch64|arm64|armv\w+|ppc64le|powerpc64le|s390x|riscv64)(?:-[\w.]+){2,3}", re.ASCII
)

Spellings = Mapping[str, Sequence[str]]
"""The names of each setting in the environment, in capitals, in order of precedence."""


class SettingValue(NamedTuple):
    """The value of a setting, and where it comes from, in words: `PORT in .env`."""

    value: Any
    source: str


class ReadSources(NamedTuple):
    """The values of settings from all sources, by name (later sources win), and `warnings` for the operator, one line
    each: ignored variables, and names that look like settings but are none."""

    given: dict[str, SettingValue]
    warnings: list[str]


class SourceError(Exception):
    """A file that cannot be read; the message is one line that names it."""


def read_sources(settings: type[BaseSettings], spellings: Spellings) -> ReadSources:
    """Read all sources. Raises SourceError."""
    found = ReadSources({}, [])
    toml = _read_file(TOML, lambda: TomlConfigSettingsSource(settings, TOML).toml_data)
    found.given.update(
        {name: SettingValue(value, f"{name} in {TOML}") for name, value in toml.items() if name in spellings}
    )
    found.warnings.extend(f"{TOML}: no setting has the name {name!r}" for name in toml if name not in spellings)
    variables = _read_file(DOTENV, lambda: DotEnvSettingsSource(settings, env_ignore_empty=True).env_vars)
    _add_variables(found, variables, spellings, DOTENV)
    _add_variables(found, EnvSettingsSource(settings, env_ignore_empty=True).env_vars, spellings, None)
    return found


def _read_file(file: str, read: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    if Path(file).is_dir():  # container engines create one where the file to mount is missing
        raise SourceError(f"{file} cannot be read: it is a folder")
    try:
        return dict(read())
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SourceError(f"{file} cannot be read: {error}") from None


def _add_variables(
    found: ReadSources, variables: Mapping[str, str | None], spellings: Spellings, file: str | None
) -> None:
    named = {name.upper(): value for name, value in variables.items() if value}
    place = f" in {file}" if file else ""
    services = sorted(name for name in named if _is_service_variable(name, named[name], spellings))
    if services:
        found.warnings.append(
            f"passed over{place}: {', '.join(services)}: Kubernetes sets these for a Service of this name;"
            " `enableServiceLinks: false` in the pod's spec keeps them away"
        )
    if _PLATFORM.fullmatch(named.get("HOST", "")):
        found.warnings.append(
            f"passed over{place}: HOST={named.pop('HOST')}: conda sets it to the platform it builds for;"
            f" name the address to listen on by {PREFIX}HOST"
        )
    for name in services:
        del named[name]
    unknown = sorted(unknown_variables(named, spellings))
    found.warnings.extend(f"no setting has the name {name}{place or ' in the environment'}" for name in unknown)
    for setting, names in spellings.items():
        for name in names:
            if name in named:
                found.given[setting] = SettingValue(named[name], name + place)
                break


def _is_service_variable(name: str, value: str, spellings: Spellings) -> bool:
    if not _SERVICE_NAME.fullmatch(name):
        return False
    known = any(name in names for names in spellings.values())
    return not known or _SERVICE_PORT.match(value) is not None


def unknown_variables(names: Iterable[str], spellings: Spellings) -> Iterator[str]:
    """The names that look like settings but are none."""
    known = COMMAND_VARIABLES.union(*spellings.values())
    return (name for name in names if name.startswith(PREFIX) and name not in known)
