"""The client of an upstream, by what its admin has set."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from tollkeeper.services.upstreams.config import TimeoutOverrides, UpstreamConfig
from tollkeeper.services.upstreams.http.bounds import Timeouts
from tollkeeper.services.upstreams.http.client import HttpClient
from tollkeeper.services.upstreams.redaction import Redactor
from tollkeeper.wire.http.proxies import Proxies


def client_of(config: UpstreamConfig, timeouts: Timeouts, proxies: Proxies) -> HttpClient:
    """The client of an upstream. `timeouts` are in force where the upstream has none of its own. Raises ValueError for
    a bad address."""
    own = _overridden(timeouts, config.timeouts)
    return HttpClient(
        config.base_url,
        headers=config.sent_headers(),
        timeouts=own,
        model_timeouts={model: _overridden(own, overrides) for model, overrides in config.model_timeouts.items()},
        ca_file=config.ca_file,
        proxies=proxies,
        is_paid=config.is_paid,
        redact=redactor_of(config),
    )


def redactor_of(config: UpstreamConfig) -> Redactor:
    """The redactor of everything secret that is sent to an upstream."""
    secrets = [value.reveal() for _, value in config.headers]
    if config.secret is not None:
        secrets.append(config.secret.reveal())
    url = urlsplit(config.base_url)
    if url.password:
        secrets.append(unquote(url.password))
    return Redactor(secrets)


def _overridden(timeouts: Timeouts, by: TimeoutOverrides) -> Timeouts:
    return Timeouts(
        timeouts.connect if by.connect is None else by.connect,
        timeouts.first_byte if by.first_byte is None else by.first_byte,
        timeouts.event if by.event is None else by.event,
    )
