"""Halves of surrogate pairs, as text has that was cut in the middle of a character: from clients and from upstreams."""

import json

import pytest

from tests.gateway.conftest import ask
from tests.gateway.test_bad_input import check
from tests.gateway.test_limits import BEARER
from tests.scripted import chat_answer, chat_chunks, json_response, response, sse, streamed

JSON = {"content-type": "application/json"}


async def test_a_client_s_half_passes_and_the_record_is_whole(gateway, up):
    body = (
        rb'{"model":"tiny","metadata":{"k\ud83d":"v\ude00"},"messages":[{"role":"user","content":"a\ud83d"},'
        rb'{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{\ud83d}"}}]}]}'
    )
    answer = await gateway.client.post("/v1/chat/completions", content=body, headers=JSON)
    assert answer.status_code == 200, answer.text
    assert up.requests[-1].body == body.replace(b'"tiny"', b'"tiny:latest"')
    record = await gateway.record()
    assert json.loads(record.metadata or "") == {"k\ufffd": "v\ufffd"}
    assert (await gateway.client.get("/v1/usage")).json()["data"][0]["metadata"] == {"k\ufffd": "v\ufffd"}
    assert "v\ufffd" in (await gateway.client.get("/v1/usage.csv")).text
    assert (await gateway.client.get("/admin/usage.csv", headers=BEARER)).status_code == 200


@pytest.mark.parametrize("name", [rb"tiny\ud83d", rb"\ude00", rb"\ud83d" * 40])
async def test_a_model_named_by_half_a_character_is_not_known(gateway, up, name):
    body = b'{"model":"%b","messages":[]}' % name
    answer = await gateway.client.post("/v1/chat/completions", content=body, headers=JSON)
    check(answer, 404, "model_not_found", "model")
    assert await gateway.records() == []


def complete(answer):
    """An answer that lacks none of the fields that OpenAI's clients require, so that it passes as it is."""
    [choice] = answer["choices"]
    return answer | {"choices": [choice | {"message": choice["message"] | {"refusal": None}, "logprobs": None}]}


def halved(value):
    """Its JSON, with a half for each dollar sign."""
    return json.dumps(value, separators=(",", ":")).encode().replace(b"$", rb"\ud83d")


@pytest.mark.parametrize(
    "answer",
    [
        chat_answer("a$"),
        chat_answer("", tool_calls=[{"function": {"name": "f$", "arguments": "$"}}]),
        chat_answer("x", finish_reason="stop$"),
        chat_answer("x") | {"$": 1},
    ],
)
async def test_an_upstream_s_half_in_a_whole_answer_passes_as_it_came(gateway, up, answer):
    sent = halved(complete(answer))
    up.answer(response(sent))
    got = await gateway.chat()
    assert got.status_code == 200, got.text
    assert got.content == sent.replace(b"chatcmpl-1", got.json()["id"].encode())
    record = await gateway.record()
    assert (record.status, record.usage.total_tokens) == ("completed", 7)


@pytest.mark.parametrize("usage", [True, False])
async def test_an_upstream_s_half_in_a_stream_passes_as_it_came(gateway, up, usage):
    events = chat_chunks(["a", "b$", "$c", "d"])
    up.answer(streamed(*(event.replace(b"$", rb"\ud83d") for event in sse(*events))))
    options = {"stream_options": {"include_usage": True}} if usage else {}
    got = await gateway.client.post("/v1/chat/completions", json=ask(stream=True, **options))
    assert got.content.count(rb"\ud83d") == 2
    assert got.content.endswith(b"data: [DONE]\n\n")
    record = await gateway.record()
    assert (record.status, record.usage.total_tokens) == ("completed", 7)


async def test_an_upstream_s_half_in_an_error_is_told(gateway, up):
    up.answer(response(rb'{"error":{"message":"no \ud83d"}}', 400))
    answer = await gateway.chat()
    assert check(answer, 400) == "no \ufffd"


async def test_embeddings_as_base64_where_the_upstream_gives_numbers(gateway, up):
    asked = {"model": "tiny", "input": ["a", "b"], "encoding_format": "base64"}
    answer = await gateway.client.post("/v1/embeddings", json=asked)
    assert [item["embedding"] for item in answer.json()["data"]] == ["AAAAPwAAgL4AAAA+"] * 2
    assert (await gateway.record()).usage.prompt_tokens == 4
    for form in ({"encoding_format": "float"}, {}):
        plain = (await gateway.client.post("/v1/embeddings", json={"model": "tiny", "input": "a"} | form)).json()
        assert plain["data"][0]["embedding"] == [0.5, -0.25, 0.125]
    up.answer(json_response({"object": "list", "data": [{"embedding": "AAAAPw=="}], "usage": {"prompt_tokens": 1}}))
    answer = await gateway.client.post("/v1/embeddings", json=asked)
    assert answer.json()["data"][0]["embedding"] == "AAAAPw=="
