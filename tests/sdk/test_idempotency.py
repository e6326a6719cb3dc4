"""Idempotency keys as the SDKs live with them: one answer, and a retry that is told what became of the first."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest
from anthropic import Anthropic
from anthropic import ConflictError as AnthropicConflict
from openai import ConflictError, OpenAI, UnprocessableEntityError

from tests.sdk.person import Person, Sdk

SAY: Any = [{"role": "user", "content": "Say"}]
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


def test_a_retry_of_a_lost_answer_is_told_of_its_record_and_not_repeated(person: Person):
    """The stock SDK with its own retries: the answer is lost on the way, so it asks again, and is told to stop."""
    statuses: list[int] = []

    def lost(response: httpx.Response) -> None:
        statuses.append(response.status_code)
        if response.status_code == 200:
            response.read()
            raise httpx.ReadError("the connection broke")

    with (
        httpx.Client(event_hooks={"response": [lost]}) as http,
        OpenAI(base_url=person.gateway.url + "/v1", api_key=person.key, max_retries=5, http_client=http) as client,
        pytest.raises(ConflictError) as caught,
    ):
        client.chat.completions.create(model="tiny", messages=SAY, extra_headers=KEY)
    assert statuses == [200, 409]
    assert (caught.value.code, caught.value.param) == ("idempotency_replayed", None)
    record = person.record()
    assert record["status"] == "completed"
    assert record["request_id"] in caught.value.message
    assert person.ask(f"/v1/usage/{record['request_id']}")["status"] == "completed"


def test_another_request_under_the_key_is_unprocessable(client: Sdk, person: Person):
    client.chat.completions.create(model="tiny", messages=SAY, extra_headers=KEY)
    with pytest.raises(UnprocessableEntityError) as caught:
        client.chat.completions.create(model="tiny", messages=SAY, max_tokens=1, extra_headers=KEY)
    assert caught.value.code == "idempotency_mismatch"
    assert len(person.records(1)) == 1


def test_a_new_key_is_a_new_request(client: Sdk, person: Person):
    for number in range(2):
        answer = client.chat.completions.create(
            model="tiny", messages=SAY, extra_headers={"Idempotency-Key": f"key-{number}"}
        )
        assert answer.choices[0].message.content
    assert len(person.records(2)) == 2


def test_the_sdk_of_anthropic_is_told_in_its_own_words(person: Person):
    with Anthropic(base_url=person.gateway.url, api_key=person.key, max_retries=2) as client:
        asked: dict[str, Any] = {"model": "tiny", "max_tokens": 9, "messages": SAY, "extra_headers": KEY}
        client.messages.create(**asked)
        with pytest.raises(AnthropicConflict) as caught:
            client.messages.create(**asked)
    assert caught.value.type == "invalid_request_error"
    assert person.record()["request_id"] in caught.value.message
