"""What is sent upstream: the client's bytes but for single fields."""

from __future__ import annotations

import json

import pytest

from tests.wire.http.test_multipart import form, part
from tests.wire.tasks.helpers import asked, sent
from tollkeeper.rules.kinds import OPENAI
from tollkeeper.rules.pricing import Price
from tollkeeper.wire.tasks.request import IMAGES, MODERATIONS, TRANSCRIPTIONS, TRANSLATIONS, read_request
from tollkeeper.wire.tasks.rewrite import rewrite

MINUTES = Price(1, "m", 0, 0, None, None, 0, 0, per_minute=6000)
TOKENS = Price(1, "m", 1, 1, None, None, 0, 0)


def rewritten(request, model="m", price=None):
    return rewrite(
        request, model=model, opaque_user=lambda: "opaque", image_urls=(), output_cap=None, kind=OPENAI, price=price
    )


def test_the_clients_own_bytes_are_sent():
    for request in (asked(IMAGES, prompt="x"), sent(TRANSCRIPTIONS)):
        assert rewritten(request) is request.body


def test_the_model_is_named_as_the_upstream_spells_it():
    assert json.loads(rewritten(asked(IMAGES, prompt="x"), "M")) == {"model": "M", "prompt": "x"}
    file = part("file", b"RIFF", '; filename="a.wav"')
    assert rewritten(sent(TRANSCRIPTIONS), "M") == form(part("model", b"M"), file)
    without = read_request(b'{"input": "hi"}', MODERATIONS)
    assert json.loads(rewritten(without, "omni-moderation-latest")) == {
        "model": "omni-moderation-latest", "input": "hi",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["user", "safety_identifier"])
def test_names_of_the_clients_users_stay_here(name):
    assert json.loads(rewritten(asked(IMAGES, prompt="x", **{name: "me"})))[name] == "opaque"
    assert b"opaque" in rewritten(sent(TRANSCRIPTIONS, **{name: "me"}))
    assert b"opaque" not in rewritten(asked(IMAGES, prompt="x", **{name: None}))


@pytest.mark.parametrize(
    ("endpoint", "given", "price", "asked_for"),
    [
        (TRANSCRIPTIONS, "text", None, "json"),
        (TRANSCRIPTIONS, "text", MINUTES, "json"),
        (TRANSCRIPTIONS, "srt", MINUTES, "srt"),
        (TRANSCRIPTIONS, "", MINUTES, None),
        (TRANSLATIONS, "", MINUTES, "verbose_json"),
        (TRANSLATIONS, "json", MINUTES, "verbose_json"),
        (TRANSLATIONS, "text", MINUTES, "verbose_json"),
        (TRANSLATIONS, "text", TOKENS, "json"),
        (TRANSLATIONS, "", TOKENS, None),
        (TRANSLATIONS, "vtt", MINUTES, "vtt"),
    ],
)
def test_a_format_that_reports_usage_is_asked_for(endpoint, given, price, asked_for):
    fields = {"response_format": given} if given else {}
    body = rewritten(sent(endpoint, **fields), price=price)
    assert read_request(body, endpoint).text("response_format") == asked_for
