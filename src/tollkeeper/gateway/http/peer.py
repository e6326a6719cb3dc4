"""The other end of a connection: its address, and whether it has disconnected."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from typing import Any

_LEFT = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
_MAPPED = "::ffff:"


def address_of(name: Callable[[], Any]) -> tuple[str, int] | None:
    """Address returned by `getpeername` or `getsockname`, IPv4-mapped as IPv4; None once disconnected."""
    try:
        info = name()
    except OSError:
        return None
    if not isinstance(info, tuple):
        return None
    host = str(info[0])
    return (host.removeprefix(_MAPPED) if "." in host else host, int(info[1]))


def has_disconnected(accepted: socket.socket) -> bool:
    """Whether the other end has closed or reset the connection, which goes unnoticed while reading is paused."""
    poll = select.poll()
    poll.register(accepted.fileno(), getattr(select, "POLLRDHUP", 0))
    return any(events & _LEFT for _, events in poll.poll(0))
