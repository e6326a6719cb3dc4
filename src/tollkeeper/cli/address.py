"""The address a command is about to listen on."""

from __future__ import annotations

import errno
import socket

from tollkeeper.cli.failure import Failure


def require_free(host: str, port: int) -> None:
    """Raise Failure when nothing can listen there. Known before the slow work begins, not after it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Failure(
                f"port {port} on {host} is taken by another program; stop that one or choose another port with --port"
            ) from None
        raise Failure(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
