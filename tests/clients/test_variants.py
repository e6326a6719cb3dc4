"""What docs/clients.md says of a client in a sentence, and not by a block: a block of it, with other words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.clients.document import blocks
from tests.clients.installed import run
from tests.clients.test_clients import CHAT, CLIENTS, MESSAGES, RESPONSES
from tests.ollama.tiny_models import SENTENCE
from tests.sdk.person import Person


class Variant(NamedTuple):
    """The first blocks of a client, with these words in place of those, and the path by which it then asks."""

    client: str
    words: Mapping[str, str]
    path: str
    blocks: int = 1
    prints: str = SENTENCE


VARIANTS = {
    "LlamaIndex, Responses": Variant(
        "LlamaIndex", {"OpenAILike": "OpenAILikeResponses", ", is_chat_model=True": ""}, RESPONSES
    ),
    "pydantic-ai, Responses": Variant(
        "pydantic-ai", {"OpenAIChatModel": "OpenAIResponsesModel"}, RESPONSES, prints="mood="
    ),
    "Continue, Messages": Variant("Continue", {"provider: openai": "provider: anthropic"}, MESSAGES, 2),
    "Continue, Ollama": Variant("Continue", {"provider: openai": "provider: ollama", "/v1": ""}, CHAT, 2),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_answers_and_is_on_record(name: str, person: Person, tmp_path: Path) -> None:
    variant = VARIANTS[name]
    changed = blocks(variant.client, person.gateway.url, person.key)[: variant.blocks]
    for old, new in variant.words.items():
        assert any(old in block.code for block in changed)
        changed = [block._replace(code=block.code.replace(old, new)) for block in changed]
    ran = run(changed, CLIENTS[variant.client].runtime, tmp_path)
    assert ran.status == 0, ran
    assert variant.prints in " ".join(ran.stdout.split()), ran
    record = person.record()
    assert (record["endpoint"], record["status"], record["estimated"]) == (variant.path, "completed", False)
