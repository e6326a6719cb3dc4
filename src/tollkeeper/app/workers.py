"""Worker processes, which serve the same listening sockets, and the supervisor that starts them.

The first worker starts alone, since it may have to make what all need (the bootstrap key, prices); the others follow
when it is ready. A worker that ends by itself is started again. A signal to stop goes on to all of them; the supervisor
ends when the last has ended.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import NamedTuple

from msgspec import Struct

log = logging.getLogger("tollkeeper.app.workers")

_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_RESTART_AFTER, _LONGEST_RESTART = 1.0, 30.0
"""Seconds from the start of a worker that failed to the next one: doubled each time that it did not become ready."""


class Worker(NamedTuple):
    """What a worker process knows of its place. `number` counts from 1. `ready` is to be called when it serves.
    `supervisor` is a descriptor at its end, so readable, once the supervisor is gone."""

    number: int
    ready: Callable[[], None]
    supervisor: int


class _Child(Struct):
    """A worker as the supervisor sees it. `started` is a moment of the monotonic clock, `fails` how many times in a row
    it ended before it was ready. `pid` None: it is to be started at `again`."""

    number: int
    pid: int | None = None
    started: float = 0.0
    again: float = 0.0
    fails: int = 0
    ready: bool = False


class Workers:
    """The supervisor of `count` workers, each of which runs `run` from its start to its end. `ready` is called once,
    when all of them are.

    It forks, so nothing that a fork would break may exist yet: no thread, no event loop, no open database."""

    def __init__(self, count: int, run: Callable[[Worker], None], ready: Callable[[], None] = lambda: None) -> None:
        self._run = run
        self._all_ready = ready
        self._children = [_Child(number) for number in range(1, count + 1)]
        self._announced = False
        self._stopping: int | None = None
        self._code = 0

    def __repr__(self) -> str:
        ready = sum(child.ready for child in self._children)
        return f"Workers({len(self._children)}, {ready} ready)"

    def supervise(self) -> int:
        """Start the workers and wait for their end. Returns the exit code: 0, or that of the first worker that failed
        before it was ready, or while all were stopping. In a worker it returns 0, or raises what `run` did."""
        report, reports = os.pipe()
        alive, held = os.pipe()  # nobody writes: it ends with the supervisor
        os.set_blocking(report, False)
        try:
            with _signals() as signals, selectors.DefaultSelector() as selector:
                selector.register(report, selectors.EVENT_READ, self._became_ready)
                selector.register(signals, selectors.EVENT_READ, self._pass_on)
                while self._wanted():
                    for child in self._due():
                        if _fork(child):
                            os.close(held)
                            held = -1
                            return self._work(Worker(child.number, partial(_report, reports, child.number), alive))
                    for key, _ in selector.select(self._pause()):
                        key.data(os.read(key.fd, 4096))
                    self._collect()
        finally:
            for descriptor in (report, reports, alive, held):
                _close(descriptor)
        return self._code

    def _work(self, worker: Worker) -> int:
        self._run(worker)
        return 0

    def _wanted(self) -> bool:
        """Whether there is anything left to do."""
        return any(child.pid is not None for child in self._children) or self._stopping is None

    def _due(self) -> Iterator[_Child]:
        """The workers to start now: the first, or all once it is ready."""
        now = time.monotonic()
        started = self._children if self._announced or self._children[0].ready else self._children[:1]
        for child in started:
            if child.pid is None and self._stopping is None and child.again <= now:
                yield child

    def _pause(self) -> float | None:
        """Seconds until a worker is due; None: none is."""
        if self._stopping is not None:
            return None
        waiting = [child.again for child in self._children if child.pid is None and child.fails]
        return max(0.0, min(waiting) - time.monotonic()) if waiting else None

    def _became_ready(self, numbers: bytes) -> None:
        for number in numbers:
            child = self._children[number - 1]
            child.ready, child.fails = True, 0
        if not self._announced and all(child.ready for child in self._children):
            self._announced = True
            self._all_ready()

    def _pass_on(self, signals: bytes) -> None:
        for number in signals:
            if number in _STOPPING:
                self._stop(number)

    def _stop(self, number: int) -> None:
        self._stopping = number
        for child in self._children:
            if child.pid is not None:
                os.kill(child.pid, number)

    def _collect(self) -> None:
        """Take note of the workers that have ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for child in self._children:
                if child.pid == pid:
                    self._ended(child, os.waitstatus_to_exitcode(status))

    def _ended(self, child: _Child, code: int) -> None:
        child.pid = None
        if self._stopping is not None or not (self._announced or child.ready):
            self._code = self._code or _exit_code(code)
            if self._stopping is None:
                self._stop(signal.SIGTERM)
            return
        how = f"by signal {-code}" if code < 0 else f"with status {code}"
        log.error("worker %d ended %s; it is started again", child.number, how)
        child.fails = 1 if child.ready else child.fails + 1
        child.ready = False
        child.again = child.started + min(_RESTART_AFTER * 2 ** (child.fails - 1), _LONGEST_RESTART)


def _fork(child: _Child) -> bool:
    """Start a worker. Returns True in it, False in the supervisor."""
    child.started, child.ready = time.monotonic(), False
    caught = (*_STOPPING, signal.SIGCHLD)
    signal.pthread_sigmask(signal.SIG_BLOCK, caught)  # none may arrive in the worker while the handlers are ours
    try:
        child.pid = os.fork()
        if child.pid == 0:
            os.setpgid(0, 0)  # a terminal's Ctrl-C goes to the supervisor alone, which passes it on
            signal.set_wakeup_fd(-1)
            for number in caught:
                signal.signal(number, signal.SIG_DFL)
        return child.pid == 0
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, caught)


def _exit_code(code: int) -> int:
    """The exit code that says the same of this process, as a shell has it."""
    return 128 - code if code < 0 else code


def _report(reports: int, number: int) -> None:
    os.write(reports, bytes([number]))


def _close(descriptor: int) -> None:
    with suppress(OSError):  # a worker has closed one already
        os.close(descriptor)


@contextmanager
def _signals() -> Iterator[int]:
    """A descriptor from which the numbers of arriving signals are read, instead of their usual effect."""
    received, arrived = os.pipe()
    for end in (received, arrived):
        os.set_blocking(end, False)
    before = {number: signal.signal(number, _note) for number in (*_STOPPING, signal.SIGCHLD)}
    wakeup = signal.set_wakeup_fd(arrived, warn_on_full_buffer=False)
    try:
        yield received
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(received)
        os.close(arrived)


def _note(_number: int, _frame: object) -> None:
    """Let the signal do nothing but arrive."""
