"""A Valkey or Redis server of the test's own, on a Unix socket, and engines of counters on it."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tollkeeper.store.valkey.address import Address
from tollkeeper.store.valkey.counters import ValkeyCounters
from tollkeeper.store.valkey.loading import PlaceContents
from tollkeeper.store.valkey.protocol import bulk, command


class Server:
    """A running server; `arguments` are more of its options."""

    def __init__(self, *arguments: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="tollkeeper-valkey-"))
        self._arguments = arguments
        self.path = self._folder / "socket"
        self.start()

    def start(self) -> None:
        program = shutil.which("valkey-server") or shutil.which("redis-server")
        assert program, "neither valkey-server nor redis-server is on PATH"
        options = ("--port", "0", "--unixsocket", str(self.path), "--save", "", "--dir", str(self._folder))
        self._process = subprocess.Popen([program, *options, *self._arguments], stdout=subprocess.DEVNULL)
        for _ in range(2000):
            try:
                self.ask("PING")
            except OSError:
                time.sleep(0.005)
            else:
                return
        raise AssertionError("the server does not start")

    @property
    def address(self) -> Address:
        return Address(path=str(self.path))

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, *words: str) -> bytes:
        """Send a command on a connection of its own, and return its answer as it came."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.path))
            connection.sendall(command(*words))
            return connection.recv(1 << 20)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self.path.unlink(missing_ok=True)

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.go_on()
        self.kill()
        shutil.rmtree(self._folder)


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Server]:
    """A server for all tests of this process that leave it as it is."""
    started = Server()
    yield started
    started.stop()


async def nothing(place: bytes) -> PlaceContents:
    return PlaceContents()


class ClockedCounters(ValkeyCounters):
    """The engine on a clock that its caller sets: the moment of a call is that it is given, or the last one before."""

    async def admit(self, request, at):
        self.given_time = bulk(b"%d" % at)
        return await super().admit(request, at)

    async def status(self, limits, at):
        self.given_time = bulk(b"%d" % at)
        return await super().status(limits, at)

    def settle(self, reservation, model, tokens, cost, at):
        self.given_time = bulk(b"%d" % at)
        super().settle(reservation, model, tokens, cost, at)

    def adjust(self, owner, cost, at):
        self.given_time = bulk(b"%d" % at)
        super().adjust(owner, cost, at)


class EmptyCounters(ClockedCounters):
    """The same on a database of the server that has nothing yet."""

    @classmethod
    async def opened(cls, server: Server, *, patience: float = 5) -> EmptyCounters:
        counters = cls(server.address, lambda scope: b"{u:alice}", nothing, patience=patience)
        await counters.open()
        server.ask("FLUSHALL")
        return counters
