"""Images of requests: fetched where they are web addresses, checked, and made ready for upstreams."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from tollkeeper.rules.errors import InvalidImage
from tollkeeper.services.images.bounds import MAX_BYTES, MAX_IMAGES, Hold, unheld
from tollkeeper.services.images.check import checked
from tollkeeper.services.images.fetch import Fetcher
from tollkeeper.services.images.gate import Gate
from tollkeeper.wire.images import data_url, is_plain, kind, parse_data_url

__all__ = ["MAX_IMAGES", "Fetcher", "Images"]


class Images:
    """`fetcher` brings what is named by its address. `per_owner` and `at_once` bound the images that are under way for
    one user and for all; `workers` is the threads that decode, on which nothing else runs."""

    def __init__(self, fetcher: Fetcher, *, per_owner: int = 4, at_once: int = 32, workers: int = 2) -> None:
        self._fetcher = fetcher
        self._gate = Gate(per_owner, at_once)
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="images")

    def __repr__(self) -> str:
        return f"Images({self._fetcher!r}, {self._gate!r})"

    async def ready(self, url: str, *, owner: str, param: str, hold: Hold = unheld) -> str:
        """The data URL that may go upstream: a whole PNG or JPEG. It is `url` itself, the same object, where nothing
        had to change. `owner` is the user, `param` names the field for the error; `hold` is told of what is kept beside
        `url`, while it arrives. Raises InvalidImage, and what `hold` raises."""
        loop = asyncio.get_running_loop()
        try:
            web = kind(url) == "web"
            async with self._gate.passed(owner):
                if web:
                    fetched = await self._fetcher.fetch(url, hold)
                    ready, counted = await loop.run_in_executor(self._workers, _encode, fetched), len(fetched)
                else:
                    ready, counted = await loop.run_in_executor(self._workers, _recode, url), len(url)
                hold(max(0, len(ready) - counted))
                return ready
        except InvalidImage as error:
            error.param = param
            raise

    async def close(self) -> None:
        """Waits for what the workers are at, and drops what waits for them."""
        await asyncio.to_thread(self._workers.shutdown, wait=True, cancel_futures=True)


def _encode(data: bytes) -> str:
    return data_url(*checked(data))


def _recode(url: str) -> str:
    _, data = parse_data_url(url, MAX_BYTES)
    picture = checked(data)
    return url if picture.data is data and is_plain(url, picture.media_type) else data_url(*picture)
