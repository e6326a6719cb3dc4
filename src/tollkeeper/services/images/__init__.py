"""Images of requests: fetched from web addresses, checked, and converted for upstreams. This module joins the parts.

fetch.py      fetching an image
semaphore.py  bounds on concurrent fetches, for each owner and in all
check.py      checks that an image is complete and acceptable
pixels.py     decoding and conversion by Pillow
apart.py      conversion in a separate process
workers.py    worker threads, shared fairly among owners
"""

from __future__ import annotations

from functools import partial

from tollkeeper.rules.errors import InvalidImage
from tollkeeper.services.images.check import checked
from tollkeeper.services.images.fetch import Fetcher
from tollkeeper.services.images.semaphore import OwnerSemaphore
from tollkeeper.services.images.workers import ImageWorkers
from tollkeeper.wire.images.bounds import (
    MAX_BYTES,
    MAX_IMAGES,
    HoldBytes,
    SpendWork,
    WorkOfRequest,
    ignore_held,
    ignore_work,
)
from tollkeeper.wire.images.urls import data_url, is_plain, kind, parse_data_url

__all__ = ["MAX_IMAGES", "Fetcher", "Images", "WorkOfRequest"]


class Images:
    """Prepares images for upstreams. `fetcher` fetches those at web addresses; `per_owner` and `at_once` bound
    concurrent fetches for one user and in all. `workers` is the number of threads that only decode images, shared
    fairly among users."""

    def __init__(self, fetcher: Fetcher, *, per_owner: int = 4, at_once: int = 32, workers: int = 2) -> None:
        self._fetcher = fetcher
        self._fetches = OwnerSemaphore(per_owner, at_once)
        self._workers = ImageWorkers(workers)

    def __repr__(self) -> str:
        return f"Images({self._fetcher!r}, {self._workers!r}, {self._fetches!r})"

    async def prepare(
        self, url: str, *, owner: str, param: str, hold: HoldBytes = ignore_held, spend: SpendWork = ignore_work
    ) -> str:
        """Make the data URL to send upstream: a complete PNG or JPEG. It is `url`, the same object, where nothing had
        to change. `owner` is the user; `param` names the field for errors. `hold` is called with bytes kept in addition
        to `url`, as they arrive; `spend` in a thread with the work, before it is done, never for two images of one
        owner at once. Raises InvalidImage, and what `hold` and `spend` raise."""
        try:
            if kind(url) == "web":
                async with self._fetches.slot(owner):
                    fetched = await self._fetcher.fetch(url, hold)
                ready, counted = await self._workers.run(owner, partial(_encode, fetched, spend)), len(fetched)
            else:
                ready, counted = await self._workers.run(owner, partial(_recode, url, spend)), len(url)
        except InvalidImage as error:
            error.param = param
            raise
        hold(max(0, len(ready) - counted))
        return ready

    async def close(self) -> None:
        """Wait for running jobs, and cancel waiting ones."""
        await self._workers.close()


def _encode(data: bytes, spend: SpendWork) -> str:
    return data_url(*checked(data, spend))


def _recode(url: str, spend: SpendWork) -> str:
    _, data = parse_data_url(url, MAX_BYTES)
    picture = checked(data, spend)
    return url if picture.data is data and is_plain(url, picture.media_type) else data_url(*picture)
