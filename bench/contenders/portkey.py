"""Portkey's gateway (Node)."""

from __future__ import annotations

import json

from bench.contenders.contender import Command, Contender, Place
from bench.contenders.installed import folder, node_package

_NAME = "portkey"
# It knows no upstream of its own: each request brings it in headers, which are added here, as whoever stands before it
# would, so that it is asked the same as the others.
_BEFORE = """\
import {{ Server }} from "node:http";
const own = ["x-portkey-provider", "openai", "x-portkey-custom-host", "http://127.0.0.1:{upstream}/v1"];
const emit = Server.prototype.emit;
Server.prototype.emit = function (event, request, ...others) {{
  if (event === "request") request.rawHeaders.push(...own);
  return emit.call(this, event, request, ...others);
}};
"""


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

    def command(self, place: Place) -> Command:
        program = folder(_NAME) / "node_modules/@portkey-ai/gateway/build/start-server.js"
        before = place.folder / "before.mjs"
        before.write_text(_BEFORE.format(upstream=place.upstream))
        environment = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1"}
        flags = ["--headless", f"--port={place.port}"]
        return Command(["node", "--import", before.as_uri(), str(program), *flags], environment)
