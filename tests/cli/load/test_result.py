"""Output tokens per second."""

import pytest
from msgspec.structs import replace

from tests.cli.load.reports import report


@pytest.mark.parametrize(
    ("tokens", "seconds", "rate"), [(980, 2.0, 490.0), (None, 2.0, None), (5, 0.0, 0.0), (0, 2.0, 0.0)]
)
def test_tokens_rate(tokens, seconds, rate):
    assert replace(report().result, completion_tokens=tokens, seconds=seconds).tokens_rate == rate
