"""Changes to limits: merged into those in force, with canonical model names; and limits as the audit log shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from msgspec import to_builtins

from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.rules.names import canonical_spelling

LimitsChange = Mapping[str, Any]
"""A partial update, in the form that `Limits.merged` takes."""


def audited_limits(limits: Limits) -> dict[str, Any]:
    """Limits in the form of the audit log: only those that are set."""
    return {} if limits == NO_LIMITS else {"limits": _present(limits.body())}


class LimitsContents:
    """What tells limits from others, whichever object they are in; it is found out once for each object."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Limits, bytes]] = {}
        """By the identity of the object, which is kept so that no other gets it."""

    def of(self, limits: Limits) -> bytes:
        """The same for limits with the same figures, and for no others."""
        if id(limits) not in self._known:
            # Not msgspec's own JSON: limits of cost may be integers beyond 64 bits, which it does not write.
            text = json.dumps(to_builtins(limits), sort_keys=True)
            self._known[id(limits)] = limits, sha256(text.encode()).digest()
        return self._known[id(limits)][1]


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
