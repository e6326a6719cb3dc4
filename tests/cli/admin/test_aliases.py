"""`tollkeeper aliases …`, as an admin runs it."""

from __future__ import annotations

import json

import pytest

from tests.cli.admin.conftest import Ask
from tests.gateway.conftest import Gateway


async def test_set_list_and_remove(admin: Ask, gateway: Gateway) -> None:
    assert await admin("aliases", "set", "gpt-4o", "tiny") == (0, "gpt-4o is tiny.\n", "")
    ended = await admin("aliases", "set", "best", "eye", "tiny@default")
    assert ended == (0, "best is eye, then tiny@default.\n", "")
    assert (await gateway.chat(model="gpt-4o")).status_code == 200
    listed = await admin("aliases", "list")
    assert (listed.code, listed.err) == (0, "")
    assert [line.split() for line in listed.lines] == [
        ["alias", "models"],
        ["gpt-4o", "tiny"],
        ["best", "eye,", "tiny@default"],
    ]
    as_json = await admin("aliases", "list", "--json")
    assert [json.loads(line) for line in as_json.lines] == [
        {"alias": "gpt-4o", "models": ["tiny"]},
        {"alias": "best", "models": ["eye", "tiny@default"]},
    ]
    assert await admin("aliases", "remove", "gpt-4o") == (0, "Removed gpt-4o.\n", "")
    assert len((await admin("aliases", "list", "--json")).lines) == 1
    assert (await gateway.chat(model="gpt-4o")).status_code == 404


async def test_another_spelling_is_the_same_alias(admin: Ask) -> None:
    await admin("aliases", "set", "best", "tiny")
    ended = await admin("aliases", "set", "Best:latest", "eye", "--json")
    assert (ended.code, json.loads(ended.out)) == (0, {"alias": "best", "models": ["eye"]})
    assert (await admin("aliases", "list", "--json")).lines == ['{"alias":"best","models":["eye"]}']
    ended = await admin("aliases", "remove", "BEST", "--json")
    assert (ended.code, json.loads(ended.out)) == (0, {"alias": "best", "models": ["eye"]})
    assert (await admin("aliases", "list", "--json")).out == ""


async def test_an_unknown_alias(admin: Ask) -> None:
    assert await admin("aliases", "remove", "best") == (1, "", "tollkeeper: there is no alias best\n")


@pytest.mark.parametrize(("words", "field"), [(["best", "a b"], "'best.0'"), (["a b", "tiny"], "'a b'")])
async def test_what_the_gateway_refuses(admin: Ask, words: list[str], field: str) -> None:
    ended = await admin("aliases", "set", *words)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"tollkeeper: {field} ")
    assert ended.err.count("\n") == 1


async def test_a_model_must_be_given(admin: Ask) -> None:
    ended = await admin("aliases", "set", "best")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("tollkeeper: Missing argument 'MODEL'")
