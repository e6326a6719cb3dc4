"""Usage is what Ollama itself says when it is asked the same directly: in the answer, and on record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.ollama.rig import Ollama
from tests.ollama.tiny_models import ANSWER_TOKENS
from tests.sdk.person import Person, Sdk, figures

TOLD = {"stream": True, "stream_options": {"include_usage": True}}
CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Grüß Gott, 世界"},
    {"role": "assistant", "content": "Hello."},
    {"role": "user", "content": [{"type": "text", "text": "And now?"}, {"type": "text", "text": "More!"}]},
]
CHAT, COMPLETIONS, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
ASKED: list[tuple[str, dict[str, Any]]] = [
    (CHAT, {"messages": CONVERSATION}),
    (CHAT, {"messages": CONVERSATION, "max_tokens": 4}),
    (CHAT, {"messages": [{"role": "user", "content": "word " * 300}]}),
    (COMPLETIONS, {"prompt": "Say"}),
    (COMPLETIONS, {"prompt": "Grüß Gott, 世界", "max_tokens": 4}),
]
CALLS: dict[str, Callable[[Sdk], Any]] = {
    CHAT: lambda client: client.chat.completions.create,
    COMPLETIONS: lambda client: client.completions.create,
}


def plain(usage: Any) -> dict[str, int]:
    return {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens}  # fmt: skip


@pytest.mark.parametrize(("path", "fields"), ASKED)
class TestEqual:
    def test_whole(self, client: Sdk, person: Person, ollama: Ollama, path: str, fields: dict[str, Any]):
        direct = ollama.ask(path, {"model": "tiny", **fields}).json()["usage"]
        answer = CALLS[path](client)(model="tiny", **fields)
        assert plain(answer.usage) == direct == figures(person.record())

    def test_streamed(self, client: Sdk, person: Person, ollama: Ollama, path: str, fields: dict[str, Any]):
        direct = ollama.ask(path, {"model": "tiny", **fields, **TOLD}).events()[-2]["usage"]
        *_, last = CALLS[path](client)(model="tiny", **fields, **TOLD)
        assert plain(last.usage) == direct == figures(person.record())

    def test_streamed_and_not_told(
        self, client: Sdk, person: Person, ollama: Ollama, path: str, fields: dict[str, Any]
    ):
        direct = ollama.ask(path, {"model": "tiny", **fields}).json()["usage"]
        chunks = list(CALLS[path](client)(model="tiny", **fields, stream=True))
        assert all(chunk.usage is None for chunk in chunks)
        assert figures(person.record()) == direct


@pytest.mark.parametrize("asked", ["Say", ["Say", "two words", "Grüß Gott"]])
def test_embeddings(client: Sdk, person: Person, ollama: Ollama, asked: str | list[str]):
    direct = ollama.ask(EMBEDDINGS, {"model": "tiny", "input": asked}).json()["usage"]
    answer = client.embeddings.create(model="tiny", input=asked)
    record = person.record()
    assert answer.usage.model_dump() == direct
    assert (record["prompt_tokens"], record["total_tokens"]) == (direct["prompt_tokens"], direct["total_tokens"])


async def test_sixty_four_at_once_are_each_recorded_once(aclient: Sdk, person: Person):
    async def chat(number: int) -> tuple[str, int]:
        asked: Any = {"model": "tiny", "messages": [{"role": "user", "content": "word " * number}]}
        if number % 2:
            answer = await aclient.chat.completions.create(**asked)
            return answer.id, answer.usage.prompt_tokens
        *_, last = [chunk async for chunk in await aclient.chat.completions.create(**asked, **TOLD)]
        return last.id, last.usage.prompt_tokens

    answers = dict(await asyncio.gather(*(chat(number) for number in range(64))))
    assert len(answers) == 64
    records = person.records(64)
    assert {record["request_id"].replace("req_", "chatcmpl-"): record["prompt_tokens"] for record in records} == answers
    assert {(record["status"], record["completion_tokens"]) for record in records} == {("completed", ANSWER_TOKENS)}
    total = person.ask("/v1/usage/summary")["total"]
    assert (total["requests"], total["prompt_tokens"]) == (64, sum(answers.values()))
    assert total["total_tokens"] == sum(record["total_tokens"] for record in records)
    listed = person.ask("/v1/usage?limit=3")["totals"]
    assert listed == {name: total[name] for name in listed}
