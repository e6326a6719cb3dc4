"""What is read of requests for tasks, and what is refused."""

from __future__ import annotations

import pytest

from tests.wire.http.test_multipart import form, part
from tests.wire.tasks.helpers import asked, sent
from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.tasks.request import (
    EDITS,
    ENDPOINTS,
    IMAGES,
    MODERATIONS,
    RERANK,
    SPEECH,
    TRANSCRIPTIONS,
    TRANSLATIONS,
    VARIATIONS,
    read_request,
)


def test_none_has_output_that_a_cap_bounds_and_all_are_declared():
    assert not any(endpoint.generates for endpoint in ENDPOINTS)
    assert all(endpoint.declared for endpoint in ENDPOINTS)


def test_speech_is_always_streamed_as_bytes_or_in_events():
    plain, events = asked(SPEECH, input="grüß 😀"), asked(SPEECH, input="hi", stream_format="sse")
    assert (plain.stream, plain.events, plain.units.characters, plain.units.unreported) == (True, False, 6, True)
    assert (events.stream, events.events, events.units.characters, events.units.unreported) == (True, True, 2, False)
    assert (plain.units.open_ended, events.units.open_output) == (None, True)
    assert plain.known_usage.complete(99, 9).characters == 6
    assert plain.known_usage.complete(99, 9).prompt_tokens == 0
    assert events.known_usage.complete(99, 9).prompt_tokens == 99


@pytest.mark.parametrize("text", ["true", "True", "1"])
def test_a_form_says_that_it_wants_a_stream(text):
    assert sent(TRANSCRIPTIONS, stream=text).stream
    assert not sent(TRANSCRIPTIONS, stream="false").stream
    assert not sent(TRANSCRIPTIONS).stream
    assert not sent(TRANSLATIONS, stream=text).stream, "these have none"


def test_the_tokens_of_a_form_are_those_of_its_texts():
    request = sent(TRANSCRIPTIONS, part("file", b"x" * 10_000, '; filename="f"'), prompt="names")
    assert request.text_bytes == len("m") + len("names")
    assert request.content_type == b"multipart/form-data; boundary=xYz"
    assert request.units.open_audio


def test_the_images_that_are_asked_for():
    assert asked(IMAGES, prompt="x").units.images == 1
    assert asked(IMAGES, prompt="x", n=4).units.images == 4
    assert sent(VARIATIONS, n="3").units.images == 3
    assert asked(IMAGES, n=None).units.images == 1
    assert not asked(IMAGES, prompt="x").units.open_input, "its text bounds them"
    assert sent(EDITS).units.open_input
    assert asked(EDITS).units.open_input


def test_a_reranker_reads_the_query_with_each_document():
    one, three = (asked(RERANK, query="q" * 100, documents=["d"] * n) for n in (1, 3))
    assert three.text_bytes - one.text_bytes >= 2 * 100 + 2


def test_a_moderation_without_a_model_asks_for_openais():
    request = read_request(b'{"input": "hi"}', MODERATIONS)
    assert (request.model, request.names_model) == ("omni-moderation-latest", False)


@pytest.mark.parametrize(
    ("body", "endpoint", "param", "why"),
    [
        (b"", IMAGES, None, "empty. Send a JSON object"),
        (b"", EDITS, None, "empty. Send a form"),
        (b"{}", IMAGES, "model", "missing"),
        (b'{"model": 1}', IMAGES, "model", "must be a string"),
        (b'{"model": "m", "Model": "x"}', IMAGES, "Model", "looks like 'model'"),
        (b'{"model": "m", "model": "x"}', IMAGES, "model", "twice"),
        (b'{"model": "m", "n": 0}', IMAGES, "n", "from 1"),
        (b'{"model": "m", "n": 1.5}', IMAGES, "n", "from 1"),
        (b'{"model": "m", "n": 100001}', IMAGES, "n", "from 1"),
        (b'{"model": "m", "stream": "yes"}', IMAGES, "stream", "true or false"),
        (b'{"model": "m"}', SPEECH, "input", "missing"),
        (b'{"model": "m", "input": ["a"]}', SPEECH, "input", "must be a string"),
        (b'{"model": "m", "input": "a", "stream_format": "wav"}', SPEECH, "stream_format", "'audio' or 'sse'"),
        (b'{"model": "m", "query": "q"}', RERANK, "documents", "array"),
        (b"[]", IMAGES, None, "JSON object"),
        (b"model=m", TRANSCRIPTIONS, None, "neither a form nor"),
        (form(part("model", b"m")), IMAGES, None, "Send a JSON object"),
        (form(part("file", b"m", '; filename="f"')), TRANSCRIPTIONS, "model", "missing"),
        (form(part("model", b"m"), part("n", b"-1")), EDITS, "n", "from 1"),
        (form(part("model", b"m"), part("stream", b"maybe")), EDITS, "stream", "true or false"),
    ],
)
def test_what_is_wrong_is_named(body, endpoint, param, why):
    with pytest.raises(BadRequest, match=why) as refused:
        read_request(body, endpoint)
    assert refused.value.param == param
