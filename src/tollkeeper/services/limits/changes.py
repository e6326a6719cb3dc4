"""Changes to limits: merged into those in force, with canonical model names; and limits as the audit log shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.rules.names import canonical_spelling

LimitsChange = Mapping[str, Any]
"""A partial update, in the form that `Limits.merged` takes."""


def audited_limits(limits: Limits) -> dict[str, Any]:
    """Limits in the form of the audit log: only those that are set."""
    return {} if limits == NO_LIMITS else {"limits": _present(limits.body())}


def _present(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _present(value) if isinstance(value, Mapping) else value
        for name, value in body.items()
        if value is not None and value != {}
    }


def merged(limits: Limits, change: LimitsChange, place: str = "") -> Limits:
    """Merge a change into limits. Model names are made canonical: a limit on any other spelling would never apply.
    `place` is the path of the change within the request's body, for errors. Raises Unprocessable."""
    try:
        return limits.merged(_spelled(change))
    except Unprocessable as error:
        raise Unprocessable(error.message, param=f"{place}{error.param}"[:200]) from None


def _spelled(change: LimitsChange) -> LimitsChange:
    """Make model names canonical. Raises Unprocessable where two names are the same model."""
    given = dict(change)
    models, allowed = given.get("models"), given.get("allowed_models")
    if isinstance(models, Mapping):
        given["models"] = {canonical_spelling(name): limits for name, limits in models.items()}
        if len(given["models"]) < len(models):
            raise Unprocessable("'models' names one model twice.", param="models")
    if isinstance(allowed, list | tuple) and all(isinstance(name, str) for name in allowed):
        given["allowed_models"] = list(dict.fromkeys(map(canonical_spelling, allowed)))
    return given
