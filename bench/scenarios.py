"""What is measured: docs/performance.md has a line for each."""

from __future__ import annotations

import json
import resource
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.ollama.rig import running_ollama

from bench import line
from bench.contenders.contender import CONNECTIONS, Contender, Running, Target
from bench.contenders.nginx import Nginx
from bench.contenders.tollkeeper import Tollkeeper
from bench.load import Result
from bench.mock import MODEL as MOCK_MODEL
from bench.mock import Play
from bench.processes import ALL_CORES, Peak
from bench.results import DIRECT, TOLLKEEPER, Row
from bench.rounds import Effort, Turn, Turns, ask, take_turns
from bench.stage import Stage

TINY = "tiny"
# With the JSON around it a request of about 300 bytes.
PROMPT = (
    "Tell me in two or three sentences what a gateway in front of language models is good for, who should run one, and"
    " what it ought to write down about each request that passes through it on its way."
)
STREAMS = (10, 200)
PLAY = Play()
FIXED_RATE = 200.0
FIXED_DELAY_MS = 20.0
SLOW_EVENTS = 20


def closed(stage: Stage, effort: Effort) -> Iterator[Row]:
    """64 connections in a closed loop, not streamed: what one core can do."""
    stage.play(PLAY)
    everybody = stage.everybody()
    turns = _closed(everybody, effort)
    yield from _rates(turns)
    yield from turns.rows("latency, p50", "ms", lambda result: result.latency.p50 * 1000)
    yield from turns.rows("latency, p99", "ms", lambda result: result.latency.p99 * 1000)
    for running in everybody:
        if isinstance(running, Running):
            yield Row(running.name, "memory, idle", "MB", [running.idle], compared=True)
            yield Row(running.name, "memory, loaded", "MB", [running.program.resident()], compared=True)
    yield from turns.kept()


def fixed(stage: Stage, effort: Effort) -> Iterator[Row]:
    """200 requests a second, whatever comes back; the upstream takes 20 ms."""
    stage.play(Play(delay_ms=FIXED_DELAY_MS))
    body = _body(MOCK_MODEL)
    turns = take_turns(
        stage.everybody(), effort, lambda target, seconds: target.job(body, CONNECTIONS, seconds, rate=FIXED_RATE)
    )
    yield from turns.added("added, p50", lambda result: result.latency.p50)
    yield from turns.added("added, p99", lambda result: result.latency.p99)
    yield from turns.cpu_per("request", _answered)
    yield from turns.kept()


def streams(stage: Stage, effort: Effort) -> Iterator[Row]:
    """10 and 200 streams at once of 64 events of 250 bytes, 10 ms apart; their beginnings are spread."""
    stage.play(PLAY)
    body, stagger = _body(MOCK_MODEL, stream=True), PLAY.events * PLAY.pause_ms / 1000
    for number, count in enumerate(STREAMS):
        turns = take_turns(
            stage.everybody(),
            effort if number == 0 else effort._replace(warm=0),
            lambda target, seconds, count=count: target.job(body, count, seconds, stagger=stagger),  # type: ignore[misc]
        )
        yield from turns.added(f"first event of {count}, p50", lambda result: result.first.p50)
        yield from turns.added(f"first event of {count}, p99", lambda result: result.first.p99)
    yield from turns.rows("events", "/s", lambda result: result.events / result.seconds, compared=True)
    yield from turns.cpu_per("event", lambda result: result.events)
    yield from turns.rows("events in one read", "", lambda result: result.events / result.reads)
    yield from turns.kept()


def many(stage: Stage, effort: Effort) -> Iterator[Row]:
    """10,000 streams at once, or as many as there may be files for, slow."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(effort.streams, files // 2 - 100)  # a stream takes two of the gateway's, and some are in use anyhow
    stage.play(Play(events=SLOW_EVENTS, pause_ms=effort.slow_ms))
    # All have begun well before the first one ends, and before a connection that says nothing is closed (after 10 s).
    begin = SLOW_EVENTS * effort.slow_ms / 2500
    body = _body(MOCK_MODEL, stream=True)

    def one(target: Target) -> Turn:
        return ask(target, target.job(body, count, begin, stagger=begin))

    memory: dict[str, list[float]] = defaultdict(list)
    floor, ours = Nginx(2 * files), Tollkeeper()  # with few left it would close those that wait
    turns = Turns([stage.direct, Target(floor.name, 0), Target(ours.name, 0)])
    less, answered = 0, 0
    for number in range(effort.starts):
        turns.of[DIRECT].append(one(stage.direct))
        both: list[Contender] = [floor, ours]
        for contender in both[:: -1 if number % 2 else 1]:
            with contender.running(stage.upstream) as running, Peak(running.program) as peak:
                turns.of[contender.name].append(one(running))
                less += running.less_records() or 0
                answered += running.answered if contender is ours else 0
            memory[contender.name].append((peak.resident - running.idle) * 1000 / count)
    for name, kilobytes in memory.items():
        yield Row(name, f"memory for each of {count:,}", "kB", kilobytes, compared=True)
    yield from turns.added("first event, p99", lambda result: result.first.p99)
    yield from turns.added("last event, p99", lambda result: result.latency.p99)
    yield from turns.rows("requests failed", "", lambda result: result.failed)
    yield Row(ours.name, "answers less records", f"{answered:,}", [less])


def million(stage: Stage, effort: Effort) -> Iterator[Row]:
    """The closed loop for 1,000,000 requests: what memory grows by after the first tenth."""
    stage.play(PLAY)
    body, failed, held = _body(MOCK_MODEL), 0, []
    with Tollkeeper().running(stage.upstream) as house:
        for goal in (effort.requests // 10, effort.requests):
            while house.answered < goal:
                failed += ask(house, house.job(body, CONNECTIONS, effort.seconds)).result.failed
            held.append(house.program.resident())
        yield Row(house.name, "memory after a tenth", "MB", held[:1])
        yield Row(house.name, f"growth to {effort.requests:,}", "MB", [held[1] - held[0]])
        yield Row(house.name, "requests failed", "", [failed])
        yield Row(house.name, "answers less records", f"{house.answered:,}", [house.less_records()])


def start(stage: Stage, effort: Effort) -> Iterator[Row]:
    """Until its health is answered; Tollkeeper also with a history."""
    history = stage.history(effort.users, effort.records)
    everybody = [*stage.contenders, history]
    taken: dict[str, list[float]] = {contender.name: [] for contender in everybody}
    held: dict[str, list[float]] = {contender.name: [] for contender in everybody}
    for number in range(effort.starts):
        for contender in everybody[:: -1 if number % 2 else 1]:
            with contender.started(stage.upstream) as (program, _):
                taken[contender.name].append(program.start * 1000)
                held[contender.name].append(program.resident())
    for name, milliseconds in taken.items():
        yield Row(name, "start", "ms", milliseconds, compared=True)
    yield Row(history.name, f"memory, {effort.records:,} records", "MB", held[history.name])


def history(stage: Stage, effort: Effort) -> Iterator[Row]:
    """The closed loop, with nothing and with many users and records to begin with."""
    yield from _variants(stage, effort, [stage.history(effort.users, effort.records), Tollkeeper()])


def parts(stage: Stage, effort: Effort) -> Iterator[Row]:
    """The closed loop, with everything, and without one thing."""
    variants = [Tollkeeper("without limits", limits={}), Tollkeeper("without ledger", ledger=False), Tollkeeper()]
    yield from _variants(stage, effort, variants)


def added_latency(_: Stage, effort: Effort) -> Iterator[Row]:
    """One client, a real Ollama, the tiny model. Nothing is pinned: they share the machine as they would."""
    with _ollama(users=1) as both:
        whole, stream = _body(TINY), _body(TINY, stream=True)
        turns = take_turns(both, effort, lambda target, seconds: target.job(whole, 1, seconds), cores=ALL_CORES)
        yield from turns.added("whole answer, p50", lambda result: result.latency.p50)
        turns = take_turns(both, effort, lambda target, seconds: target.job(stream, 1, seconds), cores=ALL_CORES)
        yield from turns.added("first event, p50", lambda result: result.first.p50)
        yield from turns.added("last event, p50", lambda result: result.latency.p50)
        yield from turns.kept()


def ollama_64(_: Stage, effort: Effort) -> Iterator[Row]:
    """64 users at once, a real Ollama, the tiny model."""
    with _ollama(users=CONNECTIONS) as both:
        body = _body(TINY)
        turns = take_turns(
            both, effort, lambda target, seconds: target.job(body, CONNECTIONS, seconds), cores=ALL_CORES
        )  # fmt: skip
        yield from _rates(turns)
        yield from turns.rows("latency, p50", "ms", lambda result: result.latency.p50 * 1000, compared=True)
        yield from turns.rows("latency, p99", "ms", lambda result: result.latency.p99 * 1000, compared=True)
        yield from turns.kept()


def queue(_: Stage, effort: Effort) -> Iterator[Row]:
    """The fair line by itself, with 10,000 requests of 1,000 users in it."""
    for what, rounds in line.figures(line.WAITING, line.USERS, effort.rounds).items():
        yield Row(TOLLKEEPER, what, "µs", list(rounds))


Scenario = Callable[[Stage, Effort], Iterator[Row]]
SCENARIOS: dict[str, Scenario] = {
    "closed": closed,
    "fixed": fixed,
    "streams": streams,
    "start": start,
    "added-latency": added_latency,
    "ollama-64": ollama_64,
    "parts": parts,
    "history": history,
    "many": many,
    "million": million,
    "queue": queue,
}
SMOKE = ("closed", "fixed", "streams", "start", "added-latency", "ollama-64")
"""Those that `--quick` runs when none is named."""
ON_OLLAMA = frozenset({"added-latency", "ollama-64"})
"""Those that run before a real Ollama; the others need only the mock."""


def _variants(stage: Stage, effort: Effort, contenders: Sequence[Contender]) -> Iterator[Row]:
    stage.play(PLAY)
    with ExitStack() as stack:
        turns = _closed([stack.enter_context(contender.running(stage.upstream)) for contender in contenders], effort)
        yield from _rates(turns)
        yield from turns.kept()


def _closed(targets: Sequence[Target], effort: Effort) -> Turns:
    body = _body(MOCK_MODEL)
    return take_turns(targets, effort, lambda target, seconds: target.job(body, CONNECTIONS, seconds))


def _rates(turns: Turns) -> Iterator[Row]:
    yield from turns.rows("answers", "/s", lambda result: result.rate, compared=True)
    yield from turns.cpu_per("request", _answered)


def _answered(result: Result) -> float:
    return result.answered


def _body(model: str, *, stream: bool = False) -> str:
    ask: dict[str, object] = {"model": model, "messages": [{"role": "user", "content": PROMPT}]}
    return json.dumps(ask | ({"stream": True} if stream else {}), separators=(",", ":"))


@contextmanager
def _ollama(*, users: int) -> Iterator[list[Target]]:
    """One, and Tollkeeper before it."""
    with (
        tempfile.TemporaryDirectory(prefix="tollkeeper-bench-") as folder,
        running_ollama(Path(folder)) as ollama,
        Tollkeeper(users=users).running(ollama.port, cores=ALL_CORES) as house,
    ):
        yield [Target(DIRECT, ollama.port), house]
