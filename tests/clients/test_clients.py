"""Every block of docs/clients.md gets a real answer, which is on record; and with a wrong key it says so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.clients.document import ALIAS, DOCUMENT, EMBEDDER, blocks
from tests.clients.installed import run
from tests.docs.tables import text
from tests.ollama.tiny_models import ANSWER_TOKENS, SENTENCE, TINY_WIDTH
from tests.sdk.person import Person

WRONG = "sk-mallory-0123456789abcdefghijklmnopqrstuv"


CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
EMBEDDINGS = "/v1/embeddings"


class Client(NamedTuple):
    """Where it is installed, and what its blocks then print, by which paths they ask, and for how many tokens each."""

    runtime: str
    prints: str = re.escape(SENTENCE)
    paths: Sequence[str] = (CHAT,)
    tokens: int | None = ANSWER_TOKENS
    asks_beside: bool = False
    """Whether it may ask for something beside the answer, and leave before that is there."""


EMBEDS = f"{re.escape(SENTENCE)}.*{TINY_WIDTH} dimensions"
# What is forced to be JSON is as long as its words happen to be.
REVIEWS = "mood='(happy|sad)'"
CLIENTS = {
    "curl": Client("python"),
    "openai for Python": Client("python", f"{re.escape(SENTENCE)}.*{REVIEWS}", (CHAT, *[RESPONSES] * 3, CHAT), None),
    "anthropic for Python": Client("python", paths=[MESSAGES]),
    "ollama": Client("ollama", paths=["/api/generate"]),
    "ollama for Python": Client("python", EMBEDS, ["/api/chat", "/api/embed"]),
    "openai for Node": Client("node", EMBEDS, [CHAT, EMBEDDINGS, RESPONSES]),
    "LangChain": Client("python", EMBEDS, [CHAT, EMBEDDINGS, RESPONSES, MESSAGES, "/api/chat"]),
    "LlamaIndex": Client("llama-index"),
    "pydantic-ai": Client("pydantic-ai", REVIEWS, [CHAT, RESPONSES, CHAT, MESSAGES], None),
    "instructor": Client("python", REVIEWS, tokens=None),
    "openai-agents": Client("python", paths=[CHAT, RESPONSES]),
    "litellm": Client("python", paths=[CHAT, RESPONSES, MESSAGES, "/api/chat"]),
    "Vercel AI SDK": Client("node", paths=[CHAT, RESPONSES, RESPONSES, MESSAGES, "/api/chat"]),
    "llm": Client("python", paths=[CHAT, CHAT, RESPONSES]),
    "aider": Client("aider"),
    "Claude Code": Client("node", paths=[MESSAGES], asks_beside=True),
    "opencode": Client("node", asks_beside=True),
    "Qwen Code": Client("node", asks_beside=True),
    "Codex": Client("node", paths=[RESPONSES]),
    "Continue": Client("node"),
}
BY_HAND = {"Open WebUI", "n8n"}
"""Too large for a run of the tests."""


def test_every_section_is_tried() -> None:
    titles = set(re.findall(r"^## (.+)$", text(DOCUMENT), re.MULTILINE))
    assert titles - {"What no client can do"} == CLIENTS.keys() | BY_HAND


@pytest.mark.parametrize("name", CLIENTS)
def test_answers_and_is_on_record(name: str, person: Person, tmp_path: Path) -> None:
    client = CLIENTS[name]
    ran = run(blocks(name, person.gateway.url, person.key), client.runtime, tmp_path)
    assert ran.status == 0, ran
    # Some wrap what they print.
    assert re.search(client.prints, " ".join(ran.stdout.split())), ran
    records = person.gateway.admin("GET", f"/admin/users/{person.user_id}/usage")["data"]
    completed = [record for record in records if record["status"] == "completed"]
    if client.asks_beside:
        assert {record["endpoint"] for record in completed} == set(client.paths)
    else:
        assert [record["endpoint"] for record in reversed(completed)] == list(client.paths)
        assert len(completed) == len(records)
    for record in completed:
        assert (record["prompt_tokens"] > 0, record["estimated"]) == (True, False)
        if record["requested_model"] == EMBEDDER:
            assert record["completion_tokens"] == 0
            continue
        assert record["requested_model"] == ALIAS
        assert record["completion_tokens"] == (client.tokens or record["completion_tokens"]) > 0


@pytest.mark.parametrize("name", CLIENTS)
def test_a_wrong_key_is_told(name: str, person: Person, tmp_path: Path) -> None:
    ran = run(blocks(name, person.gateway.url, WRONG), CLIENTS[name].runtime, tmp_path)
    told = " ".join((ran.stdout + ran.stderr).split())
    assert "Incorrect API key provided: sk-mal…stuv" in told, ran
