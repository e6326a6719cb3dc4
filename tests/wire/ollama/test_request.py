"""What is read of a request in Ollama's dialect, and what is refused."""

import base64
import json

import pytest

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.ollama.request import CHAT, EMBED, EMBEDDINGS, GENERATE, conversation, read_request

SAY = [{"role": "user", "content": "hi"}]
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n....").decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0....").decode()


def body(**fields):
    return json.dumps({"model": "tiny"} | fields).encode()


def chat(**fields):
    return read_request(body(**{"messages": SAY} | fields), CHAT)


def generate(**fields):
    return read_request(body(**{"prompt": "hi"} | fields), GENERATE)


def refused(text, endpoint=CHAT):
    with pytest.raises(BadRequest) as error:
        read_request(text, endpoint)
    return error.value


@pytest.mark.parametrize(
    ("given", "stream"), [({}, True), ({"stream": None}, True), ({"stream": True}, True), ({"stream": False}, False)]
)
def test_streams_unless_told_not_to(given, stream):
    assert chat(**given).stream is stream
    assert generate(**given).stream is stream


@pytest.mark.parametrize(("endpoint", "fields"), [(EMBED, {"input": ["a"]}), (EMBEDDINGS, {"prompt": "a"})])
def test_vectors_are_never_streamed_and_no_output(endpoint, fields):
    request = read_request(body(options={"num_predict": 9}, **fields), endpoint)
    assert (request.stream, request.generates, request.output_cap, request.asks_for) == (False, False, None, None)


@pytest.mark.parametrize(("given", "cap"), [(5, 5), (1, 1), (0, None), (-1, None), (-2, None), (None, None)])
def test_the_cap_on_output_is_an_option(given, cap):
    assert chat(options={"num_predict": given}).output_cap == cap


def test_the_context_is_an_option():
    assert chat(options={"num_ctx": 4096}).context == 4096
    assert chat().context is None
    for wrong in (0, -1):
        assert refused(body(options={"num_ctx": wrong})).param == "options.num_ctx"


@pytest.mark.parametrize(
    ("text", "param"),
    [
        (b"", None),
        (b"[]", None),
        (b"{", None),
        (b'{"messages":[]}', "model"),
        (b'{"model":""}', "model"),
        (b'{"model":1}', "model"),
        (b'{"model":"a","stream":"no"}', "stream"),
        (b'{"model":"a","options":{"num_predict":"9"}}', "options.num_predict"),
        (b'{"model":"a","options":7}', "options"),
        (b'{"model":"a","model":"b"}', "model"),
        (b'{"model":"a","Keep_Alive":-1}', "Keep_Alive"),
        (b'{"model":"a","messages":{}}', "messages"),
        (b'{"model":"a","messages":[{"role":"user","Images":[]}]}', "messages[0].Images"),
        (b'{"model":"a","messages":[{"images":"x"}]}', "messages[0].images"),
        (b'{"model":"a","messages":[{},{"images":[7]}]}', "messages[1].images[0]"),
        (b'{"model":"a","x":' + b"[" * 200 + b"]" * 200 + b"}", None),
        (b'{"model":"a","x":"\xff"}', None),
    ],
)
def test_bad_bodies_are_refused_with_the_field(text, param):
    assert refused(text).param == param


def test_bad_images_of_a_prompt_too():
    assert refused(body(images=[None]), GENERATE).param == "images[0]"


@pytest.mark.parametrize(
    ("data", "url"),
    [
        (PNG, f"data:image/png;base64,{PNG}"),
        (JPEG, f"data:image/jpeg;base64,{JPEG}"),
        ("UklGRg==", "data:image/webp;base64,UklGRg=="),
        ("R0lGODlh", "data:image/gif;base64,R0lGODlh"),
        ("AAAA", "data:;base64,AAAA"),
    ],
)
def test_images_are_urls_of_their_kind(data, url):
    request = chat(messages=[*SAY, {"role": "user", "content": "?", "images": [data]}])
    assert [(image.url, image.where, image.bare) for image in request.images] == [(url, "messages[1].images[0]", True)]
    assert [image.url for image in generate(images=[data]).images] == [url]
    assert request.text_bytes == len(request.body) - len(data)


def test_an_image_that_is_a_url_already_is_taken():
    url = f"data:image/png;base64,{PNG}"
    (image,) = generate(images=[url]).images
    assert (image.url, image.bare, image.where) == (url, False, "images[0]")
    assert generate(images=[url]).text_bytes == len(body(prompt="hi", images=[url])) - len(url)


@pytest.mark.parametrize("messages", [None, [], ...])
@pytest.mark.parametrize(
    ("keep_alive", "asks_for"),
    [
        (0, "unload"),
        ("0s", "unload"),
        ("0", "unload"),
        (0.0, "unload"),
        (5, "load"),
        ("10m", "load"),
        (-1, "load"),
        (None, "load"),
        (..., "load"),
    ],
)
def test_without_a_prompt_it_is_about_loading_the_model(messages, keep_alive, asks_for):
    kept = {} if keep_alive is ... else {"keep_alive": keep_alive}
    given = {} if messages is ... else {"messages": messages}
    assert read_request(body(**given, **kept), CHAT).asks_for == asks_for
    prompt = {} if messages is ... else {"prompt": "" if messages == [] else None}
    assert read_request(body(**prompt, **kept), GENERATE).asks_for == asks_for


def test_with_a_prompt_it_is_not():
    assert chat(keep_alive=0).asks_for is None
    assert generate(keep_alive=0).asks_for is None
    assert read_request(b'{"model":"a","messages":[ ]}', CHAT).asks_for == "load"


def test_a_lone_surrogate_is_replaced_in_place():
    text = b'{"model":"tiny","messages":[{"role":"user","content":"\\ud83d"}]}'
    request = read_request(text, CHAT)
    assert request.sent == text
    assert request.body == text.replace(b"\\ud83d", b"\\ufffd")


def test_a_large_body_is_read_the_same():
    images = [PNG[:-1] + "A" * 200_000 + "="]
    request = chat(messages=[{"role": "user", "content": "x" * 200_000, "images": images}], options={"num_predict": 3})
    assert (request.output_cap, len(request.images[0].url)) == (3, len(images[0]) + len("data:image/png;base64,"))
    assert request.text_bytes == len(request.body) - len(images[0])


class TestConversation:
    def test_its_turns_have_one_name(self):
        system = {"role": "system", "content": "be brief"}
        first = chat(messages=[system, *SAY])
        later = chat(messages=[system, *SAY, {"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}])
        assert conversation(first) == conversation(later) != ""
        assert conversation(chat(messages=[*SAY])) != conversation(first)
        assert conversation(chat(messages=[system, {"role": "user", "content": "other"}])) != conversation(first)

    def test_a_prompt_is_one_and_nothing_is_none(self):
        assert conversation(generate()) == conversation(generate(stream=False)) != conversation(generate(prompt="x"))
        assert conversation(read_request(body(), CHAT)) == ""

    @pytest.mark.parametrize(
        "messages", [[{"role": "user", "content": "x" * 100_000}], ["not", "messages"][:0] or [{"role": 7}]]
    )
    def test_of_what_is_long_or_strange_the_beginning_counts(self, messages):
        assert conversation(chat(messages=messages)) == conversation(chat(messages=messages)) != ""
