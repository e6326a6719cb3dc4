"""Token counts of one request."""

import pytest

from tollkeeper.rules.usage import NO_USAGE, Usage, estimate_tokens


def test_the_total_is_input_and_output_whatever_parts_they_have():
    assert Usage(10, cached_tokens=4, cache_write_tokens=3, completion_tokens=5, reasoning_tokens=2).total_tokens == 15
    assert NO_USAGE.total_tokens == 0


@pytest.mark.parametrize(("size", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2), (400, 100)])
def test_an_estimate_is_never_less_than_a_quarter_of_the_bytes(size, tokens):
    assert estimate_tokens(size) == tokens
