"""A balancer in Rust that comes as a Python package: sglang-router, and those that began as it."""

from __future__ import annotations

from collections.abc import Sequence

from bench.contenders.contender import Command, Contender, Place
from bench.contenders.installed import folder, python_package, python_version
from bench.processes import free_port


class RustRouter(Contender):
    """`module` is the one of its package that starts it."""

    module: str
    ready = "/readiness"  # its /health is 200 before it has a worker

    def install(self) -> None:
        python_package(self.name)

    def version(self) -> str:
        return python_version(self.name)

    def more(self) -> Sequence[str]:
        """Arguments that only this one takes."""
        return ()

    def command(self, place: Place) -> Command:
        flags = {
            "--host": "127.0.0.1",
            "--port": place.port,
            "--worker-urls": f"http://127.0.0.1:{place.upstream}",
            "--policy": "round_robin",
            "--log-level": "error",
            "--prometheus-host": "127.0.0.1",
            "--prometheus-port": free_port(),
        }
        given = [str(word) for pair in flags.items() for word in pair]
        return Command([str(folder(self.name) / "bin/python"), "-m", self.module, *given, *self.more()])
