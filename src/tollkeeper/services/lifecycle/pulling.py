"""A pull at one upstream: its stream of progress, and the retries where that breaks off."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from tollkeeper.rules.errors import NotFound, UpstreamFailure, UpstreamTimeout, UpstreamUnavailable
from tollkeeper.rules.pull_failures import GONE, PullFailure, explain, pause
from tollkeeper.rules.pull_progress import PullProgress
from tollkeeper.services.lifecycle.commands import COMMANDS, PullLine
from tollkeeper.services.upstreams.config import TimeoutOverrides, UpstreamConfig
from tollkeeper.services.upstreams.ports import Client
from tollkeeper.services.upstreams.registry import Registry

PartState = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]

STALL = 60.0
"""Seconds of silence after which a download counts as broken: Ollama tells of its progress 16 times a second."""
PATIENCE = 3600.0
"""Seconds for which an upstream may say nothing while it does anything else: it reads files of many GB to compute their
digests. Ollama takes a file for checked that it has when a pull begins, so a check must not be cut short."""
MOST_ATTEMPTS = 1000
_MANAGED_AWAY = "The upstream was removed, or is no longer of a kind whose models are ours to change."
_GARBLED = 3
"""Retries where an upstream tells of its progress in another way than its API."""


class Part(Struct, eq=False):
    """A pull at one upstream. `attempt` counts from 1; `failure`: why the last one failed, None while none has; a part
    that waits is tried again at `retry_at`, in milliseconds since the epoch."""

    upstream: str
    state: PartState = "queued"
    attempt: int = 0
    failure: PullFailure | None = None
    retry_at: int | None = None
    progress: PullProgress = field(default_factory=PullProgress)

    @property
    def ended(self) -> bool:
        return self.state in ("succeeded", "failed", "cancelled")


class Puller:
    """Pulls models at upstreams. `connect` makes the client of one; `now` is milliseconds since the epoch, `clock`
    monotonic seconds."""

    def __init__(
        self,
        registry: Registry,
        connect: Callable[[UpstreamConfig], Client],
        now: Callable[[], int],
        clock: Callable[[], float],
        *,
        stall: float = STALL,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._registry = registry
        self._connect = connect
        self._now = now
        self._clock = clock
        self._stall = stall
        self._sleep = sleep

    async def run(self, part: Part, model: str, changed: Callable[[], None], *, insecure: bool) -> None:
        """Pull a model, and try again what is worth it, until the part has succeeded or failed. `changed` is called
        whenever something of the part has changed."""
        failures: Counter[str] = Counter()
        while True:
            part.attempt += 1
            part.state, part.retry_at = "running", None
            part.progress.pause()
            changed()
            before = part.progress.arrived
            failure = await self._attempt(part, model, changed, insecure=insecure)
            if failure is None:
                part.state, part.failure = "succeeded", None
                break
            part.failure = failure
            if failure.passing and part.progress.arrived > before:
                failures[failure.code] = 0
            failures[failure.code] += 1
            if failures[failure.code] > failure.retries or part.attempt >= MOST_ATTEMPTS:
                part.state = "failed"
                break
            seconds = pause(failures[failure.code])
            part.state, part.retry_at = "waiting", self._now() + round(seconds * 1000)
            changed()
            await self._sleep(seconds)
        changed()

    async def _attempt(
        self, part: Part, model: str, changed: Callable[[], None], *, insecure: bool
    ) -> PullFailure | None:
        try:
            config = self._registry.get(part.upstream).config
        except NotFound:
            return PullFailure("upstream_removed", _MANAGED_AWAY, 0)
        if config.kind.managed_by is None:
            return PullFailure("upstream_removed", _MANAGED_AWAY, 0)
        silent = replace(config.timeouts, first_byte=PATIENCE, event=PATIENCE)
        client = self._connect(replace(config, timeouts=silent, model_timeouts=_NO_TIMEOUTS))
        progress = part.progress
        try:
            async with aclosing(COMMANDS[config.kind.managed_by].pull(client, model, insecure)) as lines:
                while True:
                    downloads = progress.status.startswith("pulling")
                    async with asyncio.timeout(self._stall if downloads else PATIENCE):
                        line: PullLine | None = await anext(lines, None)
                    if line is None:
                        return GONE
                    if line.error:
                        return explain(client.redact(line.error))
                    progress.note(line.status, line.digest, line.total, line.completed, self._clock())
                    if line.is_end:
                        return None
                    changed()
        except TimeoutError:
            return explain(f"it is stalled: nothing has come for {self._stall:g} s")
        except (UpstreamUnavailable, UpstreamTimeout):
            return GONE
        except UpstreamFailure as error:
            return PullFailure("upstream_error", f"The upstream could not pull the model: {error.message}.", _GARBLED)
        finally:
            await client.close()


_NO_TIMEOUTS: dict[str, TimeoutOverrides] = {}
