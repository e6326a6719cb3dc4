"""What is changed of a request in the Messages dialect, and that nothing else is."""

import json

import pytest

from tests.wire.anthropic.test_request import PNG, body, image, said
from tollkeeper.rules.kinds import ANTHROPIC
from tollkeeper.wire.anthropic.request import MESSAGES, read_request
from tollkeeper.wire.anthropic.rewrite import rewrite


def sent(text, *, model="claude", cap=None, urls=None):
    request = read_request(text.encode(), MESSAGES)
    urls = [each.url for each in request.images] if urls is None else urls
    return rewrite(
        request, model=model, opaque_user=lambda: "u_1", image_urls=urls, output_cap=cap, kind=ANTHROPIC, price=None
    )


def test_what_need_not_change_is_sent_byte_for_byte():
    text = body(messages=said(image(type="base64", media_type="image/png", data=PNG)), metadata={"x": 1})
    assert sent(text) == text.encode()


def test_model_cap_and_user_change():
    text = body(metadata={"user_id": "ann@example.com", "x": "y"})
    told = json.loads(sent(text, model="Claude-X", cap=5))
    assert told == json.loads(text) | {"model": "Claude-X", "max_tokens": 5, "metadata": {"user_id": "u_1", "x": "y"}}


def test_a_cap_is_added_where_there_is_none():
    text = '{"model":"claude","messages":[]}'
    assert json.loads(sent(text, cap=5))["max_tokens"] == 5


def test_fetched_images_are_sent_inline_wherever_they_stand():
    by_url, inline = image(type="url", url="https://a/b.png"), image(type="base64", media_type="image/png", data=PNG)
    document = {"type": "document", "source": {"type": "url", "url": "https://a/c.pdf"}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [by_url]}
    text = body(messages=[{"role": "system", "content": "s"}, *said(document, by_url, inline, result)])
    urls = ["data:image/png;base64,AAAA", f"data:image/png;base64,{PNG}", "data:image/jpeg;base64,BBBB"]
    told = json.loads(sent(text, urls=urls))["messages"][1]["content"]
    assert told[0] == document
    assert told[1] == image(type="base64", media_type="image/png", data="AAAA")
    assert told[2] == inline
    assert told[3]["content"] == [image(type="base64", media_type="image/jpeg", data="BBBB")]


@pytest.mark.parametrize(
    ("budget", "cap", "became"),
    [
        (5000, 4000, {"budget_tokens": 2000}),
        (4000, 4000, {"budget_tokens": 2000}),
        (3999, 4000, {"budget_tokens": 3999}),
        (5000, 1500, {"budget_tokens": 1024}),
        (5000, 1024, None),
        (5000, None, {"budget_tokens": 5000}),
    ],
)
def test_the_budget_of_thinking_stays_below_the_cap(budget, cap, became):
    thinking = {"type": "enabled", "budget_tokens": budget, "display": "omitted"}
    told = json.loads(sent(body(thinking=thinking), cap=cap))
    assert told["thinking"] == ({"type": "disabled"} if became is None else thinking | became)


@pytest.mark.parametrize("thinking", [None, {"type": "adaptive"}, {"type": "disabled"}, {"budget_tokens": "many"}])
def test_thinking_without_a_budget_stays(thinking):
    assert json.loads(sent(body(thinking=thinking), cap=5))["thinking"] == thinking
