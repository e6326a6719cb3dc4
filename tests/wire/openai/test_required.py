"""Fields that a chat answer must have are put into the upstream's own bytes, and nothing else changes."""

import json
from typing import Any

import pytest

from tollkeeper.wire.openai.request import CHAT, COMPLETIONS, read_request
from tollkeeper.wire.openai.response import read_large_response, read_response

ID = "req_01935a6b2c3d0011223344556677"
CREATED = 1_732_388_793
FULL = (
    b'{"id":"chatcmpl-01935a6b2c3d0011223344556677","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"a","refusal":null},"logprobs":null,"finish_reason":"stop"}]}'
)


def passed(body, endpoint=CHAT):
    """The body for the client, the same at once and in steps."""
    request = read_request(b'{"model":"m"}', endpoint)
    whole = read_response(request, body, ID).body
    assert in_one_go(read_large_response(request, bytearray(body), ID)).body == whole
    return whole


def in_one_go(steps):
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_an_answer_that_has_all_is_left_alone():
    assert passed(FULL) == FULL
    assert passed(FULL.replace(b":", b" : ").replace(b",", b" , ")) == FULL.replace(b":", b" : ").replace(b",", b" , ")


@pytest.mark.parametrize(
    ("gone", "instead"),
    [
        (b',"refusal":null', b""),
        (b',"logprobs":null', b""),
        (b'"role":"assistant",', b""),
        (b'"content":"a",', b""),
        (b'"index":0,', b""),
        (b'"object":"chat.completion",', b""),
        (b'"created":1,', b""),
        (b'"model":"m",', b""),
        (b'"role":"assistant","content":"a","refusal":null', b""),
        (b'"role":"assistant","content":"a","refusal":null', b" "),
    ],
)
@pytest.mark.parametrize("spaces", [False, True])
def test_each_field_is_put_where_it_is_missing(gone, instead, spaces):
    body = FULL.replace(gone, instead)
    if spaces:
        body = body.replace(b":", b" : ").replace(b"{", b"{ ")
    got, full = json.loads(passed(body)), json.loads(FULL)
    if b"created" in gone:
        full["created"] = CREATED
    if b"content" in gone:
        full["choices"][0]["message"]["content"] = None
    assert got == full
    pairs = json.loads(passed(body), object_pairs_hook=list)
    assert len(dict(pairs)) == len(pairs)


def test_what_ollama_writes():
    body = (
        b'{"id":"chatcmpl-7","object":"chat.completion","created":5,"model":"m","choices":[{"index":0,"message":'
        b'{"role":"assistant","content":"\\"message\\":{"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}'
    )
    assert passed(body) == (
        b'{"id":"chatcmpl-01935a6b2c3d0011223344556677","object":"chat.completion","created":5,"model":"m","choices":[{"index":0,'
        b'"message":{"refusal":null,"role":"assistant","content":"\\"message\\":{"},"logprobs":null,"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":1}}'
    )


def test_an_answer_without_choices():
    assert passed(b'{"choices":[]}') == (b'{"object":"chat.completion","created":1732388793,"model":"m","choices":[]}')


def test_of_several_choices_each_gets_what_it_lacks():
    message = {"role": "assistant", "content": "a", "refusal": None}
    choices: list[dict[str, Any]] = [
        {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"},
        {"message": message, "finish_reason": "stop"},
        {"index": 2, "message": message | {"tool_calls": [{"index": 0}]}, "finish_reason": "stop"},
        {"index": 3, "message": {"content": "b"}, "logprobs": {"content": [], "refusal": []}},
    ]
    got = json.loads(passed(json.dumps({"choices": choices}).encode()))
    assert (got["object"], got["created"], got["model"]) == ("chat.completion", CREATED, "m")
    assert [choice["index"] for choice in got["choices"]] == [0, 1, 2, 3]
    assert [choice["logprobs"] for choice in got["choices"]] == [None, None, None, choices[3]["logprobs"]]
    assert [choice["message"]["refusal"] for choice in got["choices"]] == [None] * 4
    assert [choice["message"]["role"] for choice in got["choices"]] == ["assistant"] * 4


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices":[{"index":0}]}',
        b'{"choices":[{"message":null}]}',
        b'{"choices":[{"message":5}]}',
        b'{"choices":[5]}',
    ],
)
def test_an_answer_of_another_shape_stays_as_it_came(body):
    assert passed(body) == body


def test_what_no_parser_reads_stays_as_it_came():
    body = b'{"choices":[{"message":{"content":"\\ud83d"},"logprobs":NaN}]}'
    assert read_response(read_request(b'{"model":"m"}', CHAT), body, ID).body == body


def test_only_chats_have_these_fields():
    body = b'{"object":"text_completion","choices":[{"text":"a","index":0}]}'
    assert passed(body, COMPLETIONS) == body
