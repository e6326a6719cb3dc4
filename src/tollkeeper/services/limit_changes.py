"""Changes to limits: merged, with every model in canonical spelling; and how the audit log tells of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.rules.names import spelled

LIMITED_MODEL = r"[^\s*]{1,255}"
"""How a limits object may name a model."""
MOST_MODELS = 1000
"""Of the models that one limits object may name, in either of its fields."""
LimitsChange = Mapping[str, Any]
"""As `Limits.merged` takes it."""


def told_limits(limits: Limits) -> dict[str, object]:
    """What the audit log says of limits: those there are."""
    return {} if limits == NO_LIMITS else {"limits": _present(limits.body())}


def _present(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _present(value) if isinstance(value, Mapping) else value
        for name, value in body.items()
        if value is not None and value != {}
    }


def merged(limits: Limits, change: LimitsChange, place: str = "") -> Limits:
    """Limits with a change, its models in canonical spelling: else a limit would look at a model that nobody can ask
    for. `place` is where the change stands in what was sent."""
    try:
        changed = limits.merged(_spelled(change))
        for field, names in (("allowed_models", changed.allowed_models or ()), ("models", changed.models)):
            if len(names) > MOST_MODELS:
                raise Unprocessable(f"'{field}' may name at most {MOST_MODELS} models.", param=field)
    except Unprocessable as error:
        raise Unprocessable(error.message, param=f"{place}{error.param}"[:200]) from None
    return changed


def _spelled(change: LimitsChange) -> LimitsChange:
    """Raises Unprocessable for names that no model can have, and for one that is there twice."""
    given = dict(change)
    models, allowed = given.get("models"), given.get("allowed_models")
    if isinstance(models, Mapping):
        given["models"] = {_model(name, "models"): limits for name, limits in models.items()}
        if len(given["models"]) < len(models):
            raise Unprocessable("'models' names one model twice.", param="models")
    if isinstance(allowed, list | tuple) and all(isinstance(name, str) for name in allowed):
        given["allowed_models"] = list(dict.fromkeys(_model(name, "allowed_models") for name in allowed))
    return given


def _model(name: str, field: str) -> str:
    plain = spelled(name)
    if not re.fullmatch(LIMITED_MODEL, plain):
        raise Unprocessable(f"'{field}' must name models: 1 to 255 characters, no spaces and no *.", param=field)
    return plain
