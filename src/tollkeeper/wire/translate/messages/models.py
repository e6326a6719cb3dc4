"""What each of Anthropic's models takes: its documents "Thinking", "Effort", and "Migration guide".

    version        thinking is turned on by        and off by                      sampling
    below 3.7      nothing: it does not think                                      temperature or top_p, top_k
    3.7 to 4.5     `enabled` with a budget         leaving it out                  the same
    4.6            `adaptive`, and an effort       leaving it out                  the same
    4.7 to 4.9     `adaptive`, and an effort       leaving it out                  nothing
    from 5 on      `adaptive`, and an effort       `disabled`: left out, it is on  nothing
    Fable, Mythos  `adaptive`, and an effort       nothing: it always thinks       nothing

Other makers' models that are served in the Messages API know `enabled`, and all of sampling.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from tollkeeper.wire.translate.conversation import Reasoning

MIN_BUDGET = 1024
"""Tokens of the smallest budget that Anthropic accepts."""
_MAX_BUDGET = 32_000
"""Tokens beyond which models think no better."""
_SHARES = {"minimal": 10, "low": 20, "medium": 50, "high": 80, "xhigh": 95}
"""The budget of an effort, in hundredths of the cap on the output."""
_DEFAULT_EFFORT = "medium"
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh"}
_NEWER = (4, 7)
_find_version = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?").search
_always_thinks = re.compile(r"fable|mythos").search

Way = Literal["none", "budget", "adaptive"]
Sampling = Literal["all", "one", "none"]
"""What it takes: all of it; temperature or top_p, and top_k; nothing."""


class Model(NamedTuple):
    """What a model takes. `way`: how thinking is turned on; `on`: it is on where a request says nothing; `off`: it can
    be turned off; `xhigh`: it knows this effort."""

    way: Way
    on: bool = False
    off: bool = True
    xhigh: bool = False
    sampling: Sampling = "one"


class Wanted(NamedTuple):
    """The values of `thinking` and `output_config.effort`; None: left out. `on`: the model will think."""

    thinking: Mapping[str, str | int] | None = None
    effort: str | None = None
    on: bool = False


def model_of(name: str) -> Model:
    """What is known of a model by its name."""
    if "claude" not in name:
        return Model("budget", sampling="all")
    if _always_thinks(name):
        return Model("adaptive", on=True, off=False, xhigh=True, sampling="none")
    found = _find_version(name)
    if found is None:
        return Model("adaptive", xhigh=True, sampling="none")
    version = (int(found[1]), int(found[2] or 0))
    if version < (3, 7):
        return Model("none")
    if version < (4, 6):
        return Model("budget")
    if version < _NEWER:
        return Model("adaptive")
    return Model("adaptive", on=version >= (5, 0), xhigh=True, sampling="none")


def wanted_thinking(reasoning: Reasoning | None, name: str, cap: int, *, allowed: bool) -> Wanted:
    """What to send to a model. `cap`: the tokens of its output, more than any budget; `allowed`: whether it may think
    in this turn at all."""
    model = model_of(name)
    if not allowed or (reasoning is not None and reasoning.effort == "none"):
        turned_off = {"type": "disabled"} if model.on and model.off else None
        return Wanted(turned_off, on=model.on and not model.off)
    if reasoning is None:
        return Wanted(on=model.on)
    if model.way == "adaptive":
        effort = _EFFORTS.get(reasoning.effort or "")
        if effort == "xhigh" and not model.xhigh:
            effort = "high"
        display = "summarized" if reasoning.shown else "omitted"
        return Wanted({"type": "adaptive", "display": display}, effort, on=True)
    if model.way == "none" or cap <= MIN_BUDGET:
        return Wanted()
    budget = reasoning.budget
    if budget is None:
        budget = min(cap * _SHARES.get(reasoning.effort or "", _SHARES[_DEFAULT_EFFORT]) // 100, _MAX_BUDGET)
    return Wanted({"type": "enabled", "budget_tokens": max(MIN_BUDGET, min(budget, cap - 1))}, on=True)
