"""The interface of a connection to its exchanges.

A connection creates its exchanges, and calls the methods under "Called by the connection" in `exchange.py` and
`request_body.py`; an exchange knows no more of its connection than this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple, Protocol

from tollkeeper.gateway.http.flow_control import FlowControl
from tollkeeper.gateway.http.server_state import ServerState


class KnownKey(NamedTuple):
    """A key and its digest. `header`: the `authorization` that alone carried it; None: it came in another way."""

    key: str
    digest: bytes
    header: bytes | None


class Channel(Protocol):
    """The connection to one client. `peer` is the address at its end; `last_key` is the key that came with its last
    request."""

    loop: asyncio.AbstractEventLoop
    server: ServerState
    flow: FlowControl
    peer: tuple[str, int] | None
    last_key: KnownKey | None
    write: Callable[[bytes], None]

    @property
    def local(self) -> tuple[str, int] | None:
        """The address at our end."""

    @property
    def unsent(self) -> int:
        """Bytes of responses waiting to be written, not counting those in the kernel's buffer."""

    def abort(self) -> None:
        """Close at once, discarding whatever is still unsent."""

    def release_parser(self) -> None:
        """Let go of what is needed to parse the next request, which is far off."""

    def response_sent(self) -> None:
        """Finish the current exchange, now that its response is written, and go on to the next request."""
