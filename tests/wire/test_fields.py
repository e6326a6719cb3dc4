"""Fields that ask for something, for more output, or for another price, in any dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tollkeeper.rules.kinds import ANTHROPIC, OLLAMA, OPENAI, OPENROUTER, Kind
from tollkeeper.wire.fields import is_given, more_output, priced_fields, unknown_field
from tollkeeper.wire.openai.request import CHAT, read_request
from tollkeeper.wire.strict_json import read_object


@pytest.mark.parametrize(
    ("kind", "fields", "found"),
    [
        (OPENAI, {"service_tier": "flex"}, [("service_tier", "flex")]),
        (OPENAI, {"service_tier": 5}, [("service_tier", "service_tier")]),
        (OPENAI, {"service_tier": "default"}, []),
        (OPENAI, {"service_tier": "auto"}, []),
        (OPENAI, {"service_tier": None, "plugins": [{"id": "web"}]}, []),
        (OPENROUTER, {"plugins": [{"id": "web"}], "models": []}, [("plugins", "plugins")]),
        (OPENROUTER, {"models": ["a"], "route": "fallback"}, [("models", "models"), ("route", "route")]),
        (OPENROUTER, {"provider": {"order": ["x"]}}, [("provider", "provider")]),
        (ANTHROPIC, {"speed": "fast", "service_tier": "auto"}, [("speed", "fast")]),
        (OLLAMA, {"service_tier": "flex", "provider": {"order": ["x"]}}, []),
    ],
)
def test_fields_count_where_they_mean_something(
    kind: Kind, fields: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    body = json.dumps({"model": "m", "messages": [], **fields}).encode()
    assert priced_fields(read_request(body, CHAT), kind) == found


@pytest.mark.parametrize("empty", [None, False, 0, 0.0, "", [], {}])
def test_empty_values_ask_for_nothing(empty: object) -> None:
    members = read_object(json.dumps({"a": empty, "b": 1}).encode(), frozenset())
    assert (is_given(members, "a"), is_given(members, "b"), is_given(members, "c")) == (False, True, False)


def test_an_unknown_field_counts_where_it_asks_for_something() -> None:
    members = read_object(b'{"a": 1, "b": null, "c": [1]}', frozenset())
    assert unknown_field(members, {"a"}, "") == "c"
    assert unknown_field(members, {"a"}, "x[0]") == "x[0].c"
    assert unknown_field(members, {"a", "c"}, "x[0]") is None


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"min_tokens": 50}, "min_tokens"),
        ({"best_of": 1, "n_predict": 0, "num_predict": None}, None),
        ({"ignore_eos": 1}, "ignore_eos"),
        ({"best_of": 2}, "best_of"),
    ],
)
def test_more_output_is_found_in_other_servers_fields(fields: dict[str, Any], found: str | None) -> None:
    members = read_object(json.dumps(fields).encode(), frozenset())
    assert more_output(members) == found
    assert more_output(members, counted="best_of") == (None if found == "best_of" else found)
