"""Who takes part: a gateway that can be installed, started before an upstream, and asked."""

from __future__ import annotations

import http.client
import json
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.load import Job
from bench.mock import MODEL
from bench.processes import GATEWAY_CORE, BenchError, Program, free_port, serving

CONNECTIONS = 64
KEYS = tuple(f"sk-bench-{number:03}" for number in range(CONNECTIONS))
WRONG_KEY = "sk-bench-of-nobody"


class Place(NamedTuple):
    """Where one runs: an empty folder, the port to serve at, the upstream's; both on loopback."""

    folder: Path
    port: int
    upstream: int


class Command(NamedTuple):
    """What starts it."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = {}


class Target:
    """What load can be sent to. `keys` are those it knows, or is sent where it checks none; `prefix` is what its paths
    begin with before `/v1`; `answered` is what it answered so far."""

    def __init__(self, name: str, port: int, keys: Sequence[str] = (), prefix: str = "") -> None:
        self.name = name
        self.port = port
        self.keys = keys
        self.prefix = prefix
        self.answered = 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name}, port {self.port})"

    def job(self, body: str, connections: int, seconds: float, *, rate: float = 0, stagger: float = 0) -> Job:
        return Job(self.port, list(self.keys), body, connections, seconds, rate, stagger, self.prefix)

    def cpu(self) -> float:
        """Seconds of CPU that it used so far; 0 where that is not of interest."""
        return 0.0

    def less_records(self) -> int | None:
        """Answers less completed records: 0 when none was lost or doubled. None: it keeps no records to count."""
        return None


class Running(Target):
    """A contender that answers. `idle` is the memory it held before the first request, in megabytes."""

    def __init__(self, name: str, program: Program, keys: Sequence[str], prefix: str = "") -> None:
        super().__init__(name, program.port, keys, prefix)
        self.program = program
        self.idle = program.resident()

    def cpu(self) -> float:
        return self.program.cpu()

    def status(self, key: str) -> int:
        """What one small request gets with that key."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        body = {"model": MODEL, "messages": [{"role": "user", "content": "Are you there?"}]}
        try:
            connection.request("POST", f"{self.prefix}/v1/chat/completions", json.dumps(body), headers)
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()


class Contender(ABC):
    """`keys`, `meters`, `stores`: whether it checks keys (tried at every start), counts tokens by user, and keeps
    records durably; `lacks` says in words what its stock install does not do, as it is measured here. `ready` is the
    path that it answers with 200 when it can serve."""

    name: str
    keys: bool
    meters: bool = False
    stores: bool = False
    lacks: str
    ready: str = "/health"

    def __repr__(self) -> str:
        return f"Contender({self.name})"

    @abstractmethod
    def install(self) -> None:
        """Into the cache; does nothing where it is there. Raises BenchError."""

    @abstractmethod
    def version(self) -> str:
        """As the installed one tells it."""

    @abstractmethod
    def command(self, place: Place) -> Command:
        """Writes its configuration, and says how it is started: one worker, logs off."""

    def known(self) -> Sequence[str]:
        """The keys that its configuration names."""
        return KEYS

    @contextmanager
    def running(self, upstream: int, *, cores: Collection[int] = GATEWAY_CORE) -> Iterator[Running]:
        """Started, and seen to answer whom it should. Raises BenchError."""
        with self.started(upstream, cores=cores) as (program, _):
            running = Running(self.name, program, self.known())
            self.try_keys(running)
            yield running

    @contextmanager
    def started(self, upstream: int, *, cores: Collection[int] = GATEWAY_CORE) -> Iterator[tuple[Program, Place]]:
        """Just started, nothing asked yet."""
        with tempfile.TemporaryDirectory(prefix="tollkeeper-bench-") as name:
            place = Place(Path(name), free_port(), upstream)
            arguments, environment = self.command(place)
            with serving(
                arguments, port=place.port, ready=self.ready, cores=cores, folder=place.folder, environment=environment
            ) as program:
                yield program, place

    def try_keys(self, running: Running) -> None:
        """Whether it does of keys what is said of it."""
        right, wrong = running.status(running.keys[0]), running.status(WRONG_KEY)
        if right != 200:
            raise BenchError(f"{self.name} answers {right} to a request with its key")
        if (wrong != 200) != self.keys:
            raise BenchError(f"{self.name} answers {wrong} to a request with a wrong key")
