"""Errors come as the SDK's own classes, with all four keys of OpenAI's envelope."""

from __future__ import annotations

from typing import Any

import pytest
from openai import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    OpenAI,
    PermissionDeniedError,
)

from tests.ollama.rig import Ollama
from tests.sdk.person import Person, Sdk

SAY: Any = [{"role": "user", "content": "Say"}]


def failing(client: Sdk, **fields: Any) -> APIStatusError:
    asked: dict[str, Any] = {"model": "tiny", "messages": SAY} | fields
    with pytest.raises(APIStatusError) as caught:
        client.post("/chat/completions", body=asked, cast_to=object)
    error = caught.value
    assert error.response.json()["error"].keys() == {"message", "type", "param", "code"}
    assert error.request_id == error.response.headers["x-request-id"]
    assert error.request_id.startswith("req_")
    return error


@pytest.mark.parametrize("key", ["sk-alice-nobody", "x", "k" * 10_000])
def test_a_key_that_is_not_known(person: Person, key: str):
    with OpenAI(base_url=person.gateway.url + "/v1", api_key=key, max_retries=0) as client:
        error = failing(client)
        with pytest.raises(AuthenticationError):
            client.models.list()
    assert (type(error), error.type, error.code) == (AuthenticationError, "invalid_request_error", "invalid_api_key")
    assert len(error.message) < 300


def test_a_model_that_is_not_there(client: Sdk, person: Person):
    error = failing(client, model="gpt-9")
    assert (type(error), error.type, error.code, error.param) == (
        NotFoundError,
        "invalid_request_error",
        "model_not_found",
        "model",
    )
    with pytest.raises(NotFoundError):
        client.models.retrieve("gpt-9")
    assert person.records(0) == []


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": 5}, "model"),
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"stream": "yes"}, "stream"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_completion_tokens": "5"}, "max_completion_tokens"),
        ({"Model": "tiny"}, "Model"),
        ({"ſtream": True}, "ſtream"),
        ({"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
    ],
)
def test_a_field_that_is_wrong_is_named(client: Sdk, person: Person, fields: dict[str, Any], param: str):
    error = failing(client, **fields)
    assert (type(error), error.type, error.param) == (BadRequestError, "invalid_request_error", param)
    assert person.records(0) == []


@pytest.mark.parametrize("stream", [False, True])
def test_ollamas_own_refusal_comes_through(client: Sdk, person: Person, ollama: Ollama, stream: bool):
    asked = {"model": "tiny", "stream": stream}
    direct = ollama.ask("/v1/chat/completions", asked)
    with pytest.raises(BadRequestError) as caught:
        client.post("/chat/completions", body=asked, cast_to=object)
    said = caught.value.response.json()["error"]
    assert (direct.status, said["message"]) == (400, direct.json()["error"]["message"])
    assert (said["type"], said["param"], said["code"]) == ("invalid_request_error", None, None)
    record = person.record()
    assert (record["status"], record["total_tokens"], record["cost_usd"]) == ("failed", 0, "0")


def test_someone_suspended(client: Sdk, person: Person):
    client.chat.completions.create(model="tiny", messages=SAY)
    change = f"/admin/users/{person.user_id}"
    person.gateway.admin("PATCH", change, {"status": "suspended"})
    error = failing(client)
    assert (type(error), error.type, error.code) == (PermissionDeniedError, "permission_error", "account_suspended")
    person.gateway.admin("PATCH", change, {"status": "active"})
    client.chat.completions.create(model="tiny", messages=SAY)
    assert len(person.records(2)) == 2


def test_a_path_that_is_not_there(client: Sdk):
    with pytest.raises(NotFoundError):
        client.post("/nothing", body={}, cast_to=object)
