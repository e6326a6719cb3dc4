"""What changes in a request before it goes upstream, and that nothing else does."""

import json

import pytest

from tests.wire.responses.test_request import PNG, body, user
from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import OLLAMA, OPENAI, OPENAI_COMPATIBLE, OPENROUTER
from tollkeeper.rules.pricing import Price
from tollkeeper.wire.responses.request import RESPONSES, read_request
from tollkeeper.wire.responses.rewrite import rewrite

NEW = "data:image/png;base64,BBBB"


def rewritten(text, *, model="tiny", cap=None, kind=OPENAI_COMPATIBLE, urls=None, price=None):
    request = read_request(text, RESPONSES)
    return rewrite(
        request,
        model=model,
        opaque_user=lambda: "u-1",
        image_urls=[image.url for image in request.images] if urls is None else urls,
        output_cap=cap,
        kind=kind,
        price=price,
    )


def test_what_needs_no_change_keeps_its_bytes():
    text = b'{ "store" : false, "model":"tiny",  "input":"hi", "x":1.50 }'
    assert rewritten(text) == text


@pytest.mark.parametrize("given", [{}, {"store": None}])
def test_store_is_false_where_the_client_does_not_say(given):
    assert json.loads(rewritten(body(**given)))["store"] is False


def test_the_model_the_cap_and_the_users_names_are_replaced():
    text = body(store=False, max_output_tokens=9, user="ann", safety_identifier="ann@a", temperature=0.5)
    assert json.loads(rewritten(text, model="Tiny", cap=5)) == json.loads(text) | {
        "model": "Tiny",
        "max_output_tokens": 5,
        "user": "u-1",
        "safety_identifier": "u-1",
    }
    assert json.loads(rewritten(body(user=None), cap=5))["max_output_tokens"] == 5


@pytest.mark.parametrize(
    ("model", "kind", "given", "include"),
    [
        ("gpt-5.2", OPENAI, {}, ["reasoning.encrypted_content"]),
        ("o3", OPENAI, {"include": None}, ["reasoning.encrypted_content"]),
        ("o3", OPENAI, {"include": ["a"]}, ["a", "reasoning.encrypted_content"]),
        ("o3", OPENAI, {"include": ["reasoning.encrypted_content"]}, ["reasoning.encrypted_content"]),
        ("gpt-5.2", OPENAI, {"store": False}, None),
        ("gpt-4o", OPENAI, {}, None),
        ("gpt-5-chat-latest", OPENAI, {}, None),
        ("gpt-5.2", OLLAMA, {}, None),
    ],
)
def test_a_client_that_may_not_know_gets_the_reasoning_to_carry(model, kind, given, include):
    assert json.loads(rewritten(body(**given), model=model, kind=kind)).get("include") == include


def test_what_is_included_must_be_names():
    with pytest.raises(BadRequest) as caught:
        rewritten(body(include=[5]), model="o3", kind=OPENAI)
    assert caught.value.param == "include"


@pytest.mark.parametrize("filler", [0, 200_000])
def test_images_are_replaced_where_they_stand(filler):
    items = [
        user({"type": "input_text", "text": "x" * filler}, {"type": "input_image", "image_url": "http://a/1"}),
        {"output": [{"type": "input_image", "image_url": PNG}], "type": "function_call_output", "content": None},
        {"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": "http://a/2"}},
    ]
    text = body(input=items, store=False)
    sent = rewritten(text, urls=[NEW, PNG, NEW])
    assert json.loads(sent) == json.loads(
        text.replace(b"http://a/1", NEW.encode()).replace(b"http://a/2", NEW.encode())
    )


@pytest.mark.parametrize("filler", ["", "x" * 200_000])
def test_a_spare_tool_is_left_out(filler):
    own = [{"type": "function", "name": "f", "description": filler}, {"type": "custom", "name": "c"}]
    text = body(tools=[own[0], {"type": "web_search"}, own[1]], store=False)
    assert json.loads(rewritten(text))["tools"] == own
    assert json.loads(rewritten(text, kind=OLLAMA))["tools"] == own
    assert json.loads(rewritten(text, kind=OPENAI))["tools"] == own


def test_half_a_character_passes_where_it_is_taken():
    text = b'{"store":false,"model":"tiny","input":"cut \\ud83d"}'
    assert rewritten(text, kind=OLLAMA) == text
    assert rewritten(text, kind=OPENAI) == text.replace(b"ud83d", b"ufffd")


@pytest.mark.parametrize("given", [{}, {"provider": {"order": ["a"]}}])
def test_the_most_that_may_be_charged_is_told(given):
    price = Price(1, "tiny", 1_000_000, 2_000_000, 1, 9_999_999, 0, 0)
    provider = json.loads(rewritten(body(**given), kind=OPENROUTER, price=price))["provider"]
    assert provider == given.get("provider", {}) | {"max_price": {"prompt": "1", "completion": "2"}}
