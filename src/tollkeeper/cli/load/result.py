"""What came of a load."""

from __future__ import annotations

from msgspec import Struct


class Bar(Struct, frozen=True, array_like=True):
    """How many durations were in a span; seconds."""

    above: float
    upto: float
    count: int


class Spread(Struct, frozen=True):
    """How durations are spread, in seconds: percentiles to a thousandth, all else exact; 0 where nothing was measured.
    `bars` are evenly wide on a logarithmic scale."""

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
    """`answered`: 200 and whole, a stream with its `[DONE]` and without an error; `failed`: anything else, also what an
    open loop could not send before its end; `unfinished`: given up at the end. `errors` says why, in words.

    `seconds` is from the first request until the last answer, `rate` is answers a second. `latency` is that of whole
    good answers, in an open loop from when each was due. `late`: requests sent over 1 ms after they were due, by how
    much. Of streams, `first` is until the first token and `between` from one to the next.

    `received` is bytes of content; `events` and `reads`: server-sent events, and the pieces in which anything came.
    `completion_tokens` is None where no answer told any. `cpu` is the generator's own, in seconds.
    """

    answered: int
    failed: int
    unfinished: int
    seconds: float
    rate: float
    statuses: dict[int, int]
    errors: dict[str, int]
    latency: Spread
    first: Spread
    between: Spread
    late: Spread
    received: int
    events: int
    reads: int
    completion_tokens: int | None
    cpu: float

    @property
    def tokens_rate(self) -> float | None:
        """Tokens of output a second, of all connections together; None where no answer told any."""
        if self.completion_tokens is None:
            return None
        return self.completion_tokens / self.seconds if self.seconds else 0.0
