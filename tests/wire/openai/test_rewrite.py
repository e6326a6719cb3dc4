"""What of a request's own bytes changes on its way upstream."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import KINDS
from tollkeeper.rules.pricing import Price
from tollkeeper.wire.openai.request import CHAT, COMPLETIONS, read_request
from tollkeeper.wire.openai.rewrite import rewrite
from tollkeeper.wire.strict_json import Edit

MESSAGES = [{"role": "user", "content": "hi"}]


def body(**fields):
    return json.dumps({"model": "tiny", "messages": MESSAGES} | fields).encode()


def sent(text, endpoint=CHAT, *, model="tiny", urls=(), kind="ollama", cap=None, price=None):
    ask = read_request(text, endpoint)
    return rewrite(
        ask, model=model, opaque_user=lambda: "user_1", image_urls=urls, output_cap=cap, kind=KINDS[kind], price=price
    )


def test_nothing_to_change_sends_the_very_bytes():
    text = b'{ "messages" : [ {"role":"user", "content":"\\u00e9 \xc3\xa9"} ],\n"model":"tiny", "temperature":1.0e0 }'
    assert sent(text) == text


@pytest.mark.parametrize(
    ("fields", "endpoint", "kind", "changed"),
    [
        (b'"user":"bob"', CHAT, "ollama", b'"user":"user_1"'),
        (b'"safety_identifier":"bob"', CHAT, "ollama", b'"safety_identifier":"user_1"'),
        (b'"store":true', CHAT, "openai", b'"store":false'),
        (b'"model":"TINY"', CHAT, "ollama", b'"model":"tiny"'),
        (b'"max_tokens":-1', CHAT, "ollama", b'"max_tokens":null'),
        (b'"max_completion_tokens":5', CHAT, "ollama", b'"max_tokens":5'),
        (b'"prompt":["hi"]', COMPLETIONS, "ollama", b'"prompt":"hi"'),
    ],
)
def test_a_single_field_changes_where_nothing_else_does(fields, endpoint, kind, changed):
    named = b"{%b}" if b"model" in fields else b'{"model":"tiny",%b}'
    assert sent(named % fields, endpoint, kind=kind) == named % changed


def test_a_stream_is_made_to_tell_its_usage():
    text = b'{"model":"tiny","stream":true}'
    assert sent(text) == b'{"stream_options":{"include_usage":true},"model":"tiny","stream":true}'
    asked = b'{"model":"tiny","stream":true,"stream_options":{"include_usage":true}}'
    assert sent(asked) == asked


@pytest.mark.parametrize("options", [b"null", b"{}", b'{"include_usage":false}', b'{"include_usage":null}'])
def test_stream_options_that_do_not_ask_are_replaced(options):
    text = b'{"model":"tiny","stream":true, "stream_options" : ' + options + b" }"
    assert sent(text) == b'{"model":"tiny","stream":true, "stream_options" : {"include_usage":true} }'


def test_other_stream_options_stay():
    text = b'{"model":"tiny","stream":true,"stream_options":{ "include_obfuscation":false%s}}'
    assert sent(text % b"") == text.replace(b"{ ", b'{"include_usage":true, ') % b""
    assert sent(text % b', "include_usage" : null') == text % b', "include_usage" : true'


def test_a_bare_image_url_is_wrapped_for_who_would_not_know_it():
    text = b'{"model":"m","messages":[{"content":[{"type":"image_url","image_url":"data:a"}]}]}'
    assert sent(text, model="m", urls=["data:a"]) == text
    wrapped = text.replace(b'"image_url":"data:a"', b'"image_url":{"url":"data:a"}')
    assert sent(text, model="m", urls=["data:a"], kind="openrouter") == wrapped


def test_only_the_named_fields_change():
    text = b'{ "user":"bob","a" : [1, 2.50],"model" : "TINY" ,"max_completion_tokens":7, "safety_identifier": "x" }'
    assert sent(text, model="tiny:latest") == (
        b'{ "user":"user_1","a" : [1, 2.50],"model" : "tiny:latest" ,"max_tokens":7, "safety_identifier": "user_1" }'
    )


def test_a_provider_gets_its_own_name_for_the_cap():
    text = b'{"model":"tiny","max_completion_tokens":7}'
    assert sent(text, kind="openrouter") == text


def test_of_two_caps_ollama_gets_the_smaller():
    assert json.loads(sent(body(max_tokens=9, max_completion_tokens=4)))["max_tokens"] == 4


def test_images_are_replaced_in_place():
    text = (
        b'{"model":"m", "messages" : [ {"content":"x"}, {"role":"user","content":[{"type":"text","text":"["},'
        b' {"image_url":{"detail":"low","url" : "http:\\/\\/h/a"}} ,{"image_url": "data:old"}, {"image_url":null} ]}]}'
    )
    assert sent(text, model="m", urls=["data:new", "data:old"]) == text.replace(b'"http:\\/\\/h/a"', b'"data:new"')


@pytest.mark.parametrize(
    ("text", "sent_on"),
    [
        (b'{"model":"tiny"}', b'{"max_tokens":5,"model":"tiny"}'),
        (b'{"model":"tiny","max_tokens":9}', b'{"model":"tiny","max_tokens":5}'),
        (b'{"model":"tiny","max_tokens":null}', b'{"model":"tiny","max_tokens":5}'),
        (b'{"model":"tiny","max_completion_tokens":9}', b'{"model":"tiny","max_tokens":5}'),
        (
            b'{"model":"tiny","max_tokens":8,"max_completion_tokens":9}',
            b'{"model":"tiny","max_tokens":5,"max_completion_tokens":5}',
        ),
    ],
)
def test_a_cap_is_lowered_where_it_stands(text, sent_on):
    assert sent(text, cap=5) == sent_on
    assert sent(text, cap=5, kind="openrouter") == (
        sent_on.replace(b"max_tokens", b"max_completion_tokens")
        if b'{"model":"tiny","max_completion' in text
        else sent_on
    )


def test_two_caps_that_differ_become_one_for_every_upstream():
    text = b'{"model":"tiny","max_tokens":5000,"max_completion_tokens":5}'
    assert sent(text, kind="openrouter") == b'{"model":"tiny","max_tokens":5,"max_completion_tokens":5}'


@given(
    st.sampled_from(["", " ", "\n\t"]),
    st.dictionaries(st.sampled_from(["seed", "x", "{", "messages"]), st.sampled_from(["null", "[ ]"]), max_size=3),
    st.booleans(),
    st.none() | st.integers(1, 2**40),
    st.sampled_from(["ollama", "openai", "openrouter"]),
    st.sampled_from([CHAT, COMPLETIONS]),
)
def test_what_a_body_lacks_is_put_where_an_edit_would_put_it(space, fields, stream, cap, kind, endpoint):
    members = {"model": '"tiny"', "stream": json.dumps(stream)} | fields
    text = f"{space}{{{space}" + ",".join(f'"{name}"{space}:{value}' for name, value in members.items()) + f"{space}}}"
    edit = Edit(text.encode())
    if stream:
        edit.insert("stream_options", b'{"include_usage":true}')
    if cap is not None:
        edit.insert("max_completion_tokens" if (kind, endpoint) == ("openai", CHAT) else "max_tokens", b"%d" % cap)
    changed = sent(text.encode(), endpoint, cap=cap, kind=kind)
    assert changed == edit.result()
    assert len(json.loads(changed)) == len(members) + stream + (cap is not None)


PRICE = Price(1, "tiny", 1_750_001, 14, 1, 9_999_999, 0, 0)
"""1.750001 dollars for input, 0.000014 for output; a cache is written for more."""
BOUND = b'"max_price":{"prompt":"1.750001","completion":"0.000014"}'


def test_who_takes_it_is_given_the_price_as_the_highest_exactly():
    text = b'{"model":"tiny", "stream":true}'
    added = b'{"stream_options":{"include_usage":true},"provider":{' + BOUND + b'},"model":"tiny", "stream":true}'
    assert sent(text, kind="openrouter", price=PRICE) == added
    assert sent(b'{"model":"tiny"}', kind="openrouter", price=PRICE) == b'{"provider":{' + BOUND + b'},"model":"tiny"}'
    assert sent(b'{"model":"tiny"}', kind="openrouter") == b'{"model":"tiny"}'
    assert sent(b'{"model":"tiny"}', kind="openai", price=PRICE) == b'{"model":"tiny"}'


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (b"null", b"{" + BOUND + b"}"),
        (b"{ }", b"{" + BOUND + b"}"),
        (b'{ "order":["x"] }', b"{" + BOUND + b', "order":["x"] }'),
        (b'{"max_price" : {"prompt":99,"image":1}, "order":[]}', b'{"max_price" : ' + BOUND[12:] + b', "order":[]}'),
    ],
)
def test_the_highest_price_takes_the_place_of_the_client_s_own(given, expected):
    text = b'{"model":"TINY","provider":' + given + b',"max_tokens":5}'
    expected = b'{"model":"tiny","provider":' + expected + b',"max_tokens":3}'
    assert sent(text, kind="openrouter", price=PRICE, cap=3) == expected


def test_a_provider_that_cannot_be_read_is_refused():
    for wrong in (b'"x"', b'{"max_price":1,"max_price":2}'):
        with pytest.raises(BadRequest):
            sent(b'{"model":"tiny","provider":' + wrong + b"}", kind="openrouter", price=PRICE)
