"""The protocols of a service manager such as systemd: inherited sockets, and notifications of state.

Sockets, sd_listen_fds(3): `LISTEN_FDS` descriptors, from 3 on, are meant for the process `LISTEN_PID` alone.
States, sd_notify(3): a datagram such as `READY=1` to the socket `NOTIFY_SOCKET`, `@` first for an abstract one.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping, MutableMapping

log = logging.getLogger("tollkeeper.app.service_manager")

_FIRST = 3


def inherited_sockets(environ: MutableMapping[str, str]) -> list[socket.socket]:
    """The listening sockets that a service manager passed to this process, if any. Their variables are removed from
    `environ`, so that child processes do not claim them. Raises OSError for anything but a listening TCP socket."""
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return []
    return [_listening(descriptor) for descriptor in range(_FIRST, _FIRST + int(count))]


def _listening(descriptor: int) -> socket.socket:
    try:
        found = socket.socket(fileno=descriptor)
        listens = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise OSError(f"the inherited descriptor {descriptor} is no socket: {error.strerror}") from None
    if not listens or found.type != socket.SOCK_STREAM or found.family not in (socket.AF_INET, socket.AF_INET6):
        raise OSError(
            f"the inherited socket {descriptor} does not listen for TCP; a socket unit needs"
            " ListenStream=address:port and Accept=no"
        )
    found.set_inheritable(False)
    return found


def notify(environ: Mapping[str, str], state: str) -> None:
    """Send a state to the service manager, if there is one."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifying:
            notifying.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
    except OSError as error:
        log.warning("the service manager cannot be notified of %s: %s", state, error)
