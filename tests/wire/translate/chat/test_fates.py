"""What becomes of each field of a chat request: none of OpenAI's is forgotten, and what is refused is named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.translate.chat.asking import asking
from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import ANTHROPIC
from tollkeeper.wire.openai.fields import CHAT_FIELDS
from tollkeeper.wire.translate.chat.fates import FATES, check_supported

MESSAGES = "/v1/messages"

REFUSED: dict[str, list[Any]] = {
    "n": [2],
    "logprobs": [True],
    "top_logprobs": [3],
    "logit_bias": [{"50256": -100}],
    "audio": [{"voice": "alloy", "format": "wav"}],
    "modalities": [["text", "audio"], ["audio"]],
    "moderation": [{"mode": "block"}],
    "web_search_options": [{}, {"search_context_size": "low"}],
}
"""For each field that is refused, values that ask for something."""
HARMLESS: dict[str, list[Any]] = {
    "n": [None, 1],
    "logprobs": [None, False],
    "top_logprobs": [None, 0],
    "logit_bias": [None, {}],
    "audio": [None],
    "modalities": [None, [], ["text"]],
    "moderation": [None],
    "web_search_options": [None],
}
"""And values that ask for nothing."""


def test_every_known_field_has_a_fate() -> None:
    documented = {"moderation", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"}
    assert set(FATES[MESSAGES]) >= CHAT_FIELDS | documented


@pytest.mark.parametrize("name", [name for name, fate in FATES[MESSAGES].items() if fate == "refused"])
def test_a_field_that_is_refused_is_named(name: str) -> None:
    for value in REFUSED[name]:
        with pytest.raises(BadRequest) as error:
            check_supported(asking(**{name: value}), MESSAGES, ANTHROPIC)
        assert (error.value.param, error.value.code) == (name, "unsupported_by_upstream")
    for value in HARMLESS[name]:
        check_supported(asking(**{name: value}), MESSAGES, ANTHROPIC)


def test_a_field_that_is_dropped_or_unknown_is_let_pass() -> None:
    dropped = [
        name for name, fate in FATES[MESSAGES].items() if fate == "dropped" and name not in ("metadata", "options")
    ]
    check_supported(asking(**dict.fromkeys(dropped, "x"), unheard_of=1), MESSAGES, ANTHROPIC)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "r"}, "previous_response_id"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"modalities": "text"}, "modalities"),
    ],
)
def test_what_no_upstream_can_be_given_is_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as error:
        check_supported(asking(**fields), MESSAGES, ANTHROPIC)
    assert error.value.param == param
