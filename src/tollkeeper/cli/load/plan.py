"""The plan of a load: what is sent, where to, and how often."""

from __future__ import annotations

from msgspec import Struct

CHAT_PATH = b"/chat/completions"
TIMEOUT_SECONDS = 300.0
"""The same as the gateway's timeout for an upstream, which may have to load the model first."""


class LoadPlan(Struct, frozen=True):
    """Requests with `body` to the gateway at `url`, until `requests` of them were sent or `seconds` have passed.

    `keys` are assigned to the connections in turn; if empty, no key is sent. `stream` says that the body asks for a
    stream. `rate` is in requests per second over all connections; 0 selects a closed loop, whose connections start
    evenly spread over `stagger` seconds. A request fails when nothing of its response arrives for `timeout` seconds,
    and responses that are incomplete that long after the last request are abandoned.
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
    timeout: float = TIMEOUT_SECONDS

    def __repr__(self) -> str:
        return f"LoadPlan({self.connections} connections, {len(self.keys)} keys)"
