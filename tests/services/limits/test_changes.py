"""Changes to limits, with models in canonical spelling."""

import pytest

from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.services.limits.changes import audited_limits, merged


def test_models_are_spelled_as_requests_are_counted():
    changed = merged(NO_LIMITS, {"models": {"Tiny": {"tokens_total": 5}}, "allowed_models": ["TINY", "tiny", "Other"]})
    assert changed.models == {"tiny": {"tokens_total": 5}}
    assert changed.allowed_models == ("tiny", "other")


def test_a_model_twice_is_refused():
    with pytest.raises(Unprocessable, match="twice"):
        merged(NO_LIMITS, {"models": {"Tiny": {"tokens_total": 5}, "tiny": {"tokens_total": 6}}})


def test_the_field_at_fault_is_named_with_its_place_and_no_longer_than_that():
    with pytest.raises(Unprocessable) as refused:
        merged(NO_LIMITS, {"tokens_total": -1}, "limits.")
    assert refused.value.param == "limits.tokens_total"
    with pytest.raises(Unprocessable) as refused:
        merged(NO_LIMITS, {"x" * 500: 1}, "limits.")
    assert refused.value.param == ("limits." + "x" * 500)[:200]


def test_what_is_not_set_is_no_part_of_the_audit_log():
    assert audited_limits(NO_LIMITS) == {}
    shown = audited_limits(Limits(counts={"tokens_total": 5}, models={"tiny": {"requests_total": 1}}))
    assert shown == {"limits": {"tokens_total": 5, "models": {"tiny": {"requests_total": 1}}}}
    assert audited_limits(Limits(max_concurrent_requests=0)) == {"limits": {"max_concurrent_requests": 0}}
