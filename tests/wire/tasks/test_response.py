"""Whole responses to tasks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.wire.tasks.helpers import asked, sent
from tollkeeper.rules.errors import GatewayError, UpstreamUnavailable
from tollkeeper.wire.tasks.request import IMAGES, MODERATIONS, RERANK, TRANSCRIPTIONS, TRANSLATIONS
from tollkeeper.wire.tasks.response import TEXT, read_large_response, read_response
from tollkeeper.wire.usage import UnitReport


def whole(request, body):
    return read_response(request, body if isinstance(body, bytes) else json.dumps(body).encode(), "req_1")


@pytest.mark.parametrize(
    ("request_", "answer", "report"),
    [
        (asked(MODERATIONS, input="x"), {"results": []}, UnitReport(0, 0)),
        (asked(IMAGES), {"data": [{}, {}]}, UnitReport(0, 0, images=2)),
        (asked(IMAGES), {"data": [{}], "usage": {"input_tokens": 1, "output_tokens": 2}}, UnitReport(1, 2, images=1)),
        (asked(RERANK, documents=[]), {"results": [], "usage": {"total_tokens": 3}}, UnitReport(3, 0)),
        (asked(RERANK, documents=[]), {"data": [], "usage": {"total_tokens": 3}}, UnitReport(3, 0)),
        (asked(RERANK, documents=[]), {"results": [], "meta": {"tokens": {"input_tokens": 3}}}, UnitReport(3, 0)),
        (sent(TRANSCRIPTIONS), {"text": "x", "usage": {"seconds": 3}}, UnitReport(0, 0, audio_ms=3000)),
        (sent(TRANSCRIPTIONS), {"text": "x", "duration": "2.5"}, UnitReport(0, 0, audio_ms=2500)),
        (sent(TRANSCRIPTIONS), {"text": "x"}, UnitReport(0, 0, estimated=True)),
    ],
)
def test_reports(request_, answer, report):
    found = whole(request_, answer)
    assert (found.report, found.body, found.media_type) == (report, json.dumps(answer).encode(), b"application/json")
    assert found.convert is None


def test_a_large_one_is_read_in_steps():
    body = bytearray(json.dumps({"data": [{"b64_json": "A" * 100_000}] * 3}).encode())
    found: list[Any] = []

    def read() -> Iterator[None]:
        found.append((yield from read_large_response(asked(IMAGES), body, "req_1")))

    assert sum(1 for _ in read()) > 10
    assert (found[0].report.images, found[0].body) == (3, body)


def test_a_text_is_taken_from_json_and_stays_one_where_there_is_none():
    text = sent(TRANSCRIPTIONS, response_format="text")
    found = whole(text, {"text": "hi", "usage": {"seconds": 3}})
    assert (found.convert(found.body), found.media_type, found.report.audio_ms) == (b"hi\n", TEXT, 3000)
    found = whole(text, b"hi there")
    assert (found.convert, found.body, found.media_type, found.report.estimated) == (None, b"hi there", TEXT, True)


def test_what_was_only_asked_for_to_meter_it_is_left_out():
    verbose = {"text": "hi", "duration": 3, "segments": []}
    found = whole(sent(TRANSLATIONS), verbose)
    assert (json.loads(found.convert(found.body)), found.report.audio_ms) == ({"text": "hi"}, 3000)
    assert whole(sent(TRANSLATIONS, response_format="verbose_json"), verbose).convert is None


def test_subtitles_tell_about_how_long_the_audio_is():
    found = whole(sent(TRANSCRIPTIONS, response_format="vtt"), b"WEBVTT\n\n00:00.000 --> 00:02.000\nhi\n")
    assert (found.report, found.media_type) == (UnitReport(0, 0, estimated=True, audio_ms=2000), TEXT)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"a": 1}', b'{"data": [', b'{"results": []} more'])
def test_what_is_no_answer_is_a_failure(body):
    with pytest.raises(UpstreamUnavailable):
        whole(asked(MODERATIONS, input="x"), body)


@pytest.mark.parametrize("body", [b"<!DOCTYPE html>", b"  <HTML>"])
def test_a_page_is_no_transcript(body):
    with pytest.raises(UpstreamUnavailable):
        whole(sent(TRANSCRIPTIONS, response_format="srt"), body)


def test_an_error_in_a_good_answer_is_one():
    with pytest.raises(GatewayError, match="The upstream failed"):
        whole(asked(IMAGES), {"error": {"message": "out of paint"}, "data": []})
    assert whole(asked(IMAGES), {"error": None, "data": []}).report.images == 0
