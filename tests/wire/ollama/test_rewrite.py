"""What is changed of a request in Ollama's dialect, and that nothing else is."""

import json

import pytest
from msgspec.structs import replace

from tests.wire.ollama.test_request import JPEG, PNG, SAY, body
from tollkeeper.rules.kinds import OLLAMA, OPENAI_COMPATIBLE
from tollkeeper.wire.ollama.request import CHAT, EMBED, GENERATE, read_request
from tollkeeper.wire.ollama.rewrite import rewrite


def sent(text, endpoint=CHAT, *, model="tiny", cap=None, urls=None, kind=OLLAMA, context=...):
    request = read_request(text, endpoint)
    if context is not ...:
        request = replace(request, context=context)
    urls = [each.url for each in request.images] if urls is None else urls
    return rewrite(
        request, model=model, opaque_user=lambda: "u_1", image_urls=urls, output_cap=cap, kind=kind, price=None
    )


@pytest.mark.parametrize(
    "text",
    [
        b' { "model" : "tiny", "messages": [{"role":"user","content":"hi"}],\n"think":"high", "format" : {} } ',
        body(messages=[*SAY, {"role": "user", "images": [PNG]}], options={"temperature": 0.5, "num_predict": 9}),
        body(messages=SAY, tools=[{"type": "function"}], stream=False),
    ],
)
def test_what_need_not_change_is_sent_byte_for_byte(text):
    assert sent(text) == text


def test_what_a_prompt_has_beside_it_passes():
    text = body(prompt="a", suffix="b", system="c", template="d", raw=True, context=[1, 2], images=[JPEG])
    assert sent(text, GENERATE) == text


@pytest.mark.parametrize(
    "text",
    [
        b'{"keep_alive":-1,"model":"tiny","messages":[]}',
        b'{"model":"tiny", "keep_alive" : "24h" , "messages":[]}',
        b'{"model":"tiny","messages":[], "keep_alive":{"a":[1,2]}}',
        b'{"model":"tiny","options":{"num_gpu":1},"keep_alive":0}',
    ],
)
def test_how_long_a_model_stays_is_left_out(text):
    told = json.loads(sent(text, model="Tiny:Latest", cap=4))
    assert told == {key: value for key, value in json.loads(text).items() if key not in ("keep_alive", "options")} | {
        "model": "Tiny:Latest",
        "options": {"num_predict": 4},
    }


def test_vectors_too():
    assert json.loads(sent(body(input=["a"], keep_alive=9, options={"num_ctx": 9}), EMBED, context=8)) == {
        "model": "tiny", "input": ["a"], "options": {"num_ctx": 8},
    }  # fmt: skip


def test_a_cap_is_clipped_added_and_else_left():
    text = body(messages=SAY, options={"num_predict": 100, "top_k": 3, "num_thread": 99})
    assert json.loads(sent(text, cap=7))["options"] == {"num_predict": 7, "top_k": 3}
    assert json.loads(sent(text))["options"] == {"num_predict": 100, "top_k": 3}
    assert json.loads(sent(body(messages=SAY), cap=7)) == {
        "options": {"num_predict": 7},
        "model": "tiny",
        "messages": SAY,
    }
    assert json.loads(sent(body(options={"num_predict": -2})))["options"] == {"num_predict": -2}
    assert json.loads(sent(body(options=None), cap=7))["options"] == {"num_predict": 7}


def test_the_context_is_that_of_the_request_as_it_was_bounded():
    text = body(messages=SAY, options={"num_ctx": 1_000_000})
    assert json.loads(sent(text, context=2048))["options"] == {"num_ctx": 2048}
    assert json.loads(sent(text, context=None))["options"] == {}
    assert sent(text, context=1_000_000) == text


@pytest.mark.parametrize("filler", ["x", "x" * 200_000])
def test_images_are_replaced_where_they_had_to_change(filler):
    messages = [
        {"role": "user", "content": filler, "images": ["AAAA", PNG]},
        {"role": "assistant", "content": "", "images": None},
        {"role": "user", "content": "", "images": []},
        {"role": "user", "images": [f"data:image/png;base64,{PNG}", JPEG]},
    ]
    text = body(messages=messages)
    urls = [image.url for image in read_request(text, CHAT).images]
    told = json.loads(sent(text, urls=["data:image/png;base64,BBBB", *urls[1:3], "data:image/jpeg;base64,CCCC"]))
    messages[0]["images"], messages[3]["images"] = ["BBBB", PNG], [PNG, "CCCC"]
    assert told == {"model": "tiny", "messages": messages}


def test_those_of_a_prompt_too():
    told = json.loads(
        sent(
            body(prompt="a", images=["AAAA", PNG]),
            GENERATE,
            urls=["data:image/png;base64,BBBB", "data:image/png;base64,CC=="],
        )
    )
    assert told["images"] == ["BBBB", "CC=="]


def test_half_a_character_is_sent_to_those_who_take_it():
    text = b'{"model":"tiny","messages":[{"role":"user","content":"\\ud83d"}]}'
    assert sent(text) == text
    assert sent(text, kind=OPENAI_COMPATIBLE) == text.replace(b"\\ud83d", b"\\ufffd")
