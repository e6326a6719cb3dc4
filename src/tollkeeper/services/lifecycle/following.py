"""Viewers of jobs: each sees a job at once, and again when it has changed, until it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from tollkeeper.services.lifecycle.jobs import Job
from tollkeeper.services.streams import OpenStreams, passes

MOST_STREAMS = 20
"""Streams at once for each key or session."""
EVERY = 0.2
"""Seconds, at least, between two looks at a job that changes all the time."""
SILENCE = 15.0
"""Seconds after which a viewer of a job that does not change hears that the stream lives."""


class Followers:
    """Streams of jobs that are open. `every` and `silence` are seconds."""

    def __init__(self, *, every: float = EVERY, silence: float = SILENCE) -> None:
        self._every = every
        self._silence = silence
        self._streams = OpenStreams(MOST_STREAMS)
        self._stopping = asyncio.Event()

    def __repr__(self) -> str:
        return f"Followers({self._streams.total} streams)"

    def open(self, credential: str) -> None:
        """Open a stream, to be ended by `close`. Raises RateLimited when the credential has too many already."""
        self._streams.open(credential, "this key or session")

    def close(self, credential: str) -> None:
        """End a stream that `open` began."""
        self._streams.close(credential)

    def stop(self) -> None:
        """End all streams: the gateway stops."""
        self._stopping.set()

    async def follow(self, job: Job, check: Callable[[], object]) -> AsyncIterator[Job | None]:
        """The job, each time that there is something new to see of it; None: there is not, but the stream lives. The
        last is the job after its end. `check` is called before each, and ends the stream by raising one of
        `rules.errors`."""
        while not self._stopping.is_set() and passes(check):
            seen, ended = job.version, job.ended_at is not None
            yield job
            if ended:
                return
            await self._wait(self._every)
            changed = asyncio.ensure_future(job.change(seen))
            try:
                while not changed.done() and not self._stopping.is_set():
                    await self._wait(self._silence, changed)
                    if not changed.done() and not self._stopping.is_set():
                        if not passes(check):
                            return
                        yield None
            finally:
                changed.cancel()

    async def _wait(self, seconds: float, *others: asyncio.Future[Any]) -> None:
        """Wait for one of these, or so many seconds; or until all streams shall end."""
        stopping: asyncio.Future[Any] = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait([stopping, *others], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
