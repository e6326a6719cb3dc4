"""The limits object: ceilings on requests, tokens and cost over spans of time, on concurrency, and on one request.

Figures are integers: requests, tokens, and pico-dollars for cost. None is no limit; 0 blocks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Context, Decimal, DecimalException, Inexact
from typing import Any, Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.windows import Span

Quantity = Literal["requests", "tokens", "cost", "running"]
PACE: frozenset[Span] = frozenset({"now", "second", "minute", "hour"})
"""The spans that protect the machines; the others (day, month, total) are budgets, and protect the money."""
_PLAIN = re.compile(r"[0-9]{1,16}(\.[0-9]{1,40})?", re.ASCII)
_EXACT = Context(prec=100, traps=[Inexact])
"""Refuses what it would have to round: a figure of no size at all is not 0."""
MOST = 10**15
"""The largest count of requests or tokens, and of dollars, that a limit may name."""
MOST_OF_ALL = 10**30


class Counted(NamedTuple):
    """What a limit counts."""

    quantity: Quantity
    span: Span

    @property
    def is_budget(self) -> bool:
        return self.span not in PACE


COUNTED: dict[str, Counted] = {
    "requests_per_second": Counted("requests", "second"),
    "requests_per_minute": Counted("requests", "minute"),
    "requests_per_hour": Counted("requests", "hour"),
    "requests_per_day": Counted("requests", "day"),
    "requests_per_month": Counted("requests", "month"),
    "requests_total": Counted("requests", "total"),
    "tokens_per_minute": Counted("tokens", "minute"),
    "tokens_per_hour": Counted("tokens", "hour"),
    "tokens_per_day": Counted("tokens", "day"),
    "tokens_per_month": Counted("tokens", "month"),
    "tokens_total": Counted("tokens", "total"),
    "cost_usd_per_day": Counted("cost", "day"),
    "cost_usd_per_month": Counted("cost", "month"),
    "cost_usd_total": Counted("cost", "total"),
}
"""Every limit that counts over a span of time, by the name it has in the limits object."""

CONCURRENCY = "max_concurrent_requests"
GATED: dict[str, Counted] = COUNTED | {CONCURRENCY: Counted("running", "now")}
"""Every limit that admission asks."""


class Limits(Struct, frozen=True):
    """`counts`: what counts over time, by name. `models`: the same for one model each, by canonical name.
    `allowed_models`: None is all, empty is none."""

    counts: dict[str, int] = {}
    max_concurrent_requests: int | None = None
    max_tokens_per_request: int | None = None
    allowed_models: tuple[str, ...] | None = None
    models: dict[str, dict[str, int]] = {}

    def merged(self, change: Mapping[str, Any]) -> Limits:
        """These limits with a change: a figure sets, None clears, what is absent stays; `models` merges one level.
        Figures are int, Decimal or decimal text. Raises Unprocessable, naming the field."""
        plain: dict[str, Any] = {}
        counts = dict(self.counts)
        for name, value in change.items():
            if name in COUNTED:
                _put(counts, name, value, name)
            elif name in ("max_concurrent_requests", "max_tokens_per_request"):
                plain[name] = None if value is None else _whole(value, name)
            elif name == "allowed_models":
                plain[name] = None if value is None else _names(value)
            elif name == "models":
                plain[name] = self._merged_models(value)
            else:
                raise Unprocessable(f"There is no limit '{name}'. See docs/limits.md for those there are.", param=name)
        return replace(self, counts=counts, **plain)

    def of_model(self, model: str) -> dict[str, int]:
        """What counts over time for one model, by canonical name; the tag `:latest` may be left out of the limit;
        where both are given the smaller counts."""
        own, untagged = self.models.get(model, {}), self.models.get(model.removesuffix(":latest"), {})
        return {name: min(own.get(name, MOST_OF_ALL), untagged.get(name, MOST_OF_ALL)) for name in own | untagged}

    def allows(self, model: str) -> bool:
        """Whether a model may be used."""
        allowed = self.allowed_models
        return allowed is None or model in allowed or model.removesuffix(":latest") in allowed

    def _merged_models(self, change: object) -> dict[str, dict[str, int]]:
        if change is None:
            return {}
        if not isinstance(change, Mapping):
            raise Unprocessable("'models' must be an object of limits by model.", param="models")
        models = dict(self.models)
        for model, limits in change.items():
            place = f"models.{model}"
            if limits is None:
                models.pop(model, None)
                continue
            if not isinstance(limits, Mapping):
                raise Unprocessable(f"'{place}' must be an object of limits.", param=place)
            counts = dict(models.get(model, {}))
            for name, value in limits.items():
                if name not in COUNTED:
                    raise Unprocessable(f"There is no limit '{name}' for one model.", param=f"{place}.{name}")
                _put(counts, name, value, f"{place}.{name}")
            if counts:
                models[model] = counts
            else:
                models.pop(model, None)
        return models

    def body(self) -> dict[str, Any]:
        """As the API shows it: every field; cost as exact decimal text."""
        return {
            **_shown(self.counts),
            "max_concurrent_requests": self.max_concurrent_requests,
            "max_tokens_per_request": self.max_tokens_per_request,
            "allowed_models": None if self.allowed_models is None else list(self.allowed_models),
            "models": {model: _shown(counts) for model, counts in self.models.items()},
        }


NO_LIMITS = Limits()


def _shown(counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        name: None if (figure := counts.get(name)) is None else _figure(counted, figure)
        for name, counted in COUNTED.items()
    }


def _figure(counted: Counted, figure: int) -> int | Decimal:
    return Decimal(format_usd(figure)) if counted.quantity == "cost" else figure


def _put(counts: dict[str, int], name: str, value: object, place: str) -> None:
    if value is None:
        counts.pop(name, None)
    elif COUNTED[name].quantity == "cost":
        counts[name] = _pico(value, place)
    else:
        counts[name] = _whole(value, place)


def _whole(value: object, place: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST:
        return value
    if isinstance(value, Decimal) and value == value.to_integral_value() and 0 <= value <= MOST:
        return int(value)
    raise Unprocessable(f"'{place}' must be a whole number of at least 0, or null for no limit.", param=place)


def _pico(value: object, place: str) -> int:
    dollars = None
    if isinstance(value, str):
        dollars = Decimal(value) if _PLAIN.fullmatch(value) else None
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        dollars = Decimal(value)
    if dollars is None or not dollars.is_finite() or not 0 <= dollars <= MOST:
        raise Unprocessable(f"'{place}' must be a number of dollars of at least 0, or null for no limit.", param=place)
    try:
        pico = dollars.scaleb(12, _EXACT)
        whole = pico.to_integral_exact(context=_EXACT)
    except DecimalException:
        raise Unprocessable(f"'{place}' is finer than a trillionth of a dollar.", param=place) from None
    return int(whole)


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) and name for name in value):
        raise Unprocessable("'allowed_models' must be a list of model names, or null for all.", param="allowed_models")
    return tuple(value)
