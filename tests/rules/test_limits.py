"""The bounds of a limits object. What it counts is tested through the API (tests/control/admin/test_limits.py)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.limits import COUNTED, MOST, MOST_ALLOWED, MOST_MODELS, NO_LIMITS, Limits


def models(count: int) -> dict[str, dict[str, int]]:
    return {f"m{number}": {"requests_total": 1} for number in range(count)}


def refusal(limits: Limits, change: dict[str, object]) -> tuple[str | None, str]:
    with pytest.raises(Unprocessable) as refused:
        limits.merged(change)
    return refused.value.param, refused.value.message


def test_at_most_a_hundred_models_have_limits() -> None:
    assert MOST_MODELS == 100
    full = NO_LIMITS.merged({"models": models(100)})
    assert full.merged({"requests_total": 5, "models": {"m0": {"tokens_total": 2}}}).models["m0"]["tokens_total"] == 2
    assert refusal(full, {"models": {"one": {"tokens_total": 1}}}) == (
        "models", "'models' may name at most 100 models, not 101. Name fewer.",
    )  # fmt: skip
    assert len(full.merged({"models": {"m0": None, "one": {"tokens_total": 1}}}).models) == 100


def test_an_object_that_is_larger_already_may_change_and_shrink() -> None:
    large = Limits(models=models(300))
    assert large.merged({"requests_total": 5}).counts == {"requests_total": 5}
    assert len(large.merged({"models": {"m7": None}}).models) == 299
    assert refusal(large, {"models": {"one": {"tokens_total": 1}}})[0] == "models"


def test_at_most_a_thousand_models_are_allowed() -> None:
    assert MOST_ALLOWED == 1000
    allowed = [f"m{number}" for number in range(1001)]
    assert len(NO_LIMITS.merged({"allowed_models": allowed[:1000]}).allowed_models or ()) == 1000
    param, message = refusal(NO_LIMITS, {"allowed_models": allowed})
    assert (param, message) == (
        "allowed_models",
        "'allowed_models' may name at most 1000 models, not 1001. Name fewer.",
    )


@pytest.mark.parametrize("name", ["m" * 256, "", "a b", "m*", "a\n"])
def test_names_that_no_model_can_have(name: str) -> None:
    assert refusal(NO_LIMITS, {"models": {name: {"tokens_total": 1}}})[0] == "models"
    assert refusal(NO_LIMITS, {"allowed_models": [name]})[0] == "allowed_models"


QUADRILLION = "1,000,000,000,000,000"
MOST_OF_EACH: dict[str, tuple[object, str]] = {
    **dict.fromkeys(COUNTED, (MOST + 1, QUADRILLION)),
    **{f"models.m.{name}": (MOST + 1, QUADRILLION) for name in COUNTED},
    "max_concurrent_requests": (MOST + 1, QUADRILLION),
    "max_tokens_per_request": (MOST + 1, QUADRILLION),
    "queue_weight": (101, "100"),
    "alerts": ([101], "100"),
    "models": (models(101), "100"),
    "allowed_models": ([f"m{number}" for number in range(1001)], "1000"),
}
"""For each field of the object, a value that is too large, and the most in words."""


def test_every_field_has_a_most() -> None:
    fields = {name.partition(".")[0] for name in MOST_OF_EACH}
    assert fields == set(NO_LIMITS.body())


@pytest.mark.parametrize("scale", [1, 1000, Decimal("1e984")])
@pytest.mark.parametrize("field", MOST_OF_EACH)
def test_what_is_too_large_is_told_the_most(field: str, scale: int | Decimal) -> None:
    value, most = MOST_OF_EACH[field]
    sent = value * scale if isinstance(value, int) else value
    name = field.rpartition(".")[2]
    param, message = refusal(NO_LIMITS, {"models": {"m": {name: sent}}} if "." in field else {name: sent})
    assert param == field
    assert f" {most}" in message
