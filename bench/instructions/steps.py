"""Steps of a request: the functions that make up each, and marks at their begin and end.

Functions are wrapped from outside, where their callers look them up: a method in its class, a function in the module
that imported it. `src/` has no hook for it. When a function moves or gets another name, `STEPS` gets the new one.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Generator, Iterable
from typing import Any, NamedTuple

from bench.instructions.callgrind import Counters
from bench.processes import BenchError

STEPS = {
    "tollkeeper.gateway.http.connection.Connection.data_received": "read",
    "tollkeeper.gateway.intake.authenticate": "read",
    "tollkeeper.gateway.intake.read_body": "read",
    "tollkeeper.services.models.resolver.Resolver.known": "admit",
    "tollkeeper.gateway.handle.supported": "admit",
    "tollkeeper.gateway.handle.offers_of": "admit",
    "tollkeeper.services.limits.admission.Admission.prefetch": "admit",
    "tollkeeper.services.models.prices.Prices.in_force": "admit",
    "tollkeeper.services.limits.admission.Admission.admit": "admit",
    "tollkeeper.gateway.attempt.prepare_body": "rewrite",
    "tollkeeper.services.upstreams.http.client.HttpClient.acquire": "dispatch",
    "tollkeeper.services.requests.dispatched.DispatchedRequests.begin": "dispatch",
    "tollkeeper.services.upstreams.http.client.Lease.send": "dispatch",
    "tollkeeper.services.upstreams.http.connection.UpstreamConnection.data_received": "relay",
    "tollkeeper.gateway.attempt.relay": "relay",
    "tollkeeper.services.requests.dispatched.DispatchedRequest.settle": "settle",
    "tollkeeper.services.requests.dispatched.DispatchedRequest.durable": "settle",
    "tollkeeper.gateway.http.exchange.Exchange.respond": "write",
    "tollkeeper.gateway.http.event_stream.EventStream.send": "write",
    "tollkeeper.gateway.http.exchange.Exchange.push": "write",
    "tollkeeper.gateway.http.exchange.Exchange.end": "write",
}
REST = "rest"
"""Everything else: the event loop, tasks, the path table, wake-ups by the thread that writes the ledger."""
ORDER = (*dict.fromkeys(STEPS.values()), REST)

BEGIN, BEGIN_COROUTINE, END, UNIT = "+", "*", "-", "="
"""First character of a dump's label: a function begins (a coroutine: goes on), it ends (waits), or a whole unit (a
request, an event) is over."""
CALIBRATION, EMPTY, EMPTY_COROUTINE = "calibration", "empty", "empty coroutine"
"""Names of the functions that tell what a mark itself takes."""
_CALIBRATION_CALLS = 20


class Slot(NamedTuple):
    """The attribute that callers look a function up by."""

    owner: Any
    name: str


def slots(names: Iterable[str] = STEPS) -> dict[str, Slot]:
    """The slots of functions by their dotted names. Raises BenchError, which names those that are not there."""
    found = {name: _slot(name) for name in names}
    missing = [name for name, slot in found.items() if slot is None]
    if missing:
        raise BenchError(
            f"there is no {', no '.join(missing)}: moved, renamed or removed. Put the names that they have now into"
            " STEPS in bench/instructions/steps.py, or take them out."
        )
    return {name: slot for name, slot in found.items() if slot is not None}


def _slot(dotted: str) -> Slot | None:
    path, _, name = dotted.rpartition(".")
    try:
        owner = _import(path)
    except (ImportError, AttributeError):
        return None
    return Slot(owner, name) if hasattr(owner, name) else None


def _import(dotted: str) -> Any:
    """The module, or the class in a module."""
    try:
        return importlib.import_module(dotted)
    except ModuleNotFoundError:
        path, _, name = dotted.rpartition(".")
        if not path:
            raise
        return getattr(_import(path), name)


class Marks:
    """Dumps of the counters wherever a function of a step begins and ends."""

    def __init__(self, counters: Counters) -> None:
        self._dump = counters.dump

    def install(self) -> None:
        """Mark all functions in `STEPS`, for those who look them up from now on. Raises BenchError."""
        for dotted, (owner, name) in slots().items():
            setattr(owner, name, self.marked(getattr(owner, name), dotted))

    def marked(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """The function, marked by that name."""
        if inspect.iscoroutinefunction(function):
            return self._marked_coroutine(function, name)
        dump, begin, end = self._dump, f"{BEGIN}{name}".encode(), f"{END}{name}".encode()

        @functools.wraps(function)
        def call(*args: Any, **named: Any) -> Any:
            dump(begin)
            try:
                return function(*args, **named)
            finally:
                dump(end)

        return call

    def _marked_coroutine(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        dump, begin, end = self._dump, f"{BEGIN_COROUTINE}{name}".encode(), f"{END}{name}".encode()

        @functools.wraps(function)
        async def call(*args: Any, **named: Any) -> Any:
            return await _MarkedCoroutine(function(*args, **named), dump, begin, end)

        return call

    def calibrate(self) -> None:
        """Call marked functions that do nothing from a marked one."""

        def empty() -> None: ...
        async def empty_coroutine() -> None: ...

        marked, marked_coroutine = self.marked(empty, EMPTY), self.marked(empty_coroutine, EMPTY_COROUTINE)

        async def call_them() -> None:
            for _ in range(_CALIBRATION_CALLS):
                marked()
            for _ in range(_CALIBRATION_CALLS):
                await marked_coroutine()

        try:
            self.marked(call_them, CALIBRATION)().send(None)
        except StopIteration:
            self._dump(f"{UNIT}{CALIBRATION}".encode())


class _MarkedCoroutine:
    """A coroutine with marks around each stretch that it runs; none while it waits."""

    def __init__(self, coroutine: Any, dump: Callable[[bytes], None], begin: bytes, end: bytes) -> None:
        self._coroutine = coroutine
        self._dump = dump
        self._begin = begin
        self._end = end

    def __await__(self) -> Generator[Any, Any, Any]:
        resume, value = self._coroutine.send, None
        while True:
            self._dump(self._begin)
            try:
                awaited = resume(value)
            except StopIteration as stop:
                return stop.value
            finally:
                self._dump(self._end)
            try:
                resume, value = self._coroutine.send, (yield awaited)
            except BaseException as error:  # noqa: BLE001 (the coroutine is to handle it)
                resume, value = self._coroutine.throw, error
