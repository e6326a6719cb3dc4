"""Transcripts in another format than the upstream gave."""

from __future__ import annotations

import json

import pytest

from tollkeeper.rules.errors import UpstreamUnavailable
from tollkeeper.wire.tasks.transcript import as_json, as_text, last_time


def test_the_text_of_a_transcript():
    body = json.dumps({"text": "grüß\ndich", "segments": [1], "duration": 2}).encode()
    assert as_text(body).decode() == "grüß\ndich\n"
    assert json.loads(as_json(body)) == {"text": "grüß\ndich"}


@pytest.mark.parametrize("body", [b'{"text": 5}', b"[", b'{"text": "\xff"}'])
def test_what_is_no_transcript_is_a_failure(body):
    with pytest.raises(UpstreamUnavailable):
        as_text(body)


@pytest.mark.parametrize(
    ("subtitles", "ms"),
    [
        (b"1\n00:00:00,000 --> 00:00:02,500\nhi\n", 2500),
        (b"WEBVTT\n\n00:00.000 --> 01:02.003\nhi\n\n01:02.003 --> 01:03.000\nho\n", 63_000),
        (b"1\n00:00:00,000 --> 10:00:00,001\n" + b"x" * 3000, 36_000_001),
        (b"WEBVTT\n", None),
        (b"", None),
    ],
)
def test_the_last_time_of_subtitles(subtitles, ms):
    assert last_time(subtitles) == ms
