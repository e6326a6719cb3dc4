"""Portkey's gateway (Node). Where a request goes stands in the request."""

from __future__ import annotations

import json
from collections.abc import Mapping

from bench.contenders.contender import Command, Contender, Place
from bench.contenders.installed import folder, node_package

_NAME = "portkey"


class Portkey(Contender):
    name = _NAME
    keys = False
    lacks = "no keys of its own (what a client sends goes on to the provider): no users, limits, metering or records"
    ready = "/"

    def install(self) -> None:
        node_package(_NAME)

    def version(self) -> str:
        told: str = json.loads((folder(_NAME) / "node_modules/@portkey-ai/gateway/package.json").read_text())["version"]
        return told

    def headers(self, upstream: int) -> Mapping[str, str]:
        return {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1"}

    def command(self, place: Place) -> Command:
        program = folder(_NAME) / "node_modules/@portkey-ai/gateway/build/start-server.js"
        environment = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1"}
        return Command(["node", str(program), "--headless", f"--port={place.port}"], environment)
