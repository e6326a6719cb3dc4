"""The versions of the peers, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Pin(NamedTuple):
    """A package by its registry's name, its exact version, and the versions of what it leaves open and must not."""

    package: str
    version: str
    beside: Mapping[str, str] = {}


PINS = {
    "nginx": Pin("nginx", "debian"),  # the distribution has one version at a time; the figures say which it was
    "sglang-router": Pin("sglang-router", "0.3.2"),
    "litellm": Pin("litellm[proxy]", "1.106.2"),
    # With 1.19 of that one, on Node 20, every stream is answered 500.
    "portkey": Pin("@portkey-ai/gateway", "1.15.2", {"@hono/node-server": "1.12.0"}),
    "litellm-rs": Pin("litellm-rs", "0.9.0"),
}
