"""What is measured. Each scenario asks the upstream directly and through the gateway, in turn, for several rounds."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.ollama.rig import running_ollama

from bench.load import Job, Result
from bench.mock import MODEL as MOCK_MODEL
from bench.processes import ALL_CORES, GATEWAY_CORE, OTHER_CORE, load
from bench.rig import Gateway, gateway, mock
from bench.table import How, Row

TINY = "tiny"
# With the JSON around it a request of about 300 bytes.
PROMPT = (
    "Tell me in two or three sentences what a gateway in front of language models is good for, who should run one, and"
    " what it ought to write down about each request that passes through it on its way."
)
CONNECTIONS = 64
STREAMS = 200
EVENTS = 64
PAUSE_MS = 10.0
WIDE = 10**12
THREE_LIMITS = {"requests_per_minute": WIDE, "tokens_per_day": WIDE, "cost_usd_total": WIDE}
FIXED_RATE = 200.0
FIXED_DELAY_MS = 20.0

Figure = Callable[[Result], float]


class Effort(NamedTuple):
    """How long: `rounds` of `seconds` each."""

    rounds: int
    seconds: float


class Rounds:
    """Rounds of one load, directly and through the gateway, and the seconds of CPU that the gateway spent on each."""

    def __init__(self) -> None:
        self.direct: list[Result] = []
        self.through: list[Result] = []
        self.cpu: list[float] = []

    def compare(self, what: str, unit: str, figure: Figure, how: How) -> Row:
        return Row(what, unit, [*map(figure, self.direct)], [*map(figure, self.through)], how)

    def cpu_per(self, what: str, figure: Figure) -> Row:
        """Microseconds of the gateway's CPU for each of what `figure` counts."""
        spent = [cpu * 1e6 / figure(result) for cpu, result in zip(self.cpu, self.through, strict=True)]
        return Row(f"CPU per {what}", "µs", [], spent)


def added_latency(effort: Effort) -> Iterator[Row]:
    """One client, a real Ollama, the tiny model."""
    with _ollama() as port, gateway(port, users=1) as house:
        measure = partial(_measure, port, house, connections=1, effort=effort, cores=ALL_CORES)
        whole = measure(body=_body(TINY))
        yield whole.compare("whole answer, p50", "ms", _p50, "added")
        streams = measure(body=_body(TINY, stream=True))
        yield streams.compare("stream, first event, p50", "ms", _first_p50, "added")
        yield streams.compare("stream, last event, p50", "ms", _p50, "added")
        yield from _kept(house)


def ollama_64(effort: Effort) -> Iterator[Row]:
    """64 users at once, a real Ollama, the tiny model. Nothing is pinned: they share the machine as they would."""
    with _ollama() as port, gateway(port, users=CONNECTIONS) as house:
        rounds = _measure(port, house, body=_body(TINY), connections=CONNECTIONS, effort=effort, cores=ALL_CORES)
        yield rounds.compare("answers", "/s", lambda result: result.rate, "ratio")
        yield rounds.compare("latency, p50", "ms", _p50, "ratio")
        yield rounds.compare("latency, p99", "ms", _p99, "ratio")
        yield rounds.cpu_per("request", lambda result: result.answered)
        yield from _kept(house)


def mock_closed(effort: Effort) -> Iterator[Row]:
    """64 connections in a closed loop, not streamed: what one core can do."""
    with mock() as port, gateway(port, users=CONNECTIONS, cores=GATEWAY_CORE) as house:
        idle = house.process.resident()
        rounds = _measure(port, house, body=_body(MOCK_MODEL), connections=CONNECTIONS, effort=effort)
        yield rounds.compare("answers", "/s", lambda result: result.rate, "ratio")
        yield rounds.compare("latency, p50", "ms", _p50, "")
        yield rounds.compare("latency, p99", "ms", _p99, "")
        yield rounds.cpu_per("request", lambda result: result.answered)
        yield Row("resident memory, idle", "MB", [], [idle])
        yield Row("resident memory, loaded", "MB", [], [house.process.resident()])
        yield from _kept(house)


def mock_limits(effort: Effort) -> Iterator[Row]:
    """As mock-closed, once without limits and once with three wide ones for every user."""
    for limits in ({}, THREE_LIMITS):
        with mock() as port, gateway(port, users=CONNECTIONS, cores=GATEWAY_CORE) as house:
            house.set_limits(limits)
            rounds = _measure(port, house, body=_body(MOCK_MODEL), connections=CONNECTIONS, effort=effort)
            yield rounds.compare(f"answers, {len(limits)} limits", "/s", lambda result: result.rate, "ratio")
            yield rounds.cpu_per(f"request, {len(limits)} limits", lambda result: result.answered)
            yield from _kept(house)


def mock_ledger(effort: Effort) -> Iterator[Row]:
    """As mock-closed with three limits, once as it is and once with its ledger off."""
    for word, ledger in (("on", True), ("off", False)):
        with mock() as port, gateway(port, users=CONNECTIONS, cores=GATEWAY_CORE, ledger=ledger) as house:
            house.set_limits(THREE_LIMITS)
            rounds = _measure(port, house, body=_body(MOCK_MODEL), connections=CONNECTIONS, effort=effort)
            yield rounds.compare(f"answers, ledger {word}", "/s", lambda result: result.rate, "ratio")
            yield rounds.cpu_per(f"request, ledger {word}", lambda result: result.answered)
            yield from _kept(house)


def mock_fixed(effort: Effort) -> Iterator[Row]:
    """200 requests a second, whatever comes back; the upstream takes 20 ms."""
    with mock(delay_ms=FIXED_DELAY_MS) as port, gateway(port, users=CONNECTIONS, cores=GATEWAY_CORE) as house:
        rounds = _measure(
            port, house, body=_body(MOCK_MODEL), connections=CONNECTIONS, effort=effort, rate=FIXED_RATE
        )  # fmt: skip
        yield rounds.compare("latency, p50", "ms", _p50, "added")
        yield rounds.compare("latency, p99", "ms", _p99, "added")
        yield rounds.cpu_per("request", lambda result: result.answered)
        yield from _kept(house)


def mock_streams(effort: Effort) -> Iterator[Row]:
    """200 streams at once of 64 events, 10 ms apart; their beginnings are spread."""
    with (
        mock(events=EVENTS, pause_ms=PAUSE_MS) as port,
        gateway(port, users=CONNECTIONS, cores=GATEWAY_CORE) as house,
    ):
        body, stagger = _body(MOCK_MODEL, stream=True), EVENTS * PAUSE_MS / 1000
        rounds = _measure(port, house, body=body, connections=STREAMS, effort=effort, stagger=stagger)
        yield rounds.compare("events", "/s", lambda result: result.events / result.seconds, "ratio")
        yield rounds.compare("first event, p50", "ms", _first_p50, "added")
        yield rounds.compare("first event, p99", "ms", _first_p99, "added")
        yield rounds.compare("events in one read", "", lambda result: result.events / result.reads, "")
        yield rounds.cpu_per("event", lambda result: result.events)
        yield from _kept(house)


SCENARIOS: dict[str, Callable[[Effort], Iterator[Row]]] = {
    "added-latency": added_latency,
    "ollama-64": ollama_64,
    "mock-closed": mock_closed,
    "mock-limits": mock_limits,
    "mock-ledger": mock_ledger,
    "mock-fixed": mock_fixed,
    "mock-streams": mock_streams,
}


def _measure(
    upstream_port: int,
    house: Gateway,
    *,
    body: str,
    connections: int,
    effort: Effort,
    cores: Collection[int] = OTHER_CORE,
    rate: float = 0,
    stagger: float = 0,
) -> Rounds:
    direct = Job(upstream_port, [], body, connections, effort.seconds, rate, stagger)
    relayed = Job(house.port, house.keys, body, connections, effort.seconds, rate, stagger)

    def ask_directly() -> Result:
        return load(direct, cores=cores)

    def ask_gateway() -> tuple[Result, float]:
        before = house.process.cpu()
        result = load(relayed, cores=cores)
        house.answered += result.answered
        house.failed += result.failed
        return result, house.process.cpu() - before

    rounds = Rounds()
    for number in range(effort.rounds + 1):
        if number % 2:
            (through, cpu), plain = ask_gateway(), ask_directly()
        else:
            plain, (through, cpu) = ask_directly(), ask_gateway()
        if number:  # the one before the first fills caches and loads the model
            rounds.direct.append(plain)
            rounds.through.append(through)
            rounds.cpu.append(cpu)
    return rounds


def _kept(house: Gateway) -> Iterator[Row]:
    """Whether each request was answered, and each answer has its one record: 0 and 0 when so."""
    yield Row("requests that failed", "", [], [house.failed])
    yield Row("answers less records", f"of {house.answered:,}", [], [house.answered - house.completed()])


def _body(model: str, *, stream: bool = False) -> str:
    ask: dict[str, object] = {"model": model, "messages": [{"role": "user", "content": PROMPT}]}
    return json.dumps(ask | ({"stream": True} if stream else {}), separators=(",", ":"))


@contextmanager
def _ollama() -> Iterator[int]:
    with tempfile.TemporaryDirectory(prefix="tollkeeper-bench-") as folder, running_ollama(Path(folder)) as ollama:
        yield ollama.port


def _ms(figure: Figure) -> Figure:
    return lambda result: figure(result) * 1000


_p50 = _ms(lambda result: result.latency.p50)
_p99 = _ms(lambda result: result.latency.p99)
_first_p50 = _ms(lambda result: result.first.p50)
_first_p99 = _ms(lambda result: result.first.p99)
