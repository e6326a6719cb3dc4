"""Turns of a conversation in the Messages dialect have one name."""

import json

import pytest

from tollkeeper.wire.anthropic.conversation import conversation
from tollkeeper.wire.anthropic.request import MESSAGES, read_request

SESSION = "11111111-2222-3333-4444-555555555555"
HI, AND = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "and?"}


def name(**fields):
    return conversation(read_request(json.dumps({"model": "m"} | fields).encode(), MESSAGES))


@pytest.mark.parametrize(
    "user", [f"user_0a1b_account__session_{SESSION}", json.dumps({"device_id": "d", "session_id": SESSION})]
)
def test_a_session_names_it(user):
    for messages in ([HI], [AND]):
        assert name(messages=messages, metadata={"user_id": user}) == f"session {SESSION}"


def test_what_stays_names_it_where_no_session_does():
    first = name(messages=[HI], system="Be brief.", metadata={"user_id": "alice"})
    assert first == name(messages=[HI, AND, HI], system="Be brief.")
    others = {name(messages=[AND], system="Be brief."), name(messages=[HI]), name(messages=[HI], system="Be long.")}
    assert len(others | {first}) == 4
    assert name() == ""


def test_long_ones_have_a_name_too():
    long = [{"role": "user", "content": "x" * 200_000}]
    assert name(messages=long) == name(messages=[*long, AND])


def test_huge_metadata_is_not_searched_for_a_session():
    user = {"user_id": f"session_{SESSION}"}
    assert name(messages=[HI], metadata=user | {str(n): n for n in range(1000)}) == name(messages=[HI])
