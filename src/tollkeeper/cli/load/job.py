"""What is asked of a load generator."""

from __future__ import annotations

from msgspec import Struct

TARGET = b"/chat/completions"
SILENCE_SECONDS = 300.0
"""As long as a gateway waits for an upstream that must load its model first."""


class Job(Struct, frozen=True):
    """Requests of `body` to the gateway at `url`, until there were `requests` of them or for `seconds`.

    `keys` go around the connections; none: no key is sent. `stream`: the body asks for a stream. `rate` is requests a
    second in all, 0 for a closed loop; its connections begin evenly over `stagger` seconds. Who is silent for
    `patience` seconds is given up; so are, that long after the last request, answers that have not ended.
    """

    url: str
    keys: list[str]
    body: bytes
    stream: bool
    connections: int
    requests: int | None = None
    seconds: float | None = None
    rate: float = 0
    stagger: float = 0
    patience: float = SILENCE_SECONDS

    def __repr__(self) -> str:
        return f"Job({self.connections} connections, {len(self.keys)} keys)"
