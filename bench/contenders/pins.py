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
    "vllm-router": Pin("vllm-router", "0.1.17"),
    "smg": Pin("smg", "1.13.0"),
    # The newest whose `proxy` can be had: later ones need packages that their registry has not. 1.107.0 was withdrawn.
    "litellm": Pin("litellm[proxy]", "1.108.7"),
    # With 1.19 of that one, on Node 20, every stream is answered 500.
    "portkey": Pin("@portkey-ai/gateway", "1.15.2", {"@hono/node-server": "1.12.0"}),
    "mlflow": Pin("mlflow[genai]", "3.17.2"),
    "one-api": Pin("github.com/songquanpeng/one-api", "v0.6.10"),
    "litellm-rs": Pin("litellm-rs", "0.9.0"),
}
