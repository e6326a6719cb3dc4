"""sglang-router (Rust): the fastest peer that is made for models. It balances between workers."""

from __future__ import annotations

from collections.abc import Sequence

from bench.contenders.contender import KEYS, Command, Contender, Place
from bench.contenders.installed import folder, python_package, python_version
from bench.processes import free_port

_NAME = "sglang-router"


class SglangRouter(Contender):
    name = _NAME
    keys = True
    lacks = "one key for everybody: no users, limits, metering or records; sends without TCP_NODELAY"
    ready = "/readiness"  # its /health is 200 before it has a worker

    def install(self) -> None:
        python_package(_NAME)

    def version(self) -> str:
        return python_version(_NAME)

    def known(self) -> Sequence[str]:
        return KEYS[:1]

    def command(self, place: Place) -> Command:
        flags = {
            "--host": "127.0.0.1",
            "--port": place.port,
            "--worker-urls": f"http://127.0.0.1:{place.upstream}",
            "--api-key": self.known()[0],
            "--policy": "round_robin",
            "--log-level": "error",
            "--prometheus-host": "127.0.0.1",
            "--prometheus-port": free_port(),
        }
        python = str(folder(_NAME) / "bin/python")
        given = [str(word) for pair in flags.items() for word in pair]
        return Command([python, "-m", "sglang_router.launch_router", *given])
