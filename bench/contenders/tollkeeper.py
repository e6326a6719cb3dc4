"""Tollkeeper, everything on: key check, three limits for each user, prices, metering, intents, durable records with
sums and chain, metrics. Variants leave something out, or begin with a history."""

from __future__ import annotations

import http.client
import json
import secrets
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tollkeeper
from bench.contenders.contender import CONNECTIONS, Command, Contender, Place, Running
from bench.processes import GATEWAY_CORE, BenchError, Program
from bench.results import TOLLKEEPER

WIDE = 10**12
THREE_LIMITS = {"requests_per_minute": WIDE, "tokens_per_day": WIDE, "cost_usd_total": WIDE}
PRICE = {"model": "*", "input_usd_per_mtok": "0.1", "output_usd_per_mtok": "0.4"}


class Desk:
    """What its admin asks of it."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._key = key

    def add_user(self, user: str, limits: Mapping[str, object]) -> str:
        """The new user's key."""
        made = self._ask("POST", "/admin/users", {"user_id": user})
        if limits:
            self._ask("PUT", f"/admin/users/{user}/limits", dict(limits))
        return str(made["api_key"])

    def set_price(self) -> None:
        """One for all models, so that costs are computed."""
        self._ask("PUT", "/admin/prices", PRICE)

    def add_upstream(self, name: str, kind: str, port: int) -> None:
        """One more, on this machine, with its models."""
        body: dict[str, object] = {"id": name, "kind": kind, "base_url": f"http://127.0.0.1:{port}"}
        if kind != "ollama":
            body |= {"secret": "sk-bench", "open": True}
        self._ask("POST", "/admin/upstreams", body)

    def unbind_upstream(self) -> None:
        """Have the upstream that it started with run any number of requests at once: the mock does, and others who
        take part send it all they have."""
        self._ask("PATCH", "/admin/upstreams/default", {"slots": 0})

    def completed(self) -> int:
        """How many records of completed requests the ledger holds."""
        told = self._ask("GET", "/admin/usage/summary?group_by=status")
        return sum(row["requests"] for row in told["data"] if row["status"] == "completed")

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status >= 300:
            raise BenchError(f"{method} {path}: {response.status} {text.decode(errors='replace')}")
        return json.loads(text)


class GatewayContext(Running):
    """A running Tollkeeper."""

    def __init__(self, name: str, program: Program, keys: Sequence[str], desk: Desk) -> None:
        super().__init__(name, program, keys)
        self._desk = desk
        self._before = desk.completed()

    def less_records(self) -> int:
        return self.answered + self._before - self._desk.completed()


class Tollkeeper(Contender):
    """`database`: one to begin with, which is added to. Without `ledger`: bench/ledgerless.py."""

    keys = meters = stores = True
    lacks = ""

    def __init__(
        self,
        called: str = TOLLKEEPER,
        *,
        users: int = CONNECTIONS,
        limits: Mapping[str, object] = THREE_LIMITS,
        ledger: bool = True,
        database: Path | None = None,
    ) -> None:
        self.name = called
        self._users = users
        self._limits = limits
        self._ledger = ledger
        self._database = database
        self._admin_key = "sk-bench-" + secrets.token_hex(16)

    def install(self) -> None:
        """It is: with the environment that the bench runs in."""

    def version(self) -> str:
        return tollkeeper.__version__

    def command(self, place: Place) -> Command:
        environment = {"ADMIN_API_KEY": self._admin_key}
        if self._database is not None:
            environment["TOLLKEEPER_DATABASE_PATH"] = str(self._database)
        installed = [str(Path(sys.executable).with_name("tollkeeper"))]
        program = installed if self._ledger else [sys.executable, "-m", "bench.ledgerless"]
        flags = ["serve", "--port", str(place.port), "--ollama", f"http://127.0.0.1:{place.upstream}"]
        return Command([*program, *flags], environment)

    @contextmanager
    def running(self, upstream: int, *, cores: Collection[int] = GATEWAY_CORE) -> Iterator[GatewayContext]:
        with self.started(upstream, cores=cores) as (program, _):
            desk = Desk(program.port, self._admin_key)
            run = secrets.token_hex(4)  # a database may have users of a run before
            keys = [desk.add_user(f"bench-{run}-{number}", self._limits) for number in range(self._users)]
            desk.set_price()
            desk.unbind_upstream()
            yield GatewayContext(self.name, program, keys, desk)
