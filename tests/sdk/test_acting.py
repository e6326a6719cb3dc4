"""The stock SDK with a key that acts for others: apps name the person by `extra_headers`, or by `user`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from openai import OpenAI, PermissionDeniedError, RateLimitError

from tests.sdk.person import Person, Sdk

SAY: Any = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}


@contextmanager
def acting(person: Person, **fields: Any) -> Iterator[Sdk]:
    """A client with a new key of this user that acts for others."""
    path = f"/admin/users/{person.user_id}/keys"
    key = person.gateway.admin("POST", path, {"acts_for": "users", **fields})["api_key"]
    with OpenAI(base_url=person.gateway.url + "/v1", api_key=key, max_retries=0) as client:
        yield client


def people(person: Person) -> dict[str, str]:
    """The ids of a user's end users, by value."""
    return {row["value"]: row["id"] for row in person.ask("/me/end-users")["data"]}


def test_extra_headers_name_the_person(person: Person) -> None:
    with acting(person, acts_for_limits={"requests_total": 1}) as client:
        client.chat.completions.create(**SAY, extra_headers={"X-OpenWebUI-User-Id": "mia"})
        *_, last = client.chat.completions.create(**SAY, stream=True, extra_headers={"x-tollkeeper-user": "noa"})
        assert last.choices[0].finish_reason
        with pytest.raises(RateLimitError, match="of this end user"):
            client.chat.completions.create(**SAY, extra_headers={"x-tollkeeper-user": "mia"})
    ids = people(person)
    assert [record["end_user_id"] for record in person.records(2)] == [ids["noa"], ids["mia"]]


@pytest.mark.parametrize("field", ["user", "safety_identifier"])
def test_the_field_of_the_body_names_the_person(person: Person, field: str) -> None:
    with acting(person, acts_from="body") as client:
        client.chat.completions.create(**SAY, **{field: "mia"})
        client.responses.create(model="tiny", input="hi", max_output_tokens=16, store=False, **{field: "mia"})
        client.chat.completions.create(**SAY)
    ids = people(person)
    assert [*ids] == ["mia"]
    assert [record["end_user_id"] for record in person.records(3)] == [None, ids["mia"], ids["mia"]]


def test_a_person_who_may_not_ask_gets_an_error_that_the_sdk_knows(person: Person) -> None:
    with acting(person, acts_for_create=False) as client, pytest.raises(PermissionDeniedError) as refused:
        client.chat.completions.create(**SAY, extra_headers={"x-tollkeeper-user": "mia"})
    assert refused.value.code == "end_user_unknown"
