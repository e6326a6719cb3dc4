"""Whole responses in Ollama's dialect."""

import json

import pytest

from tests.wire.ollama.test_request import SAY, body
from tollkeeper.rules.errors import UpstreamFailure, UpstreamUnavailable
from tollkeeper.wire.ollama.request import CHAT, EMBED, EMBEDDINGS, GENERATE, read_request
from tollkeeper.wire.ollama.response import read_large_response, read_response
from tollkeeper.wire.usage import UsageReport

TIMES = {"total_duration": 5, "load_duration": 1, "prompt_eval_duration": 1, "eval_duration": 3}
ANSWER = {
    "model": "tiny", "created_at": "2026-11-29T14:08:59.409Z", "message": {"role": "assistant", "content": "Hello"},
    "done_reason": "stop", "done": True, "prompt_eval_count": 7, "eval_count": 3, **TIMES,
}  # fmt: skip
REQUESTS = {
    endpoint: read_request(body(messages=SAY, prompt="a", input="a"), endpoint)
    for endpoint in (CHAT, GENERATE, EMBED, EMBEDDINGS)
}


def whole(answer, endpoint=CHAT):
    return read_response(REQUESTS[endpoint], json.dumps(answer).encode(), "req_1")


def large(answer, endpoint=CHAT):
    steps = read_large_response(REQUESTS[endpoint], bytearray(json.dumps(answer).encode()), "req_1")
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


both = pytest.mark.parametrize("read", [whole, large])


@both
def test_it_passes_unchanged_and_is_counted(read):
    found = read(ANSWER)
    assert bytes(found.body) == json.dumps(ANSWER).encode()
    assert (found.report, found.finish_reason, found.content_events) == (UsageReport(7, 3), "stop", 0)


@both
def test_that_of_a_prompt(read):
    answer = {**ANSWER, "response": "Hello", "context": [1, 2]}
    del answer["message"]
    assert read(answer, GENERATE).report == UsageReport(7, 3)
    with pytest.raises(UpstreamUnavailable, match="no answer of its API"):
        read(ANSWER, GENERATE)


@both
def test_a_count_that_is_missing_is_unknown_and_output_is_estimated_by_its_length(read):
    answer = {**ANSWER, "message": {"role": "assistant", "content": "x" * 100, "thinking": "y" * 100}}
    del answer["prompt_eval_count"]
    assert read(answer).report == UsageReport(None, 3)
    del answer["eval_count"]
    found = read(answer)
    assert found.report == UsageReport(None, None)
    assert 50 <= found.content_events <= 70


@both
def test_a_count_that_is_none_is_doubtful(read):
    found = read({**ANSWER, "eval_count": "3"})
    assert (found.report.completion_tokens, found.report.estimated) == (None, True)


@both
def test_a_model_that_was_only_loaded_has_written_nothing(read):
    assert read({**ANSWER, "done_reason": "load", "eval_count": None}).report == UsageReport(0, 0)


@both
def test_vectors_have_no_output(read):
    answer = {"model": "tiny", "embeddings": [[0.5] * 9], "prompt_eval_count": 4}
    found = read(answer, EMBED)
    assert (found.report, found.finish_reason, found.content_events) == (UsageReport(4, 0), None, 0)
    assert read({"embedding": [0.5]}, EMBEDDINGS).report == UsageReport(None, 0)
    for endpoint in (EMBED, EMBEDDINGS):
        with pytest.raises(UpstreamUnavailable):
            read({"model": "tiny"}, endpoint)


@both
def test_an_error_is_one_whatever_the_status(read):
    with pytest.raises(UpstreamFailure) as failed:
        read({"error": "llama runner process has terminated"})
    assert "llama runner" in (failed.value.detail or failed.value.message)


@pytest.mark.parametrize("text", [b"<html>", b"", b"[1]", b'{"message":"\xff"', b'{"message":{}} {}'])
def test_what_is_no_json_of_its_api_is_a_failure(text):
    with pytest.raises(UpstreamUnavailable):
        read_response(REQUESTS[CHAT], text, "req_1")
    with pytest.raises(UpstreamUnavailable):
        list(read_large_response(REQUESTS[CHAT], bytearray(text), "req_1"))


def test_a_message_of_another_shape_counts_by_its_length():
    answer = {**ANSWER, "message": "x" * 40, "eval_count": None}
    assert whole(answer).content_events >= 10
