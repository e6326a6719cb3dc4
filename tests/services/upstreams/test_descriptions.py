"""What Ollama tells of one of its models."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scripted import ScriptedUpstream, json_response
from tests.services.upstreams.http.helpers import open_client
from tollkeeper.rules.image_tokens import DEAREST
from tollkeeper.services.upstreams.descriptions import DESCRIPTIONS, PROVIDER_OVERHEAD, UNKNOWN, Facts, undescribed


async def shown(**answer: Any) -> Facts:
    async with ScriptedUpstream() as up, open_client(up.url) as client:
        up.route("POST /api/show", json_response(answer))
        return await DESCRIPTIONS["/api/show"](client, "tiny:latest")


@pytest.mark.parametrize(
    ("capabilities", "sees"), [(["completion", "vision"], True), (["completion"], False), ([], None), (None, None)]
)
async def test_whether_it_sees(capabilities: list[str] | None, sees: bool | None) -> None:
    assert (await shown(capabilities=capabilities)).sees_images is sees


async def test_the_context_is_that_of_whatever_architecture() -> None:
    assert (await shown(model_info={"qwen2.context_length": 512})).context == 512
    assert (await shown(model_info={"qwen2.context_length": "512"})).context is None
    assert (await shown()).context is None


async def test_what_it_puts_around_a_request_is_counted_in_bytes() -> None:
    facts = await shown(template="é", system="ab", messages=[1, 2])
    assert facts.overhead == len("é".encode()) + len("ab") + len("[1,2]")
    assert (await shown()).overhead == 0


async def test_an_image_is_never_longer_than_the_context() -> None:
    assert (await shown(model_info={"x.context_length": 5})).image_tokens == 5
    assert (await shown()).image_tokens <= DEAREST


def test_of_one_that_is_not_described_the_list_says_whether_it_sees() -> None:
    facts = undescribed("gpt-4o", sees_images=True)
    assert (facts.sees_images, facts.context, facts.overhead, facts.complete) == (True, None, PROVIDER_OVERHEAD, True)
    assert not UNKNOWN.complete
