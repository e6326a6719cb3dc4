"""Requests in the Responses dialect: what is read of them, and what is refused."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.responses.request import RESPONSES, read_request

PNG = "data:image/png;base64,AAAA"


def body(**fields):
    return json.dumps({"model": "tiny", "input": "hi"} | fields).encode()


def read(**fields):
    return read_request(body(**fields), RESPONSES)


def user(*parts):
    return {"type": "message", "role": "user", "content": list(parts)}


def test_what_is_asked_is_read():
    request = read(stream=True, max_output_tokens=5, metadata={"a": "b"}, store=False, background=False, prompt=None)
    assert (request.model, request.stream, request.output_cap, request.metadata) == ("tiny", True, 5, '{"a":"b"}')
    assert (request.images, request.hosted, request.choices) == ((), (), 1)
    assert request.text_bytes == len(request.body)
    assert request.response_id("req_0a") == "resp_0a"


@pytest.mark.parametrize(
    ("text", "param"),
    [
        (b"", None),
        (b"[]", None),
        (b"{}", "model"),
        (body(model=5), "model"),
        (body(model=""), "model"),
        (body(stream="yes"), "stream"),
        (body(max_output_tokens=0), "max_output_tokens"),
        (body(max_output_tokens=1.5), "max_output_tokens"),
        (body(metadata={"a": 1}), "metadata"),
        (body(metadata={str(n): "" for n in range(17)}), "metadata"),
        (body(input=5), "input"),
        (body(input={"role": "user"}), "input"),
        (body(input=[5]), "input"),
        (body(input=[{"Role": "user"}]), "input[0].Role"),
        (body(input=[{"type": 5}]), "input[0].type"),
        (body(input=[user({"Type": "input_text"})]), "input[0].content[0].Type"),
        (body(input=[user({"type": "input_image", "image_url": {"url": PNG}})]), "input[0].content[0].image_url"),
        (body(tools=[{"name": "f"}]), "tools[0].type"),
        (body(tools=[{"Type": "function"}]), "tools[0].Type"),
        (body(tools="all"), "tools"),
        (b'{"model":"a","input":"b","input":"c"}', "input"),
        (b'{"Model":"a"}', "Model"),
        ('{"model":"a","ſtore":true}'.encode(), "ſtore"),
    ],
)
def test_what_cannot_be_right_is_refused_and_named(text, param):
    with pytest.raises(BadRequest) as caught:
        read_request(text, RESPONSES)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "fields",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"conversation": {"id": "conv_1"}},
        {"background": True},
        {"store": True},
        {"prompt": {"id": "pmpt_1"}},
    ],
)
def test_stored_state_is_refused(fields):
    (name,) = fields
    with pytest.raises(BadRequest, match="stored") as caught:
        read(**fields)
    assert caught.value.param == name


@pytest.mark.parametrize("reference", [{"type": "item_reference", "id": "msg_1"}, {"id": "msg_1"}])
def test_a_reference_to_a_stored_item_is_refused_and_says_what_to_set(reference):
    with pytest.raises(BadRequest, match="`store: false`") as caught:
        read(input=[user(), reference])
    assert caught.value.param == "input[1]"


@pytest.mark.parametrize(
    ("item", "param"),
    [
        (user({"type": "input_file", "file_id": "file_1"}), "input[0].content[0].file_id"),
        (user({"type": "input_image", "file_id": "file_1", "image_url": None}), "input[0].content[0].file_id"),
        (
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "file_id": "f"}]},
            "input[0].output[0].file_id",
        ),
        ({"type": "computer_call_output", "call_id": "c", "output": {"file_id": "f"}}, "input[0].output.file_id"),
        ({"type": "code_interpreter_call", "id": "ci", "container_id": "cntr_1", "code": "1"}, "input[0].container_id"),
        (
            {"type": "shell_call", "call_id": "c", "environment": {"type": "container_reference", "container_id": "c"}},
            "input[0].environment.container_id",
        ),
        ({"type": "image_generation_call", "id": "ig_1"}, "input[0].id"),
        ({"type": "image_generation_call", "id": "ig_1", "result": ""}, "input[0].id"),
    ],
)
def test_a_stored_file_container_or_image_is_refused(item, param):
    with pytest.raises(BadRequest) as caught:
        read(input=[item])
    assert caught.value.param == param


def test_an_image_that_is_sent_and_a_shell_of_the_client_reach_nothing_stored():
    read(input=[{"type": "image_generation_call", "id": "ig_1", "result": "aGk="}])
    read(input=[{"type": "shell_call", "call_id": "c", "environment": {"type": "local"}}])


def test_images_are_found_in_messages_results_and_screens():
    request = read(
        input=[
            user({"type": "input_text", "text": "hi"}, {"type": "input_image", "image_url": "http://a/b.png"}),
            {"type": "function_call_output", "output": [{"type": "input_image", "image_url": PNG}]},
            {"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": PNG}},
        ]
    )
    assert [(image.url, image.where) for image in request.images] == [
        ("http://a/b.png", "input[0].content[1].image_url"),
        (PNG, "input[1].output[0].image_url"),
        (PNG, "input[2].output.image_url"),
    ]
    assert request.text_bytes == len(request.body) - 2 * len(PNG)


def test_unknown_items_and_fields_pass():
    assert read(input=[{"type": "new_thing", "x": 1}], new_field={"a": 1}).model == "tiny"


@pytest.mark.parametrize("filler", [0, 200_000])
def test_a_long_body_is_read_alike(filler):
    parts = [{"type": "input_text", "text": "a" * filler}, {"type": "input_image", "image_url": PNG}]
    request = read(input=[user(*parts)], tools=[{"type": "function", "name": "f", "description": "d" * filler}])
    assert [image.url for image in request.images] == [PNG]


def test_half_a_character_is_replaced_and_kept_as_sent():
    text = b'{"model":"tiny","input":"cut \\ud83d"}'
    request = read_request(text, RESPONSES)
    assert (request.sent, len(request.body)) == (text, len(text))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["type", "role", "content", "output", "tools", "image_url", "x"]), inner)
        ),
        max_leaves=15,
    )
)
def test_whatever_stands_in_the_input_it_is_read_or_refused(value):
    with contextlib.suppress(BadRequest):
        read(input=value, tools=value)
