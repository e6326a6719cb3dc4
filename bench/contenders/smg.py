"""Shepherd Model Gateway (Rust), what sglang-router's authors make now: it balances, and knows each tenant by a key."""

from __future__ import annotations

from bench.contenders.contender import Command, Contender, Place
from bench.contenders.installed import folder, python_package, python_version
from bench.processes import free_port

_NAME = "smg"


class Smg(Contender):
    name = _NAME
    keys = True
    lacks = "no limits or records; counts a tenant's tokens only where their rate is limited, which is left off here"
    ready = "/readiness"  # its /health is 200 before it has a worker

    def install(self) -> None:
        python_package(_NAME)

    def version(self) -> str:
        return python_version(_NAME)

    def command(self, place: Place) -> Command:
        flags = {
            "--host": "127.0.0.1",
            "--port": place.port,
            "--worker-urls": f"http://127.0.0.1:{place.upstream}",
            "--policy": "round_robin",
            "--history-backend": "none",
            "--log-level": "error",
            "--prometheus-host": "127.0.0.1",
            "--prometheus-port": free_port(),
        }
        python = str(folder(_NAME) / "bin/python")
        given = [str(word) for pair in flags.items() for word in pair]
        tenants = [word for key in self.known() for word in ("--tenant-api-key", f"{key}:{key}")]
        return Command([python, "-m", "smg.launch_router", *given, "--disable-tokenizer-autoload", *tenants])
