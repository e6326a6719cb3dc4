"""What the words of an upstream about a pull mean, and how often it is tried again."""

from __future__ import annotations

import pytest

from tollkeeper.rules.pull_failures import FEW, GONE, MANY, explain, pause


@pytest.mark.parametrize(
    ("text", "code", "retries"),
    [
        ("pull model manifest: file does not exist", "model_unknown", 0),
        ("model 'nope' not found", "model_unknown", 0),
        ("write /models/blobs/sha256-ab-partial: no space left on device", "disk_full", 0),
        ("max retries exceeded: write /m/x: no space left on device", "disk_full", 0),
        ("digest mismatch, file must be downloaded again: want sha256:a, got sha256:b", "digest_mismatch", 1),
        ("invalid model name", "invalid_name", 0),
        ("insecure protocol http", "insecure_registry", 0),
        ("http: server gave HTTP response to HTTPS client", "insecure_registry", 0),
        ("pull model manifest: 412: The model you are attempting to pull requires a newer version of Ollama.",
         "upstream_too_old", 0),
        ("pull model manifest: 403: denied", "registry_refuses", 0),
        ("pull model manifest: Get \"https://r/v2/\": dial tcp: lookup r: no such host", "registry_unreachable", FEW),
        ("dial tcp 127.0.0.1:1: connect: connection refused", "registry_unreachable", FEW),
        ("max retries exceeded: unexpected EOF", "registry_cut", FEW),
        ("pull model manifest: 503: try later", "registry_cut", FEW),
        ("open /models/x: permission denied", "disk_failed", 0),
        ("something else", "upstream_error", 2),
        ("", "upstream_error", 2),
    ],
)  # fmt: skip
def test_what_an_upstream_says_is_told_in_words(text: str, code: str, retries: int) -> None:
    failure = explain(text)
    assert (failure.code, failure.retries) == (code, retries)
    assert failure.message.endswith(".")
    assert text.split(": want")[0].rstrip(".") in failure.message


def test_a_long_text_is_cut_and_stays_on_one_line() -> None:
    message = explain("word\n" * 1000).message
    assert "\n" not in message
    assert len(message) < 400


def test_an_upstream_that_went_is_waited_for() -> None:
    assert GONE.retries == MANY
    assert sum(map(pause, range(1, MANY + 1))) > 20 * 60


def test_pauses_double_up_to_a_minute() -> None:
    assert [pause(retry) for retry in (1, 2, 3, 6, 7, 8, 100)] == [1, 2, 4, 32, 60, 60, 60]
