"""What kinds of upstream differ in, and what is sent to each."""

import json

import pytest

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import KINDS
from tollkeeper.wire.openai.kinds import check_kind
from tollkeeper.wire.openai.request import CHAT, COMPLETIONS, EMBEDDINGS, read_request
from tollkeeper.wire.openai.rewrite import rewrite

ALL = sorted(KINDS)
OWN = ["ollama", "openai-compatible"]


def sent(text, endpoint=CHAT, *, kind, cap=None, model="tiny"):
    ask = read_request(text, endpoint)
    check_kind(ask, KINDS[kind])
    return rewrite(
        ask, model=model, opaque_user=lambda: "user_1", image_urls=(), output_cap=cap, kind=KINDS[kind], price=None
    )


def chat(**fields):
    return json.dumps({"model": "tiny", "messages": [{"role": "user", "content": "hi"}]} | fields).encode()


def refused(text, endpoint, kind):
    with pytest.raises(BadRequest) as caught:
        sent(text, endpoint, kind=kind)
    return caught.value.param


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        ({"max_tokens": -1}, OWN),
        ({"max_completion_tokens": -1}, OWN),
        ({"max_tokens": 0}, []),
        ({"max_tokens": -2}, []),
        ({"max_tokens": -1, "max_completion_tokens": 0}, []),
    ],
)
@pytest.mark.parametrize("kind", ALL)
def test_a_cap_that_means_none_is_absent_where_the_upstream_takes_it(fields, kinds, kind):
    text = chat(**fields)
    assert read_request(text, CHAT).output_cap is None
    if kind not in kinds:
        assert refused(text, CHAT, kind) in fields
        return
    plain = json.loads(sent(text, kind=kind))
    assert {plain.get("max_tokens"), plain.get("max_completion_tokens")} == {None}
    capped = json.loads(sent(text, kind=kind, cap=50))
    assert {capped.get(name, 50) for name in ("max_tokens", "max_completion_tokens")} == {50}
    assert 50 in capped.values()


def test_a_cap_beside_one_that_means_none_counts():
    text = chat(max_tokens=-1, max_completion_tokens=7)
    assert read_request(text, CHAT).output_cap == 7
    assert json.loads(sent(text, kind="ollama"))["max_tokens"] == 7


@pytest.mark.parametrize("kind", ALL)
def test_a_prompt_in_a_list_of_one_is_its_element_where_lists_are_not_taken(kind):
    text = b'{"model":"tiny", "prompt": [ "a\\n\\u0041" ] ,"n":2}'
    expected = b'{"model":"tiny", "prompt": "a\\n\\u0041" ,"n":2}' if kind == "ollama" else text
    assert sent(text, COMPLETIONS, kind=kind) == expected
    assert read_request(text, COMPLETIONS).choices == 2


@pytest.mark.parametrize("prompt", [["a", "b"], [1, 2], [[1, 2]], []])
def test_other_lists_of_prompts_are_refused_where_they_are_not_taken(prompt):
    text = json.dumps({"model": "tiny", "prompt": prompt}).encode()
    assert refused(text, COMPLETIONS, "ollama") == "prompt"
    for kind in set(ALL) - {"ollama"}:
        assert sent(text, COMPLETIONS, kind=kind) == text


def test_a_length_of_vectors_is_refused_where_it_is_ignored():
    text = json.dumps({"model": "tiny", "input": "a", "dimensions": 256}).encode()
    assert refused(text, EMBEDDINGS, "ollama") == "dimensions"
    assert sent(text, EMBEDDINGS, kind="openai") == text
    assert sent(b'{"model":"tiny","input":"a","dimensions":null}', EMBEDDINGS, kind="ollama")


HALVES = [
    rb"\ud83d",
    rb"a\uDE00b",
    rb"\ud83d\n",
    rb"\ud83d\ud83d\ude00",
    rb"\ude00\ud83d",
    rb"\\\\\ud83d",
]


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize(
    "form",
    [
        b'{"model":"Tiny","messages":[{"role":"user","content":"%b"}]}',
        b'{"model":"Tiny","messages":[{"role":"user","content":[{"type":"text","text":"%b"}]}]}',
        b'{"model":"Tiny","messages":[{"role":"tool","content":"x","%b":{"%b":1}}]}',
        b'{"model":"Tiny","%b":"x","messages":[]}',
        b'{"model":"Tiny","messages":[{"role":"assistant","tool_calls":[{"function":{"arguments":"%b"}}]}]}',
        b'{"model":"Tiny","metadata":{"a%b":"%b"}}',
    ],
)
def test_half_a_character_passes_where_it_is_taken_and_is_replaced_where_it_is_not(form, half):
    text = form.replace(b"%b", half)
    to_ollama = sent(text, kind="ollama", model="tiny")
    assert to_ollama == text.replace(b"Tiny", b"tiny")
    for kind in set(ALL) - {"ollama"}:
        other = sent(text, kind=kind, model="tiny")
        assert len(other) == len(text)
        found = json.loads(other)
        json.dumps(found, ensure_ascii=False).encode()  # no half is left
        assert "\ufffd" in json.dumps(found, ensure_ascii=False)
        assert other.replace(rb"\ufffd", b"") != other


def test_whole_characters_and_escaped_backslashes_are_left_alone():
    text = rb'{"model":"tiny","messages":[{"role":"user","content":"\ud83d\ude00 \\ud83d \\\\ud83d"}]}'
    assert sent(text, kind="openai") == text


def test_half_a_character_in_metadata_and_names_is_replaced_in_what_is_recorded():
    ask = read_request(rb'{"model":"a\ud83d","metadata":{"k\ud83d":"v\ude00"}}', CHAT)
    assert ask.model == "a\ufffd"
    assert ask.metadata is not None
    assert json.loads(ask.metadata) == {"k\ufffd": "v\ufffd"}
    ask.metadata.encode()


@pytest.mark.parametrize(
    "text", [rb'{"model":"a","x":"\ud8"}', rb'{"model":"a","x":"\ud83"}', rb'{"model":"a","x":\ud83d}']
)
def test_what_is_no_escape_is_no_json(text):
    with pytest.raises(BadRequest, match="not JSON"):
        read_request(text, CHAT)


def test_keys_that_become_one_are_given_twice():
    with pytest.raises(BadRequest, match="twice"):
        read_request(rb'{"model":"a","\ud83d":1,"\ud83e":2}', CHAT)
