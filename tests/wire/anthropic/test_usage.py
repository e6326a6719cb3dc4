"""Usage in the Messages dialect: all of the input counts, and later reports overrule earlier ones."""

import json

import pytest

from tollkeeper.wire.anthropic.usage import UsageTally, read_usage
from tollkeeper.wire.usage import NO_REPORT, UsageReport


def report(**fields):
    return read_usage(json.dumps(fields).encode())


def test_what_was_read_from_the_cache_and_written_to_it_is_input_too():
    told = report(
        input_tokens=10,
        output_tokens=7,
        cache_read_input_tokens=1000,
        cache_creation_input_tokens=300,
        cache_creation={"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100},
    )
    assert told == UsageReport(1310, 7, 1000, 0, 300, cache_write_1h_tokens=100)


def test_what_is_kept_for_an_hour_was_written_though_the_sum_is_missing():
    told = report(input_tokens=1, output_tokens=1, cache_creation={"ephemeral_1h_input_tokens": 9})
    assert (told.prompt_tokens, told.cache_write_tokens, told.cache_write_1h_tokens) == (10, 9, 9)


@pytest.mark.parametrize("raw", [b"", b"null", b"5", b"[]", b"{", b'"x"', b"{}", b'{"x":1}', b"[" * 70_000])
def test_what_is_no_report_tells_nothing(raw):
    assert read_usage(raw) == NO_REPORT


@pytest.mark.parametrize("value", ["x", -1, 1.5, [], True])
def test_a_figure_that_is_no_count_is_unknown(value):
    told = report(input_tokens=value, output_tokens=3)
    assert told == UsageReport(None, 3, estimated=True)


def test_a_stream_tells_its_input_first_and_may_tell_it_better_later():
    tally = UsageTally()
    tally.add(b'{"input_tokens":1,"output_tokens":0}')
    tally.add(b'{"output_tokens":5}')
    assert tally.report == UsageReport(1, 5)
    tally.add(b'{"input_tokens":21,"output_tokens":9,"cache_read_input_tokens":4}')
    assert tally.report == UsageReport(25, 9, 4)


def test_the_beginning_of_a_stream_tells_neither_its_output_nor_an_estimated_input():
    tally = UsageTally()
    tally.add(b'{"input_tokens":25,"cache_read_input_tokens":4,"output_tokens":1}', begins=True)
    assert tally.report == UsageReport(29, None, 4)
    tally.add(b'{"output_tokens":9}')
    assert tally.report == UsageReport(29, 9, 4)
    tally = UsageTally()
    tally.add(b'{"input_tokens":1,"output_tokens":0}', begins=True)
    assert tally.report == NO_REPORT
    tally.add(b'{"output_tokens":9}')
    assert tally.report == UsageReport(1, 9)
