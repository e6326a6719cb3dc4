"""What becomes of each field."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.translate.responses.asking import asking
from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import ANTHROPIC, OLLAMA
from tollkeeper.wire.responses.fields import KNOWN
from tollkeeper.wire.translate.responses.fates import FATES, check_supported

PATHS = pytest.mark.parametrize("path", FATES)


@PATHS
def test_every_known_field_has_one(path: str) -> None:
    assert set(FATES[path]) == KNOWN


@PATHS
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"moderation": {"model": "m"}}, "moderation"),
        ({"include": ["message.output_text.logprobs"]}, "include"),
        ({"include": "all"}, "include"),
    ],
)
def test_what_changes_the_meaning_is_refused(path: str, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check_supported(asking(**fields), path, OLLAMA)
    assert caught.value.param == param


@PATHS
@pytest.mark.parametrize(
    "fields",
    [
        {"top_logprobs": 0, "store": False, "background": False, "prompt": None, "include": None},
        {"include": ["reasoning.encrypted_content"], "truncation": "auto", "client_metadata": {"a": "b"}},
        {"what_comes_next": {"a": 1}},
    ],
)
def test_what_does_not_passes(path: str, fields: dict[str, Any]) -> None:
    check_supported(asking(**fields), path, ANTHROPIC)
