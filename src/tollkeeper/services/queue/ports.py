"""What the line asks of the upstreams that requests wait for."""

from __future__ import annotations

from typing import Protocol

from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.load import Load


class Server(Protocol):
    """An upstream: its configuration and its load."""

    @property
    def config(self) -> UpstreamConfig: ...

    @property
    def load(self) -> Load: ...


class Choice(Protocol):
    """A model on an upstream, to which a request may be sent."""

    @property
    def model(self) -> str: ...

    @property
    def upstream(self) -> Server: ...
