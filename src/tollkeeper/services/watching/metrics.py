"""Metrics in the format of Prometheus.

The data plane adds to plain integers; metric families and labels are made only when metrics are scraped. Labels from
outside (models, error codes of upstreams) are bounded: after 200 values, further ones count as "other".
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from tollkeeper.rules.histograms import BOUNDS_MS, BUCKETS, bucket_of
from tollkeeper.rules.money import PICO_PER_USD
from tollkeeper.services.ledger.observers import Observer, Refusal
from tollkeeper.services.watching.pool import BREAKER_STATES, UpstreamHealth
from tollkeeper.store.ports.records import ADJUSTMENT, Record

MAX_VALUES = 200
OTHER = "other"
_LAGS_KEPT = 200


class Sums(Struct, frozen=True):
    """Sums since the start of the process; `errors` are the requests that failed, `refused` those that reached no
    upstream."""

    requests: int
    tokens: int
    cost_pico: int
    errors: int
    refused: int
    in_flight: int
    queued: int


class _Labels:
    """The known values of one label, bounded in number."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def of(self, value: str) -> str:
        if value in self._known:
            return value
        if len(self._known) >= MAX_VALUES:
            return OTHER
        self._known.add(value)
        return value


class _Row:
    """Sums of one endpoint, model and outcome."""

    __slots__ = ("cache_write", "cached", "completion", "cost_pico", "prompt", "reasoning", "requests")

    def __init__(self) -> None:
        self.requests = self.prompt = self.cached = self.cache_write = self.completion = self.reasoning = 0
        self.cost_pico = 0


class _Histogram:
    def __init__(self) -> None:
        self._counts = [0] * BUCKETS
        self._sum_ms = 0

    def add(self, ms: int) -> None:
        self._counts[bucket_of(ms)] += 1
        self._sum_ms += ms

    def family(self, name: str, text: str) -> HistogramMetricFamily:
        buckets: list[tuple[str, float]] = []
        total = 0
        for bound, count in zip([*BOUNDS_MS, None], self._counts, strict=True):
            total += count
            buckets.append(("+Inf" if bound is None else str(bound / 1000), total))
        return HistogramMetricFamily(name, text, buckets=buckets, sum_value=self._sum_ms / 1000)


class Metrics(Collector, Observer):
    """Counters of requests, and gauges of the process.

    `ledger_failing` returns why the ledger cannot be written, None while it can; `in_flight` the number of requests at
    an upstream, `queued` of those in line; `upstreams` how each is. `observer_failures` counts the failures of each
    observer. The lag of the event loop is measured every `lag_every` seconds.
    """

    def __init__(
        self,
        version: str,
        ledger_failing: Callable[[], str | None],
        in_flight: Callable[[], int],
        observer_failures: Mapping[str, int],
        *,
        queued: Callable[[], int] = lambda: 0,
        upstreams: Callable[[], Sequence[UpstreamHealth]] = tuple,
        lag_every: float = 0.05,
    ) -> None:
        self._version = version
        self._ledger_failing = ledger_failing
        self._in_flight = in_flight
        self._queued = queued
        self._upstreams_now = upstreams
        self._sample: Sequence[UpstreamHealth] = ()
        self._observer_failures = observer_failures
        self._lag_every = lag_every
        self._rows: dict[tuple[str, str, str], _Row] = {}
        self._refusals: Counter[tuple[str, str]] = Counter()
        self._upstream_errors: Counter[tuple[str, str]] = Counter()
        self._failed_attempts: Counter[tuple[str, str]] = Counter()
        self._possibly_charged: Counter[tuple[str, str]] = Counter()
        self._overshoots: Counter[str] = Counter()
        self._models, self._codes, self._upstreams = _Labels(), _Labels(), _Labels()
        self._latency = _Histogram()
        self._first_token = _Histogram()
        self._wait = _Histogram()
        self._lags: deque[float] = deque([0.0], maxlen=_LAGS_KEPT)
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def __repr__(self) -> str:
        return f"Metrics({self._in_flight()} in flight, {len(self._rows)} rows)"

    def settled(self, record: Record, allowance: int | None) -> None:
        if record.endpoint == ADJUSTMENT:
            return  # not a request
        row = self._rows.get((record.endpoint, record.model, record.status)) or self._row(record)
        usage = record.usage
        row.requests += 1
        row.prompt += usage.prompt_tokens
        row.cached += usage.cached_tokens
        row.cache_write += usage.cache_write_tokens
        row.completion += usage.completion_tokens
        row.reasoning += usage.reasoning_tokens
        row.cost_pico += record.cost_pico
        self._latency.add(record.latency_ms)
        if record.first_token_ms is not None:
            self._first_token.add(record.first_token_ms)
        self._wait.add(record.queued_ms)
        if allowance is not None and usage.completion_tokens > allowance:
            self._overshoots[self._upstreams.of(record.upstream)] += 1

    def _row(self, record: Record) -> _Row:
        return self._rows.setdefault((record.endpoint, self._models.of(record.model), record.status), _Row())

    def refused(self, refusal: Refusal) -> None:
        self._refusals[refusal.endpoint, self._codes.of(refusal.code)] += 1

    def upstream_failed(self, upstream: str, code: str | None) -> None:
        self._upstream_errors[self._upstreams.of(upstream), self._codes.of(code or "upstream_error")] += 1

    def attempt_failed(self, upstream: str, outcome: str, paid: bool) -> None:
        labels = self._upstreams.of(upstream), self._codes.of(outcome)
        self._failed_attempts[labels] += 1
        if paid:
            self._possibly_charged[labels] += 1

    def sums(self) -> Sums:
        """The sums over all endpoints and models."""
        requests = tokens = cost = errors = 0
        for (_, _, status), row in self._rows.items():
            requests += row.requests
            tokens += row.prompt + row.completion
            cost += row.cost_pico
            errors += row.requests if status == "failed" else 0
        return Sums(requests, tokens, cost, errors, self._refusals.total(), self._in_flight(), self._queued())

    async def watch_loop(self) -> None:
        """Measure the lag of the event loop, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self._lag_every
            await asyncio.sleep(self._lag_every)
            self._lags.append(max(0.0, loop.time() - due))

    def sample(self) -> None:
        """Take the figures of the upstreams for the next `text`. Call it on the event loop, as no thread may."""
        self._sample = self._upstreams_now()

    def text(self) -> bytes:
        """The metrics in Prometheus' text format. May be called from any thread."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        # Copies: the event loop may add to the tables while another thread collects them.
        rows = list(self._rows.items())
        yield InfoMetricFamily("tollkeeper_build", "What runs.", value={"version": self._version})
        yield _counter(
            "tollkeeper_requests",
            "Requests relayed to an upstream, by outcome.",
            ("endpoint", "model", "status"),
            ((place, row.requests) for place, row in rows),
        )
        yield _counter(
            "tollkeeper_refusals",
            "Requests refused before they reached an upstream.",
            ("endpoint", "code"),
            list(self._refusals.items()),
        )
        yield _counter(
            "tollkeeper_tokens",
            "Tokens by class: cached and cache_write are parts of input, reasoning is a part of output.",
            ("model", "class"),
            _summed(
                ((model, kind), count)
                for (_, model, _), row in rows
                for kind, count in (
                    ("input", row.prompt),
                    ("cached", row.cached),
                    ("cache_write", row.cache_write),
                    ("output", row.completion),
                    ("reasoning", row.reasoning),
                )
            ),
        )
        costs = _summed(((model,), row.cost_pico) for (_, model, _), row in rows)
        yield _counter(
            "tollkeeper_cost_usd",
            "What requests cost, in dollars (rounded to what a float holds; the ledger is exact).",
            ("model",),
            ((place, pico / PICO_PER_USD) for place, pico in costs),
        )
        yield _counter(
            "tollkeeper_upstream_errors", "Failures of upstreams.", ("upstream", "code"),
            list(self._upstream_errors.items()),
        )  # fmt: skip
        yield _counter(
            "tollkeeper_failed_attempts",
            "Attempts at an upstream that failed, after which another may have served the request.",
            ("upstream", "reason"),
            list(self._failed_attempts.items()),
        )
        yield _counter(
            "tollkeeper_possibly_charged_attempts",
            "Those of them that the provider may charge for, though no record does.",
            ("upstream", "reason"),
            list(self._possibly_charged.items()),
        )
        yield _counter(
            "tollkeeper_overshoots",
            "Answers with more output than their request allowed: no budget can hold against those.",
            ("upstream",),
            [((upstream,), count) for upstream, count in self._overshoots.items()],
        )
        yield _counter(
            "tollkeeper_observer_failures",
            "Events of requests that a part which follows them failed at; the first is in the log.",
            ("observer",),
            [((observer,), count) for observer, count in list(self._observer_failures.items())],
        )
        yield GaugeMetricFamily("tollkeeper_in_flight", "Requests at an upstream now.", value=self._in_flight())
        yield GaugeMetricFamily("tollkeeper_queued", "Requests in line now.", value=self._queued())
        yield from _of_upstreams(self._sample)
        yield GaugeMetricFamily(
            "tollkeeper_ledger_failing",
            "1 while the ledger cannot write, and new requests are refused.",
            value=int(self._ledger_failing() is not None),
        )
        yield GaugeMetricFamily(
            "tollkeeper_loop_lag_seconds",
            f"The longest that the event loop was late in the last {self._lag_every * _LAGS_KEPT:.0f} seconds.",
            value=max(self._lags.copy()),
        )
        yield self._latency.family("tollkeeper_request_duration_seconds", "From a request's arrival to its end.")
        yield self._first_token.family("tollkeeper_first_token_seconds", "From a request's arrival to its first token.")
        yield self._wait.family(
            "tollkeeper_queue_wait_seconds", "Time that requests spent in line before they were sent."
        )


def _of_upstreams(upstreams: Sequence[UpstreamHealth]) -> Iterable[Metric]:
    figures: Sequence[tuple[str, str, Callable[[UpstreamHealth], float]]] = (
        ("tollkeeper_upstream_in_flight", "Requests at this upstream now.", lambda each: each.in_flight),
        ("tollkeeper_upstream_slots", "Requests that may run there at once; 0: no bound.",
         lambda each: each.config.most_running),
        ("tollkeeper_upstream_queued", "Requests in line for it; one that may go to several counts at each.",
         lambda each: each.queued),
        ("tollkeeper_upstream_oldest_wait_seconds", "For how long the oldest of them has waited; 0: none waits.",
         lambda each: each.oldest_wait or 0.0),
        ("tollkeeper_upstream_up", "1 while it gets requests and answers.", lambda each: each.state == "up"),
    )  # fmt: skip
    for name, text, figure in figures:
        gauge = GaugeMetricFamily(name, text, labels=("upstream",))
        for each in upstreams:
            gauge.add_metric((each.config.id,), figure(each))
        yield gauge
    breakers = GaugeMetricFamily(
        "tollkeeper_upstream_breaker", "1 for the state that its breaker is in.", labels=("upstream", "state")
    )
    for each in upstreams:
        for state in dict.fromkeys(BREAKER_STATES.values()):
            breakers.add_metric((each.config.id, state), each.breaker == state)
    yield breakers


def _counter(
    name: str, text: str, labels: Sequence[str], values: Iterable[tuple[tuple[str, ...], float]]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=labels)
    for place, value in values:
        family.add_metric(place, value)
    return family


def _summed(values: Iterable[tuple[tuple[str, ...], int]]) -> list[tuple[tuple[str, ...], int]]:
    sums: Counter[tuple[str, ...]] = Counter()
    for place, value in values:
        sums[place] += value
    return list(sums.items())
