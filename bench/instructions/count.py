"""The script of requests, and the counts that follow from it.

Each request and each event is counted by itself, many times; the lower quartile leaves out those that a timer falls
into.
"""

from __future__ import annotations

import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from bench.contenders.tollkeeper import THREE_LIMITS, Desk
from bench.instructions.attribution import by_step, by_unit, check_all_called, lower_quartile
from bench.instructions.callgrind import Dump, build_library, read_dumps, under_callgrind
from bench.instructions.conversation import PATIENCE, Client, Mock
from bench.instructions.steps import UNIT, slots
from bench.processes import ALL_CORES, BenchError, free_port, serving

EVENTS = 8
"""Events of a stream, its ending not counted."""
WARM_UP_REQUESTS, WARM_UP_STREAMS = 40, 4
REQUESTS, STREAMS = 80, 20
MARKED_REQUESTS, MARKED_STREAMS = 12, 4
NOTHING, WHOLE, FIRST, EVENT, LAST = "nothing", "whole", "first", "event", "last"
"""Units: no request, a request with a whole answer; of a streamed one all up to its first event, one more event, and
what ends it."""
_WARM_UP, _MARKED = "warm-up ", "marked "
_ADMIN_KEY = "sk-bench-instructions-admin"


class Counts(Struct, frozen=True):
    """User-level instructions of the event loop's thread, for a request, a streamed request of `EVENTS` events, and an
    event. Those of steps are approximate: marks disturb what they count."""

    request: int
    streamed: int
    event: int
    request_steps: dict[str, int]
    event_steps: dict[str, int]


def count() -> Counts:
    """Run the script against a gateway under callgrind, in about a minute. Raises BenchError."""
    slots()
    with tempfile.TemporaryDirectory(prefix="tollkeeper-bench-") as name:
        folder = Path(name)
        with Mock(EVENTS) as mock, _gateway(folder, mock) as (port, remote):
            _converse(port, remote, mock)
        return counts_of(read_dumps(folder))


def counts_of(dumps: Sequence[Dump]) -> Counts:
    """The counts from the dumps of the whole script. Raises BenchError."""
    check_all_called(dumps)
    units = by_unit(dumps)
    ending = lower_quartile(units[NOTHING])
    whole, first, event, last = (lower_quartile(units[unit]) - ending for unit in (WHOLE, FIRST, EVENT, LAST))
    request_steps, event_steps = (by_step(dumps, _MARKED + unit, ending) for unit in (WHOLE, EVENT))
    return Counts(
        request=round(whole),
        streamed=round(first + (EVENTS - 1) * event + last),
        event=round(event),
        request_steps={step: round(found) for step, found in request_steps.items()},
        event_steps={step: round(found) for step, found in event_steps.items()},
    )


class _Remote:
    """The other end of the gateway's remote control."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire

    def send(self, command: str) -> None:
        """Have a command obeyed. Raises BenchError."""
        try:
            self._wire.sendall(f"{command}\n".encode())
            obeyed = self._wire.recv(1)
        except OSError:
            obeyed = b""
        if not obeyed:
            raise BenchError(f"the gateway did not obey the command {command!r}")

    def end(self, unit: str) -> None:
        """Call what was counted since the last unit's end `unit`."""
        self.send(f"dump {UNIT}{unit}")


@contextmanager
def _gateway(folder: Path, mock: Mock) -> Iterator[tuple[int, _Remote]]:
    """Its port and its remote control, once it serves."""
    port, library, path = free_port(), build_library(folder), folder / "remote"
    program = [
        sys.executable, "-m", "bench.instructions.gateway", str(library), str(path),
        "serve", "--port", str(port), "--database", str(folder / "ledger.db"),
        "--ollama", f"http://127.0.0.1:{mock.port}",
    ]  # fmt: skip
    command = under_callgrind(program, folder)
    environment = {"ADMIN_API_KEY": _ADMIN_KEY, "PYTHONHASHSEED": "0"}
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        with serving(command, port=port, ready="/health", cores=ALL_CORES, folder=folder, environment=environment):
            wire, _ = listening.accept()
            with wire:
                wire.settimeout(PATIENCE)
                yield port, _Remote(wire)


def _converse(port: int, remote: _Remote, mock: Mock) -> None:
    desk = Desk(port, _ADMIN_KEY)
    key = desk.add_user("bench", THREE_LIMITS)
    desk.set_price()
    client = Client(port, key)
    remote.send("begin")
    for _ in range(WARM_UP_REQUESTS):
        client.whole()
    for _ in range(WARM_UP_STREAMS):
        _stream(client, remote, mock, _WARM_UP)
    for _ in range(REQUESTS):
        remote.end(NOTHING)
        client.whole()
        remote.end(WHOLE)
    for _ in range(STREAMS):
        _stream(client, remote, mock)
    client.close()
    mock.hang_up()  # a connection has looked its functions up when it was made, so it needs new ones to be marked
    remote.send("mark")
    remote.send("calibrate")
    client = Client(port, key)
    for _ in range(MARKED_REQUESTS):
        client.whole()
        remote.end(_MARKED + WHOLE)
    for _ in range(MARKED_STREAMS):
        _stream(client, remote, mock, _MARKED)
    client.close()


def _stream(client: Client, remote: _Remote, mock: Mock, kind: str = "") -> None:
    client.first()
    remote.end(kind + FIRST)
    for _ in range(EVENTS - 1):
        mock.go_on()
        client.next()
        remote.end(kind + EVENT)
    mock.go_on()
    client.last()
    remote.end(kind + LAST)
