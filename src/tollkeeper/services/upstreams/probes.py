"""Probes of upstreams, again and again in the background: whether each lives, and which models it has in memory.

Each probe of each upstream is a loop of its own, so that one that hangs delays no other.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress

import msgspec
from msgspec import Struct

from tollkeeper.rules.errors import UpstreamFailure
from tollkeeper.services.upstreams.listings import LOADED
from tollkeeper.services.upstreams.registry import Registry, Upstream

log = logging.getLogger("tollkeeper.upstreams")

LOADED_EVERY = 5.0
"""Seconds between two readings of the models in an upstream's memory, unless it has loaded one."""
_MAX_BYTES = 100_000


class Probes:
    """The probes of the upstreams in a registry. `clock` is monotonic seconds, `patience` the seconds that a probe may
    take, `loaded_every` the seconds between two readings of what is loaded."""

    def __init__(
        self, registry: Registry, clock: Callable[[], float], *, patience: float, loaded_every: float = LOADED_EVERY
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._patience = patience
        self._loaded_every = loaded_every

    async def run(self) -> None:
        """Probe every upstream for as long as it is registered and not disabled; until cancelled."""
        changed = asyncio.Event()
        listener = changed.set
        self._registry.on_change.append(listener)
        running: dict[Upstream, list[asyncio.Task[None]]] = {}
        try:
            while True:
                changed.clear()
                wanted = {upstream for upstream in self._registry if upstream.config.state != "disabled"}
                for upstream in running.keys() - wanted:
                    await _end(running.pop(upstream))
                for upstream in wanted - running.keys():
                    running[upstream] = [asyncio.create_task(loop) for loop in self._loops(upstream)]
                await changed.wait()
        finally:
            self._registry.on_change.remove(listener)
            await _end([task for loops in running.values() for task in loops])

    def _loops(self, upstream: Upstream) -> Iterator[Coroutine[None, None, None]]:
        config = upstream.config
        if config.kind.probed_by is not None and not config.kind.list_probes and config.probe_every:
            yield self._probe(upstream, config.kind.probed_by.encode())
        if config.kind.shows_loaded_by is not None:
            yield self._read_loaded(upstream)

    async def _probe(self, upstream: Upstream, path: bytes) -> None:
        health, name = upstream.health, upstream.config.id
        while True:
            error = await self._try(upstream, _live(upstream, path))
            if error is not None and health.alive is not False:
                log.warning("upstream %s fails its probe: %s", name, error)
            elif error is None and health.alive is False:
                log.info("upstream %s passes its probe again", name)
            health.probed(self._clock(), error)
            await asyncio.sleep(upstream.config.probe_every)

    async def _read_loaded(self, upstream: Upstream) -> None:
        load = upstream.load
        while True:
            load.outdated.clear()
            if upstream.config.probe_every or load.running:  # one that may sleep is awake while it works
                await self._try(
                    upstream, read_loaded(upstream)
                )  # of one that does not say, what it said last is the best guess
            with suppress(TimeoutError):
                await asyncio.wait_for(load.outdated.wait(), self._loaded_every)

    async def _try(self, upstream: Upstream, probe: Coroutine[None, None, None]) -> str | None:
        """The reason for which a probe fails, without secrets; None: it does not."""
        try:
            async with asyncio.timeout(self._patience):
                await probe
        except UpstreamFailure as error:
            error.redact(upstream.client.redact)
            return error.message if error.detail is None else f"{error.message} ({error.detail})"
        except TimeoutError:
            return f"it does not answer within {self._patience:g} s"
        except Exception as error:
            log.exception("a probe has a fault of its own; it goes on")
            return f"its probe fails with {type(error).__name__}"
        return None


async def read_loaded(upstream: Upstream) -> None:
    """Read which models an upstream has in memory, where its kind shows them. Raises as LOADED does."""
    path, load = upstream.config.kind.shows_loaded_by, upstream.load
    if path is None:
        return
    load.memory = listed = await LOADED[path](upstream.client)
    if not load.loading:  # else it may list what is just being pushed out; it is read again when that is done
        load.loaded = frozenset(listed).union(load.running_by_model)


async def _live(upstream: Upstream, path: bytes) -> None:
    """Have an upstream answer, with any status that a living one may have, and note its version where it names one.
    Raises UpstreamFailure."""
    response = await (await upstream.client.acquire()).send(b"GET", path, (), b"")
    try:
        body = await response.read_all(_MAX_BYTES)
        if response.status >= 500:
            raise UpstreamFailure(f"it answered {response.status} to {path.decode()}")
        upstream.version = read_version(bytes(body)) or upstream.version
    finally:
        response.abort()


def read_version(body: bytes) -> tuple[int, ...]:
    """The version in the body of `/api/version`, as numbers; empty where it names none."""
    try:
        text = msgspec.json.decode(body, type=_Version).version
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ()
    return tuple(int(part) for part in re.match(r"v?((?:[0-9]{1,9}\.?)*)", text)[1].split(".") if part)  # type: ignore[index]


class _Version(Struct):
    version: str = ""


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
