"""Clients at work, an upstream whose every answer differs, and what the clients got of it."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Literal, NamedTuple

import httpx2 as httpx

from tests.scripted import Conn, Request, ScriptedUpstream
from tests.shapes import STREAM_HEAD, chat_answer, chat_chunks, chunked, json_response, sse

CHAT = "/v1/chat/completions"
WORDS = 6
BREATH = 0.02
"""Seconds that a client pauses when it was refused."""


class Receipt(NamedTuple):
    """One answer that reached its client in full: the tokens that the upstream itself said it used."""

    request_id: str
    prompt_tokens: int
    completion_tokens: int


def say_figures(upstream: ScriptedUpstream, dice: random.Random) -> None:
    """Every answer has its own usage, and says it in its text too: so a client knows what its record must be."""
    serials = itertools.count(1)

    async def answer(conn: Conn, request: Request) -> None:
        usage = (1000 + next(serials), dice.randrange(1, 1000))
        figures = f"{usage[0]}/{usage[1]}"
        asked = request.json
        await asyncio.sleep(dice.random() / 100)
        if not asked.get("stream"):
            await conn.send(json_response(chat_answer(figures, usage=usage)))
            return
        await conn.send(STREAM_HEAD)
        for event in sse(*chat_chunks([figures, *[" word"] * WORDS], usage=usage)):
            await conn.send(chunked(event, end=False))
            if dice.random() < 0.5:
                await asyncio.sleep(dice.random() / 200)
        await conn.end_chunks()

    upstream.route(f"POST {CHAT}", answer)


class Load:
    """Clients that ask without a pause until the gateway is gone. `on_receipt` is told how many answers have come in
    full since the start of the round. `refusals` counts, by key, what its limits refused. `bears` is the code of an
    error that clients bear with; `borne` counts it, where it came as an answer and where it ended a stream."""

    def __init__(
        self,
        url: str,
        keys: list[str],
        dice: random.Random,
        on_receipt: Callable[[int], None],
        *,
        bears: str | None = None,
    ) -> None:
        self.receipts: list[Receipt] = []
        self.refusals: Counter[str] = Counter()
        self.bears = bears
        self.borne: Counter[Literal["answer", "stream"]] = Counter()
        self._url = url
        self._keys = keys
        self._dice = dice
        self._on_receipt = on_receipt

    async def run(self, clients: int) -> None:
        """Until every client has lost the gateway."""
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(base_url=self._url, timeout=60, limits=limits) as http:
            await asyncio.gather(*(self._client(http, self._keys[n % len(self._keys)]) for n in range(clients)))

    async def _client(self, http: httpx.AsyncClient, key: str) -> None:
        kinds = (self._whole, self._stream, self._stream, self._leave)
        try:
            while True:
                await self._dice.choice(kinds)(http, {"authorization": f"Bearer {key}"})
        except httpx.TransportError:
            return

    async def _whole(self, http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        answer = await http.post(CHAT, json=ask(stream=False), headers=headers)
        if await self._refused(answer):
            return
        body = answer.json()
        self._got(answer, body["id"], body["choices"][0]["message"]["content"])

    async def _stream(self, http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        async with http.stream("POST", CHAT, json=ask(stream=True), headers=headers) as answer:
            if await self._refused(answer):
                return
            text = answer_id = ""
            async for line in answer.aiter_lines():
                if line == "data: [DONE]":
                    self._got(answer, answer_id, text)
                elif line:
                    event = json.loads(line.removeprefix("data: "))
                    if self.bears is not None and "error" in event:
                        assert event["error"]["code"] == self.bears
                        self.borne["stream"] += 1
                        return
                    answer_id = event["id"]
                    text += event["choices"][0]["delta"]["content"]

    async def _leave(self, http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        async with http.stream("POST", CHAT, json=ask(stream=True), headers=headers) as answer:
            if await self._refused(answer):
                return
            patience = self._dice.randrange(WORDS)
            async for _ in answer.aiter_lines():
                patience -= 1
                if patience < 0:
                    return

    async def _refused(self, answer: httpx.Response) -> bool:
        """Whether its limits, or an error that is borne, refused a request; its client pauses then."""
        if answer.status_code == 200:
            return False
        await answer.aread()
        if answer.status_code == 503 and answer.json()["error"]["code"] == self.bears:
            self.borne["answer"] += 1
        else:
            assert answer.status_code == 429, answer.text
            self.refusals[answer.request.headers["authorization"].removeprefix("Bearer ")] += 1
        await asyncio.sleep(BREATH)
        return True

    def _got(self, answer: httpx.Response, answer_id: str, text: str) -> None:
        request_id = answer.headers["x-request-id"]
        assert answer_id.removeprefix("chatcmpl-") == request_id.removeprefix("req_")
        prompt, completion = text.split()[0].split("/")
        self.receipts.append(Receipt(request_id, int(prompt), int(completion)))
        self._on_receipt(len(self.receipts))


def ask(*, stream: bool) -> dict[str, object]:
    return {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "stream": stream}
