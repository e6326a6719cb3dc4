"""Responses to requests without a prompt."""

import json

import pytest

from tests.wire.ollama.test_request import SAY, body
from tollkeeper.wire.ollama.empty import empty_response, timestamp
from tollkeeper.wire.ollama.request import CHAT, GENERATE, read_request

NOW = 1_795_181_970_123


@pytest.mark.parametrize(("fields", "reason"), [({}, "load"), ({"keep_alive": 0}, "unload")])
@pytest.mark.parametrize(
    ("endpoint", "said"), [(CHAT, {"message": {"role": "assistant", "content": ""}}), (GENERATE, {"response": ""})]
)
def test_they_say_what_was_asked_for(endpoint, said, fields, reason):
    answer = empty_response(read_request(body(**fields), endpoint), "tiny:latest", NOW)
    assert answer is not None
    assert answer.endswith(b"}\n")
    assert json.loads(answer) == {
        "model": "tiny:latest", "created_at": "2026-11-20T13:39:30.123Z", "done_reason": reason, "done": True, **said,
    }  # fmt: skip


def test_a_prompt_gets_none():
    assert empty_response(read_request(body(messages=SAY), CHAT), "tiny", NOW) is None
    assert empty_response(read_request(body(prompt="x", keep_alive=0), GENERATE), "tiny", NOW) is None


def test_times():
    assert timestamp(0) == "1970-01-01T00:00:00.000Z"
    assert timestamp(None) == "0001-01-01T00:00:00Z"
