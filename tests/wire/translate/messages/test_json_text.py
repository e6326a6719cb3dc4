"""JSON of texts, and of what models write as the arguments of calls."""

import json

import pytest

from tollkeeper.wire.translate.messages.json_text import json_object, json_string


@pytest.mark.parametrize("text", ["", 'a "b" \\ \n é 𝄞', "é\n" * 200_000])
def test_a_text_of_any_length_is_a_string(text):
    assert json.loads(json_string(text)) == text


def test_arguments_stay_as_the_model_wrote_them():
    assert json_object(' {"b": 1.0,  "a": [1e999]} ') == b'{"b": 1.0,  "a": [1e999]}'
    assert json_object("") == json_object(" null ") == b"{}"


@pytest.mark.parametrize(
    "text",
    ["oops", '{"a":', "{'a': 1}", "[1]", "3", '"{}"', '{"a":1} x', '{"a":"\\x"}', '{"a":' * 200 + "1" + "}" * 200],
)
def test_what_is_no_object_is_the_value_in_one(text):
    assert json.loads(json_object(text)) == {"INVALID_JSON": text}


def test_long_arguments_are_checked_too():
    long = '{"a":"' + "x" * 300_000 + '"}'
    assert json_object(long) == long.encode()
    assert json.loads(json_object(long[:-1])) == {"INVALID_JSON": long[:-1]}
