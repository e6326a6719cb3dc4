"""The result of a load."""

from __future__ import annotations

from msgspec import Struct


class Bar(Struct, frozen=True, array_like=True):
    """Number of durations between two values, in seconds."""

    above: float
    upto: float
    count: int


class Distribution(Struct, frozen=True):
    """Distribution of durations, in seconds; 0 if there are none. Percentiles are accurate to a thousandth, other
    values exact. `bars` are equally wide on a logarithmic scale."""

    count: int = 0
    fastest: float = 0
    average: float = 0
    p50: float = 0
    p90: float = 0
    p99: float = 0
    p999: float = 0
    slowest: float = 0
    bars: list[Bar] = []


class Result(Struct, frozen=True):
    """Counts of requests, errors and tokens, and distributions of durations.

    `answered` counts complete responses with status 200 (a stream: with `[DONE]` and without an error). `failed` counts
    all other requests, and in an open loop those that could not be sent in time. `unfinished` counts requests abandoned
    at the end. `errors` counts failures by reason.

    `seconds` is the time from the first request to the last response, `rate` the successful responses per second.
    `latency` is that of successful responses; in an open loop it counts from when the request was due. `late` is the
    delay of requests sent more than 1 ms after they were due. For streams, `first` is the time to the first token, and
    `between` the time from each token to the next.

    `received` is in bytes of content, `events` counts server-sent events, and `reads` the reads from sockets.
    `completion_tokens` is None if no response reports usage. `cpu` is the generator's own processor time in seconds.
    """

    answered: int
    failed: int
    unfinished: int
    seconds: float
    rate: float
    statuses: dict[int, int]
    errors: dict[str, int]
    latency: Distribution
    first: Distribution
    between: Distribution
    late: Distribution
    received: int
    events: int
    reads: int
    completion_tokens: int | None
    cpu: float

    @property
    def tokens_rate(self) -> float | None:
        """Output tokens per second over all connections; None if no response reports usage."""
        if self.completion_tokens is None:
            return None
        return self.completion_tokens / self.seconds if self.seconds else 0.0
