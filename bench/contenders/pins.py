"""The versions of the peers, once."""

from __future__ import annotations

from typing import NamedTuple


class Pin(NamedTuple):
    """A package by its registry's name, and its exact version."""

    package: str
    version: str


PINS = {
    "nginx": Pin("nginx", "debian"),  # the distribution has one version at a time; the figures say which it was
    "sglang-router": Pin("sglang-router", "0.3.2"),
    "litellm": Pin("litellm[proxy]", "1.106.2"),
    "portkey": Pin("@portkey-ai/gateway", "1.15.2"),
    "litellm-rs": Pin("litellm-rs", "0.9.0"),
}
