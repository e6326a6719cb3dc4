"""Figures drawn back to what a ledger can hold."""

import pytest
from msgspec.structs import replace

from tests.store.values import a_record, an_intent
from tollkeeper.rules.usage import Usage
from tollkeeper.store.clamp import MAX_COST, MAX_TOKENS, clamp_intent, clamp_record, clamp_usage, within_bounds


@pytest.mark.parametrize("sign", [1, -1])
def test_a_bound_may_be_reached_either_way_and_not_passed(sign):
    record = a_record(cost_pico=sign * MAX_COST, usage=Usage(sign * MAX_TOKENS))
    assert within_bounds(record)
    assert clamp_record(record) == record
    for beyond in (
        replace(record, cost_pico=sign * (MAX_COST + 1)),
        replace(record, usage=Usage(sign * (MAX_TOKENS + 1))),
    ):
        assert not within_bounds(beyond)
        assert clamp_record(beyond) == record


@pytest.mark.parametrize("name", [name for name in Usage.__struct_fields__ if name != "estimated"])
def test_every_figure_of_a_usage_is_bounded_by_itself(name):
    usual = Usage(1, 2, 3, 4, 5, estimated=True, cache_write_1h_tokens=6, images=7, audio_ms=8, characters=9)
    assert clamp_usage(usual) is usual
    assert clamp_usage(replace(usual, **{name: 2**80})) == replace(usual, **{name: MAX_TOKENS})


def test_the_bounds_of_an_intent():
    intent = an_intent(bound_tokens=5, bound_cost_pico=None)
    assert clamp_intent(intent) is intent
    clamped = clamp_intent(an_intent(bound_tokens=2**80, bound_cost_pico=2**80))
    assert (clamped.bound_tokens, clamped.bound_cost_pico) == (MAX_TOKENS, MAX_COST)
