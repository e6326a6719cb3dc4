"""Limits that an admin of a team may set on its members: none beyond the team's own, and none that opens more models.

A limit on cost, or a list of allowed models, opens upstreams that cost money (`terms.py`). That is for admins to
decide, so a team's admin may not set the first one of either, except where the team's own limits open those models.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.limits import COUNTED, Limits
from tollkeeper.rules.money import format_usd

_OTHER = ""
"""Stands for all models that no limits name."""


class _Bounded(NamedTuple):
    """A limit of a member, the place of its field in the limits object, and the most that the team's limits allow."""

    place: str
    name: str
    value: int
    most: int


def check_delegated(before: Limits, wanted: Limits, team: Limits) -> None:
    """Check the limits that an admin of a team wants for a member, who has had `before`. What stays as it was is not
    checked. Raises Unprocessable, which names the field and both numbers."""
    unchanged = {(limit.place, limit.value) for limit in _bounded(before, team)}
    for limit in _bounded(wanted, team):
        if limit.value > limit.most and (limit.place, limit.value) not in unchanged:
            raise Unprocessable(
                f"'{limit.place}' may be at most {_shown(limit.name, limit.most)}, which is the team's limit, not "
                f"{_shown(limit.name, limit.value)}. Set a smaller one, or ask an admin to raise the team's.",
                param=limit.place,
            )
    if wanted.allowed_models != before.allowed_models:
        for model in wanted.allowed_models or ():
            if not team.allows(model):
                raise Unprocessable(
                    f"'allowed_models' may name only models that the team may use, and '{model[:64]}' is none of "
                    "them. Leave it out, or ask an admin to allow it to the team.",
                    param="allowed_models",
                )
    _check_opens_nothing(before, wanted, team)


def _bounded(limits: Limits, team: Limits) -> Iterator[_Bounded]:
    """Every figure of a member's limits that the team's limits bound."""
    for name, value in limits.counts.items():
        if name in team.counts:
            yield _Bounded(name, name, value, team.counts[name])
    for model, counts in limits.models.items():
        of_team = team.of_model(model)
        for name, value in counts.items():
            bounds = [bound[name] for bound in (of_team, team.counts) if name in bound]
            if bounds:
                yield _Bounded(f"models.{model}.{name}", name, value, min(bounds))
    # Without a weight of its own the team has that of everyone, 1: a larger one would be at the expense of others.
    for name, own, most in (
        ("max_concurrent_requests", limits.max_concurrent_requests, team.max_concurrent_requests),
        ("max_tokens_per_request", limits.max_tokens_per_request, team.max_tokens_per_request),
        ("queue_weight", limits.queue_weight, team.queue_weight or 1),
    ):
        if own is not None and most is not None:
            yield _Bounded(name, name, own, most)


def _check_opens_nothing(before: Limits, wanted: Limits, team: Limits) -> None:
    models = {_OTHER}
    for limits in (before, wanted, team):
        models.update(limits.models, limits.allowed_models or ())
    for model in models:
        if _opens(wanted, team, model) and not _opens(before, team, model):
            of_list = wanted.allowed_models != before.allowed_models
            raise Unprocessable(
                "This limit would open models that cost money to this user, which is for an admin to decide. Ask one "
                "to set a limit on cost for the team.",
                param="allowed_models" if of_list else _first_cost(before, wanted),
            )


def _opens(member: Limits, team: Limits, model: str) -> bool:
    """Whether a member may use a model though it costs money."""
    trusted = any(
        limits.allowed_models is not None or _has_cost(limits.counts) or _has_cost(limits.of_model(model))
        for limits in (member, team)
    )
    return trusted and member.allows(model) and team.allows(model)


def _has_cost(counts: dict[str, int]) -> bool:
    return any(COUNTED[name].quantity == "cost" for name in counts)


def _first_cost(before: Limits, wanted: Limits) -> str:
    new = (name for name in wanted.counts if name not in before.counts and COUNTED[name].quantity == "cost")
    return next(new, "models")


def _shown(name: str, value: int) -> str:
    return format_usd(value) if name in COUNTED and COUNTED[name].quantity == "cost" else str(value)
