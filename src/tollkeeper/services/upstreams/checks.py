"""Checks of what an admin sets of an upstream. They raise Unprocessable, which names the field."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable
from pathlib import Path

from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.kinds import Kind
from tollkeeper.services.upstreams.config import Secret
from tollkeeper.services.upstreams.stored import split_userinfo
from tollkeeper.wire.http.address import Address

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,100}", re.ASCII)
"""The name of a header (RFC 9110, 5.1), in lower case."""
_VALUE = re.compile(r"[!-~](?:[ !-~]{0,8190}[!-~])?", re.ASCII)
_SECRET = re.compile(r"[!-~]{1,8192}", re.ASCII)
_OURS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that the client itself writes, or that would change how a request is framed."""
SHORTEST_PROBE_EVERY = 0.1
"""Seconds. More often, probes would be a load of their own."""


def check_url(base_url: str) -> str:
    """An address as it is kept: without a slash at its end."""
    try:
        Address(base_url)
    except ValueError as error:
        raise Unprocessable(f"'base_url' is wrong: {error}.", param="base_url") from None
    address, userinfo = split_userinfo(base_url)
    if userinfo is not None:
        raise Unprocessable(
            "'base_url' must have no name and password. Give a 'secret', or an 'authorization' in 'headers'.",
            param="base_url",
        )
    return address.rstrip("/")


def check_secret(secret: Secret) -> None:
    if not _SECRET.fullmatch(secret.reveal()):
        raise Unprocessable(
            "'secret' cannot be sent in a header. It must be printable ASCII without blanks.", param="secret"
        )


def check_header(name: str, value: Secret) -> None:
    param = f"headers.{name}"[:200]
    if not _TOKEN.fullmatch(name):
        raise Unprocessable("A name in 'headers' is no name of a header, such as 'api-key'.", param=param)
    if name in _OURS:
        raise Unprocessable(f"The header '{name}' is written by the gateway itself. Leave it out.", param=param)
    if not _VALUE.fullmatch(value.reveal()):
        raise Unprocessable(f"The value of the header '{name}' must be one line of printable ASCII.", param=param)


def check_sign_in(kind: Kind, secret: Secret | None, headers: Iterable[tuple[str, Secret]]) -> None:
    """Whether the header of the secret is sent once."""
    sign_in = "x-api-key" if kind.signs_in_by == "x-api-key" else "authorization"
    if secret is not None and any(name == sign_in for name, _ in headers):
        raise Unprocessable(
            f"The header '{sign_in}' would be sent twice: set it once, as 'secret' or in 'headers'.",
            param=f"headers.{sign_in}",
        )


def check_probe_every(seconds: float) -> None:
    if 0 < seconds < SHORTEST_PROBE_EVERY:
        raise Unprocessable(
            f"'probe_every' must be at least {SHORTEST_PROBE_EVERY:g} seconds, or 0 for never.", param="probe_every"
        )


def check_ca_file(path: str) -> None:
    """It blocks: a file is read."""
    problem = None
    if not Path(path).is_absolute():
        problem = "must be an absolute path"
    else:
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(path)
            if not context.get_ca_certs():
                problem = "holds no certificate of an authority"
        except (OSError, ValueError):  # ssl.SSLError is an OSError
            problem = "cannot be read as PEM certificates by the gateway"
    if problem:
        raise Unprocessable(f"'tls.ca_file' {problem}.", param="tls.ca_file")
