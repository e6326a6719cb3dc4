import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire import openai
from tollkeeper.wire.jsontext import Edit
from tollkeeper.wire.openai import CHAT, COMPLETIONS, EMBEDDINGS, read_ask, rewrite

MESSAGES = [{"role": "user", "content": "hi"}]


def body(**fields):
    return json.dumps({"model": "tiny", "messages": MESSAGES} | fields).encode()


def sent(text, endpoint=CHAT, *, model="tiny", urls=(), kind="ollama", cap=None):
    ask = read_ask(text, endpoint)
    return rewrite(ask, model=model, opaque_user=lambda: "user_1", image_urls=urls, max_tokens=cap, kind=kind)


def test_what_is_asked_is_read():
    ask = read_ask(body(stream=True, stream_options={"include_usage": True}, max_tokens=5, metadata={"a": "b"}), CHAT)
    assert (ask.model, ask.stream, ask.wants_usage, ask.max_tokens, ask.metadata) == (
        "tiny",
        True,
        True,
        5,
        '{"a":"b"}',
    )


@pytest.mark.parametrize(
    ("text", "param"),
    [
        (b"", None),
        (b"[]", None),
        (b"{}", "model"),
        (body(model=5), "model"),
        (body(model=""), "model"),
        (body(model=None), "model"),
        (body(stream="yes"), "stream"),
        (body(stream=1), "stream"),
        (body(max_tokens=-1), "max_tokens"),
        (body(max_tokens=0), "max_tokens"),
        (body(max_tokens=1.5), "max_tokens"),
        (body(max_tokens=1.0), "max_tokens"),
        (body(max_tokens="5"), "max_tokens"),
        (body(max_tokens=True), "max_tokens"),
        (b'{"model":"a","max_tokens":1e999999}', "max_tokens"),
        (b'{"model":1e999999}', "model"),
        (body(messages=[{"content": [{"image_url": {"url": 5}}]}]), "messages[0].content[0].image_url"),
        (body(max_completion_tokens=0), "max_completion_tokens"),
        (body(stream_options=5), "stream_options"),
        (body(stream_options={"include_usage": "yes"}), "stream_options.include_usage"),
        (b'{"model":"a","stream_options":{"include_usage":1e999999}}', "stream_options.include_usage"),
        (body(stream_options={"Include_usage": True}), "stream_options.Include_usage"),
        (body(options={"Num_predict": 5}), "options.Num_predict"),
        (body(messages="hi"), "messages"),
        (body(messages=[1]), "messages"),
        (body(messages=[{"Role": "user"}]), "messages[0].Role"),
        (body(messages=[{"role": "user", "content": [{"Type": "text"}]}]), "messages[0].content[0].Type"),
        (body(messages=[{"content": [{"image_url": {"URL": "x"}}]}]), "messages[0].content[0].image_url.URL"),
        (body(messages=[{"content": [{"image_url": 5}]}]), "messages[0].content[0].image_url"),
        (body(messages=[{"content": [5]}]), "messages[0].content"),
        (b'{"model":"a","messages":[{"role":"a","role":"b"}]}', "messages[0].role"),
        (
            b'{"model":"a","stream_options":{"include_usage":true,"include_usage":false}}',
            "stream_options.include_usage",
        ),
        (b'{"Model":"a"}', "Model"),
        ('{"model":"a","ſtream":true}'.encode(), "ſtream"),
        (body(metadata={"a": 1}), "metadata"),
        (body(metadata={"a": "b" * 513}), "metadata"),
        (body(metadata={str(n): "" for n in range(17)}), "metadata"),
    ],
)
def test_what_cannot_be_right_is_refused_and_named(text, param):
    with pytest.raises(BadRequest) as caught:
        read_ask(text, CHAT)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "fields", [{"stream": None, "max_tokens": None, "stream_options": None, "metadata": None}, {"messages": None}]
)
def test_null_is_absent(fields):
    ask = read_ask(body(**fields), CHAT)
    assert (ask.stream, ask.max_tokens, ask.metadata, ask.images) == (False, None, None, ())


def test_the_smaller_of_two_caps_counts():
    assert read_ask(body(max_tokens=9, max_completion_tokens=4), CHAT).max_tokens == 4


def test_images_are_found_in_both_spellings_and_do_not_count_as_text():
    image = "data:image/png;base64," + "A" * 1000
    parts = [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": image}}]
    more = [{"type": "image_url", "image_url": "http://host/a.png"}]
    text = body(messages=[{"role": "user", "content": parts}, {"role": "user", "content": more}])
    ask = read_ask(text, CHAT)
    assert [(found.url, found.where) for found in ask.images] == [
        (image, "messages[0].content[1].image_url"),
        ("http://host/a.png", "messages[1].content[0].image_url"),
    ]
    assert ask.text_bytes == len(text) - len(image)


def test_nothing_to_change_sends_the_very_bytes():
    text = b'{ "messages" : [ {"role":"user", "content":"\\u00e9 \xc3\xa9"} ],\n"model":"tiny", "temperature":1.0e0 }'
    assert sent(text) == text


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


def test_the_other_paths_have_no_messages():
    assert read_ask(b'{"model":"m","prompt":"x","stream":true}', COMPLETIONS).stream is True
    assert read_ask(b'{"model":"m","input":"x","messages":5}', EMBEDDINGS).images == ()


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


@pytest.mark.parametrize(
    ("fields", "endpoint", "choices"),
    [
        ({}, CHAT, 1),
        ({"n": 3}, CHAT, 3),
        ({"n": None}, CHAT, 1),
        ({"n": 2, "best_of": 4, "prompt": "x"}, COMPLETIONS, 4),
        ({"n": 2, "prompt": ["a", "b", "c"]}, COMPLETIONS, 6),
        ({"prompt": [1, 2, 3]}, COMPLETIONS, 1),
        ({"prompt": [[1, 2], [3]]}, COMPLETIONS, 2),
        ({"prompt": []}, COMPLETIONS, 1),
        ({"input": ["a", "b"]}, EMBEDDINGS, 1),
    ],
)
def test_all_answers_that_are_asked_for_count(fields, endpoint, choices):
    assert read_ask(body(**fields), endpoint).choices == choices


def test_two_caps_that_differ_become_one_for_every_upstream():
    text = b'{"model":"tiny","max_tokens":5000,"max_completion_tokens":5}'
    assert sent(text, kind="openrouter") == b'{"model":"tiny","max_tokens":5,"max_completion_tokens":5}'


def _refuses(body):
    raise msgspec.ValidationError


def asked(text, endpoint, *, one_by_one):
    """The ask, or what its refusal says; `one_by_one`: each field is read by itself."""
    with pytest.MonkeyPatch.context() as patch:
        if one_by_one:
            patch.setattr(openai, "_read_fields", _refuses)
        try:
            return read_ask(text, endpoint)
        except BadRequest as refusal:
            return refusal.message, refusal.param


field_values = st.sampled_from(
    [
        "null",
        "true",
        "false",
        "0",
        "1",
        "2",
        "7",
        "-1",
        "-0",
        "1.0",
        "1.5",
        "1e2",
        "1e-2",
        "1E400",
        "-1e400",
        "1e999999",
        '""',
        '"tiny"',
        '"5"',
        '"\\u0074iny"',
        "[]",
        "[1]",
        "{}",
        '{"a":1}',
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "123456789012345678901234567890",
        "-9223372036854775809",
    ]
) | st.integers(-(2**70), 2**70).map(str)
field_names = st.sampled_from(["model", "stream", "max_tokens", "max_completion_tokens", "n", "best_of", "seed", "x"])


@given(
    st.dictionaries(field_names, field_values, max_size=5),
    st.booleans(),
    st.sampled_from(["", " "]),
    st.sampled_from([CHAT, COMPLETIONS, EMBEDDINGS]),
)
def test_fields_read_at_once_are_those_read_one_by_one(fields, named, space, endpoint):
    if named:
        fields = {"model": '"tiny"'} | fields | {"model": '"tiny"'}
    text = ("{" + f",{space}".join(f'"{name}":{space}{value}' for name, value in fields.items()) + "}").encode()
    assert asked(text, endpoint, one_by_one=False) == asked(text, endpoint, one_by_one=True)


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
