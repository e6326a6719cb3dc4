"""The Responses API, from a real Ollama that does not speak it."""

from __future__ import annotations

from typing import Literal

import pytest
from openai import BadRequestError
from pydantic import BaseModel

from tests.ollama.tiny_models import ANSWER_TOKENS, SENTENCE
from tests.sdk.person import Person, Sdk


class Mood(BaseModel):
    mood: Literal["happy", "sad"]


def test_create(either: Sdk, person: Person):
    response = either.responses.create(model="tiny", input="Say", instructions="Be brief.")
    assert (response.output_text, response.status) == (SENTENCE, "completed")
    record = person.record()
    assert response.id == record["request_id"].replace("req_", "resp_")
    assert response.usage.output_tokens == record["completion_tokens"] == ANSWER_TOKENS
    assert response.usage.input_tokens == record["prompt_tokens"] > 0


def test_what_a_cap_ends_is_incomplete(client: Sdk, person: Person):
    response = client.responses.create(model="tiny", input="Say", max_output_tokens=3)
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert person.record()["completion_tokens"] == 3


def test_stream(client: Sdk, person: Person):
    with client.responses.stream(model="tiny", input=[{"role": "user", "content": "Say"}]) as stream:
        said = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(said) == final.output_text == SENTENCE
    assert len(said) > 10, "as the words are made"
    assert person.record()["completion_tokens"] == final.usage.output_tokens == ANSWER_TOKENS


def test_parse(client: Sdk):
    response = client.responses.parse(model="tiny", input="I love this bridge!", text_format=Mood)
    assert response.output_parsed.mood in ("happy", "sad")


def test_stored_state_is_refused(client: Sdk, person: Person):
    with pytest.raises(BadRequestError) as refused:
        client.responses.create(model="tiny", input="Say", store=True)
    assert refused.value.param == "store"
    assert person.records(0) == []
