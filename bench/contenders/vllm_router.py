"""vllm-router (Rust): the vLLM project's balancer, which began as sglang-router."""

from __future__ import annotations

from bench.contenders.contender import Command, Contender, Place
from bench.contenders.installed import folder, python_package, python_version
from bench.processes import free_port

_NAME = "vllm-router"


class VllmRouter(Contender):
    name = _NAME
    keys = False
    lacks = "no keys of its own (its `--api-key` is for workers): no users, limits, metering or records"
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
            "--log-level": "error",
            "--prometheus-host": "127.0.0.1",
            "--prometheus-port": free_port(),
        }
        python = str(folder(_NAME) / "bin/python")
        given = [str(word) for pair in flags.items() for word in pair]
        return Command([python, "-m", "vllm_router.launch_router", *given])
