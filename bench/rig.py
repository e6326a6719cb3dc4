"""What a scenario stands on: an upstream, the gateway in front of it, its users, and its ledger."""

from __future__ import annotations

import http.client
import json
import secrets
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.processes import ALL_CORES, OTHER_CORE, BenchError, Child, child


class Gateway:
    """A running gateway with its own empty ledger; `keys` are its users'. Whoever sends it load adds up what came of
    it in `answered` and `failed`."""

    def __init__(self, process: Child, admin_key: str) -> None:
        self.process = process
        self.port = int(process.said.rpartition(":")[2])
        self.keys: list[str] = []
        self.answered = self.failed = 0
        self._admin_key = admin_key

    def __repr__(self) -> str:
        return f"Gateway(port {self.port}, {len(self.keys)} users)"

    def add_users(self, count: int) -> None:
        for _ in range(count):
            made = self._ask("POST", "/admin/users", {"user_id": f"user-{len(self.keys)}"})
            self.keys.append(made["api_key"])

    def set_price(self) -> None:
        """One for all models, so that costs are computed."""
        self._ask("PUT", "/admin/prices", {"model": "*", "input_usd_per_mtok": "0.1", "output_usd_per_mtok": "0.4"})

    def set_limits(self, limits: Mapping[str, object]) -> None:
        """The same for every user there is."""
        for number in range(len(self.keys)):
            self._ask("PUT", f"/admin/users/user-{number}/limits", dict(limits))

    def completed(self) -> int:
        """How many records of completed requests the ledger holds."""
        told = self._ask("GET", "/admin/usage/summary?group_by=status")
        return sum(row["requests"] for row in told["data"] if row["status"] == "completed")

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"authorization": f"Bearer {self._admin_key}", "content-type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status >= 300:
            raise BenchError(f"{method} {path}: {response.status} {text.decode(errors='replace')}")
        return json.loads(text)


@contextmanager
def gateway(
    upstream_port: int, *, users: int, cores: Collection[int] = ALL_CORES, ledger: bool = True
) -> Iterator[Gateway]:
    """Tollkeeper as it is installed, everything on (but for the ledger, if so asked), before an upstream on
    loopback."""
    admin_key = "sk-bench-" + secrets.token_hex(16)
    environment = {"ADMIN_API_KEY": admin_key}
    with tempfile.TemporaryDirectory(prefix="tollkeeper-bench-") as name:
        installed = [str(Path(sys.executable).with_name("tollkeeper"))]
        program = installed if ledger else [sys.executable, "-m", "bench.ledgerless"]
        flags = ["serve", "--port", "0", "--ollama", f"http://127.0.0.1:{upstream_port}"]
        with child([*program, *flags], cores=cores, folder=Path(name), environment=environment) as process:
            running = Gateway(process, admin_key)
            running.add_users(users)
            running.set_price()
            yield running


@contextmanager
def mock(*, delay_ms: float = 0, events: int = 64, pause_ms: float = 10) -> Iterator[int]:
    """The mock upstream; its port."""
    flags = {"--delay-ms": delay_ms, "--events": events, "--pause-ms": pause_ms}
    given = [text for flag, value in flags.items() for text in (flag, str(value))]
    with tempfile.TemporaryDirectory(prefix="tollkeeper-bench-") as name:
        command = [sys.executable, "-m", "bench.mock", *given]
        with child(command, cores=OTHER_CORE, folder=Path(name)) as process:
            yield int(process.said)
