"""Clients of a pool that ask again and again, by the stock SDK."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

from openai import APIError

from tests.sdk.person import Sdk

TOKENS = 30
"""Tokens of an answer."""


class Load:
    """So many workers that ask for `model`, each for a whole answer and a stream in turn, until the block ends. `done`:
    answers that were complete; `broken`: the errors of streams that had begun. Whatever else goes wrong raises."""

    def __init__(self, client: Sdk, model: str, workers: int) -> None:
        self._client = client
        self._model = model
        self._workers = workers
        self._numbers = count()
        self._tasks = asyncio.TaskGroup()
        self._ending = False
        self.done = 0
        self.broken: list[APIError] = []

    async def __aenter__(self) -> Load:
        await self._tasks.__aenter__()
        for _ in range(self._workers):
            self._tasks.create_task(self._run())
        return self

    async def __aexit__(self, *error: Any) -> None:
        self._ending = True
        await self._tasks.__aexit__(*error)

    async def _run(self) -> None:
        while not self._ending:
            await self._whole()
            await self._stream()

    def _ask(self) -> dict[str, object]:
        # No two have a beginning in common, and to read it keeps an Ollama busy for as long as to answer.
        messages = [{"role": "user", "content": f"m{next(self._numbers)} {'x' * 150}"}]
        return {"model": self._model, "messages": messages, "max_tokens": TOKENS}

    async def _whole(self) -> None:
        answer = await self._client.chat.completions.create(**self._ask())
        assert (answer.usage.completion_tokens, answer.choices[0].finish_reason) == (TOKENS, "length")
        self.done += 1

    async def _stream(self) -> None:
        events: list[Any] = []
        try:
            stream = await self._client.chat.completions.create(**self._ask(), stream=True)
            async for event in stream:
                events.append(event)
        except APIError as error:
            if not events:
                raise
            self.broken.append(error)
            return
        assert events[-1].choices[0].finish_reason == "length"
        self.done += 1
