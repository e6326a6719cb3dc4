"""Usage as tasks report it."""

from __future__ import annotations

import pytest

from tollkeeper.wire.tasks.usage import milliseconds, read_meta, read_usage
from tollkeeper.wire.usage import UnitReport


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b'{"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}', UnitReport(5, 7)),
        (b'{"prompt_tokens": 5, "completion_tokens": 7}', UnitReport(5, 7)),
        (b'{"total_tokens": 12}', UnitReport(12, 0)),
        (b'{"output_tokens": 7, "total_tokens": 12}', UnitReport(5, 7)),
        (b'{"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4}}', UnitReport(9, 0, 4)),
        (b'{"type": "duration", "seconds": 9}', UnitReport(0, 0, audio_ms=9000)),
        (b'{"type": "duration", "seconds": 1.2345}', UnitReport(0, 0, audio_ms=1235)),
        (b"{}", None),
        (b"null", None),
        (b"", None),
        (b"[1]", None),
        (b'{"input_tokens": -4}', None),
        (b'{"a": "' + b"x" * 70_000 + b'"}', None),
    ],
)
def test_reports(raw, found):
    assert read_usage(raw) == found


def test_coheres_tokens():
    assert read_meta(b'{"tokens": {"input_tokens": 4}, "billed_units": {"search_units": 1}}') == UnitReport(4, 0)
    assert read_meta(b'{"billed_units": {"search_units": 1}}') is None
    assert read_meta(b"null") is None


@pytest.mark.parametrize(
    ("seconds", "ms"),
    [
        (1, 1000),
        (0, 0),
        (0.0004, 1),
        ("2.95", 2950),
        (8.47, 8470),
        (True, None),
        ("x", None),
        (-1, None),
        (1e300, None),
    ],
)
def test_seconds(seconds, ms):
    assert milliseconds(seconds) == ms


def test_what_is_no_number_is_no_time():
    assert milliseconds(float("nan")) is None
    assert milliseconds(float("inf")) is None
    assert milliseconds(10**400) is None
