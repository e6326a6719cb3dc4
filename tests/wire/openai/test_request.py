import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.openai import request
from tollkeeper.wire.openai.request import CHAT, COMPLETIONS, EMBEDDINGS, read_request

MESSAGES = [{"role": "user", "content": "hi"}]


def body(**fields):
    return json.dumps({"model": "tiny", "messages": MESSAGES} | fields).encode()


def test_what_is_asked_is_read():
    ask = read_request(
        body(stream=True, stream_options={"include_usage": True}, max_tokens=5, metadata={"a": "b"}), CHAT
    )
    assert (ask.model, ask.stream, ask.wants_usage, ask.output_cap, ask.metadata) == (
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
        (body(max_tokens=1.5), "max_tokens"),
        (body(max_tokens=1.0), "max_tokens"),
        (body(max_tokens="5"), "max_tokens"),
        (body(max_tokens=True), "max_tokens"),
        (b'{"model":"a","max_tokens":1e999999}', "max_tokens"),
        (b'{"model":1e999999}', "model"),
        (body(messages=[{"content": [{"image_url": {"url": 5}}]}]), "messages[0].content[0].image_url"),
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
        (body(metadata={"a": "b\0c"}), "metadata"),
        (body(metadata={"a\0": "b"}), "metadata"),
        (body(metadata={"a": "\x1b[31m"}), "metadata"),
        (body(metadata={"a": "\x7f"}), "metadata"),
        (body(metadata={"a\x85": "b"}), "metadata"),
        (body(metadata={str(n): "" for n in range(17)}), "metadata"),
    ],
)
def test_what_cannot_be_right_is_refused_and_named(text, param):
    with pytest.raises(BadRequest) as caught:
        read_request(text, CHAT)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "fields", [{"stream": None, "max_tokens": None, "stream_options": None, "metadata": None}, {"messages": None}]
)
def test_null_is_absent(fields):
    ask = read_request(body(**fields), CHAT)
    assert (ask.stream, ask.output_cap, ask.metadata, ask.images) == (False, None, None, ())


def test_the_smaller_of_two_caps_counts():
    assert read_request(body(max_tokens=9, max_completion_tokens=4), CHAT).output_cap == 4


def test_images_are_found_in_both_spellings_and_do_not_count_as_text():
    image = "data:image/png;base64," + "A" * 1000
    parts = [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": image}}]
    more = [{"type": "image_url", "image_url": "http://host/a.png"}]
    text = body(messages=[{"role": "user", "content": parts}, {"role": "user", "content": more}])
    ask = read_request(text, CHAT)
    assert [(found.url, found.where) for found in ask.images] == [
        (image, "messages[0].content[1].image_url"),
        ("http://host/a.png", "messages[1].content[0].image_url"),
    ]
    assert ask.text_bytes == len(text) - len(image)


def test_the_other_paths_have_no_messages():
    assert read_request(b'{"model":"m","prompt":"x","stream":true}', COMPLETIONS).stream is True
    assert read_request(b'{"model":"m","input":"x","messages":5}', EMBEDDINGS).images == ()


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
    assert read_request(body(**fields), endpoint).choices == choices


def _refuses(body):
    raise msgspec.ValidationError


def asked(text, endpoint, *, one_by_one):
    """The ask, or what its refusal says; `one_by_one`: each field is read by itself."""
    with pytest.MonkeyPatch.context() as patch:
        if one_by_one:
            patch.setattr(request, "_read_fields", _refuses)
        try:
            return read_request(text, endpoint)
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


message_texts = st.sampled_from(
    [
        '{"role":"user","content":"hi"}',
        '{"content":"hi","role":"user"}',
        '{"role":"user","content":"hi [you]"}',
        '{"role":"user","content":"hi","content":"ho"}',
        '{"role":"user","content":"hi","name":"ann"}',
        '{"role":"user","Content":"hi","content":"hi"}',
        '{"role":"user","c\\u006fntent":"hi"}',
        '{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://a/b"}}]}',
        '{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}',
        '{"role":"user","content":{"image_url":"http://a/b"}}',
        '{"role":"assistant","audio":{"id":"a"}}',
        '{"role":"assistant","content":null}',
        '{"role":"assistant"}',
        "5",
    ]
)
more_fields = st.sampled_from(
    [
        ',"temperature":0.2',
        ',"max_tokens":5',
        ',"max_tokens":0',
        ',"n":2',
        ',"n":"2"',
        ',"model":"large"',
        ',"mod\\u0065l":"large"',
        ',"Model":"large"',
        ',"messages":[]',
        ',"metadata":{"a":"b"}',
        ',"metadata":5',
        ',"options":{"Stop":"x"}',
        ',"prompt":{"id":"p"}',
        ',"previous_response_id":"r"',
        ',"stream":true,"stream_options":{"include_usage":true}',
        ',"stream_options":{"Include_usage":true}',
        ',"tools":[]',
        ' ,"seed":1',
        ',"x":{"y":1}',
        ",",
    ]
)


@given(st.lists(message_texts, max_size=3), st.lists(more_fields, max_size=3))
def test_a_plain_chat_is_read_as_any_other(messages, more):
    text = f'{{"model":"tiny","messages":[{",".join(messages)}]{"".join(more)}}}'.encode()
    short = asked(text, CHAT, one_by_one=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request, "_plain_chat", lambda _: None)
        assert short == asked(text, CHAT, one_by_one=False)
