"""A Valkey or Redis server of the test's own, on a Unix socket, and engines of counters on it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tollkeeper.store.valkey.address import Address
from tollkeeper.store.valkey.counters import ValkeyCounters
from tollkeeper.store.valkey.loading import PlaceContents
from tollkeeper.store.valkey.protocol import bulk


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
            if self.path.exists():
                return
            time.sleep(0.005)
        raise AssertionError("the server does not start")

    @property
    def address(self) -> Address:
        return Address(path=str(self.path))

    @property
    def pid(self) -> int:
        return self._process.pid

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
