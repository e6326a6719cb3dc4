"""What scenarios stand on: the mock, and those who take part, started when first asked for and kept up to the end."""

from __future__ import annotations

import asyncio
import http.client
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from bench.contenders.contender import Contender, Running, Target
from bench.contenders.tollkeeper import Tollkeeper
from bench.mock import Play
from bench.pages import prepare
from bench.processes import OTHER_CORE, BenchError, free_port, serving
from bench.results import DIRECT


class Stage:
    """`upstream` is the mock's port; `direct` asks it with no gateway between."""

    def __init__(self, contenders: Sequence[Contender], upstream: int, folder: Path, stack: ExitStack) -> None:
        self.contenders = contenders
        self.upstream = upstream
        self.direct = Target(DIRECT, upstream)
        self._folder = folder
        self._stack = stack
        self._running: dict[str, Running] = {}

    def __repr__(self) -> str:
        return f"Stage(upstream {self.upstream}, {len(self._running)} running)"

    def play(self, play: Play) -> None:
        """How the mock answers from now on."""
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=10)
        try:
            connection.request("PUT", "/", msgspec.json.encode(play))
            if connection.getresponse().status != 200:
                raise BenchError("the mock does not do as it is told")
        finally:
            connection.close()

    def everybody(self) -> list[Target]:
        """The mock alone, and all who take part, on the same core: one works, the others are idle."""
        return [self.direct, *(self._up(contender) for contender in self.contenders)]

    def history(self, users: int, records: int) -> Tollkeeper:
        """One that begins with so many users and records."""
        path = self._folder / f"{users}-{records}.db"
        if not path.exists():
            print(f"» writing {users:,} users and {records:,} records", file=sys.stderr, flush=True)
            asyncio.run(prepare(path, users, records))
        return Tollkeeper("tollkeeper, history", database=path)

    def _up(self, contender: Contender) -> Running:
        if contender.name not in self._running:
            running = self._stack.enter_context(contender.running(self.upstream))
            self._running[contender.name] = running
        return self._running[contender.name]


@contextmanager
def staged(contenders: Sequence[Contender]) -> Iterator[Stage]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tollkeeper-bench-")))
        port = free_port()
        command = [sys.executable, "-m", "bench.mock", "--port", str(port)]
        stack.enter_context(serving(command, port=port, ready="/", cores=OTHER_CORE, folder=folder))
        yield Stage(contenders, port, folder, stack)
