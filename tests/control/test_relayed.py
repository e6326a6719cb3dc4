"""How the document describes the relayed paths."""

from typing import Any

import pytest
from msgspec.structs import replace

from tollkeeper.control.relayed import add_relayed
from tollkeeper.wire.dialects import DIALECTS
from tollkeeper.wire.openai.dialect import OPENAI


def described(*dialects):
    document: dict[str, Any] = {"paths": {}, "components": {"schemas": {}}}
    add_relayed(document, dialects)
    return document


@pytest.mark.parametrize("path", [endpoint.path for endpoint in OPENAI.endpoints])
def test_each_path_is_there_in_both_spellings_with_a_name_of_its_own(path):
    paths = described(OPENAI)["paths"]
    both = [paths[path]["post"], paths[path.removeprefix("/v1")]["post"]]
    assert both[0]["operationId"] != both[1]["operationId"]
    assert both[0]["requestBody"] == both[1]["requestBody"]


def test_every_post_takes_an_idempotency_key():
    paths = described(*DIALECTS)["paths"]
    posts = {path: one["post"] for path, one in paths.items() if "post" in one}
    assert {"/v1/chat/completions", "/v1/messages/count_tokens", "/api/show"} <= set(posts)
    for path, post in posts.items():
        assert [parameter["name"] for parameter in post["parameters"]] == ["Idempotency-Key"], path
        assert {"400", "409", "422"} <= set(post["responses"]), path


def test_streams_are_described_where_there_are_any():
    for endpoint in OPENAI.endpoints:
        content = described(OPENAI)["paths"][endpoint.path]["post"]["responses"]["200"]["content"]
        assert ("text/event-stream" in content) is endpoint.streams


def test_models_are_listed_all_and_one_by_one_unless_the_dialect_lists_none():
    assert {"/v1/models", "/v1/models/{id}", "/models", "/models/{id}"} <= set(described(OPENAI)["paths"])
    assert "/v1/models" not in described(replace(OPENAI, lookups=()))["paths"]


def test_names_of_operations_are_unique():
    operations = [one for path in described(OPENAI)["paths"].values() for one in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
