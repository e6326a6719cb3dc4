"""The limits object: ceilings on requests, tokens and cost over spans of time, on concurrency, and on one request.

Values are integers: requests, tokens, and pico-dollars for cost. None is no limit; 0 blocks.
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
"""Raises Inexact instead of rounding: the tiniest value is not 0."""
MOST = 10**15
"""The largest count of requests or tokens, and of dollars, that a limit may name."""
MOST_OF_ALL = 10**30
MOST_MODELS = 100
"""Models that may have limits of their own in one limits object: each has counters, which are read at the start."""
MOST_ALLOWED = 1000
"""Models that `allowed_models` may name."""
MODEL = r"[^\s*]{1,255}"
"""Pattern of the names of models in a limits object."""
_MODEL = re.compile(MODEL)


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

MOST_WEIGHT = 100
MOST_ALERTS = 10
"""Percentages of budgets that one limits object may name for alerts."""

CONCURRENCY = "max_concurrent_requests"
CHECKED_LIMITS: dict[str, Counted] = COUNTED | {CONCURRENCY: Counted("running", "now")}
"""Every limit that admission checks."""


class Limits(Struct, frozen=True):
    """The limits of one owner. `counts`: those over a span of time, by name. `models`: the same for single models, by
    canonical name. `allowed_models`: None is all, empty is none. `queue_weight`: the share of the line, which is no
    ceiling; None: 1. `alerts`: percentages of its budgets at which to report their use, ascending; None: the
    installation's."""

    counts: dict[str, int] = {}
    max_concurrent_requests: int | None = None
    max_tokens_per_request: int | None = None
    allowed_models: tuple[str, ...] | None = None
    queue_weight: int | None = None
    models: dict[str, dict[str, int]] = {}
    alerts: tuple[int, ...] | None = None

    def merged(self, change: Mapping[str, Any]) -> Limits:
        """These limits with a change applied: a value sets, None clears, absent ones stay; `models` merges one level.
        Values are int, Decimal or decimal text. Raises Unprocessable, which names the field."""
        plain: dict[str, Any] = {}
        counts = dict(self.counts)
        for name, value in change.items():
            if name in COUNTED:
                _put(counts, name, value, name)
            elif name in ("max_concurrent_requests", "max_tokens_per_request"):
                plain[name] = None if value is None else _whole(value, name)
            elif name == "queue_weight":
                plain[name] = None if value is None else _weight(value)
            elif name == "allowed_models":
                plain[name] = None if value is None else _names(value)
            elif name == "alerts":
                plain[name] = None if value is None else percentages(value)
            elif name == "models":
                plain[name] = self._merged_models(value)
            else:
                raise Unprocessable(f"There is no limit '{name}'. See docs/limits.md for those there are.", param=name)
        return replace(self, counts=counts, **plain)

    def of_model(self, model: str) -> dict[str, int]:
        """The limits over time on one model, by canonical name. A limit may leave out the tag `:latest`; of one with
        and one without it the smaller applies."""
        own, untagged = self.models.get(model, {}), self.models.get(model.removesuffix(":latest"), {})
        return {name: min(own.get(name, MOST_OF_ALL), untagged.get(name, MOST_OF_ALL)) for name in own | untagged}

    def checked_limits(self) -> dict[str, int]:
        """The limits that admission checks for a request of any model, by name in `CHECKED_LIMITS`."""
        if self.max_concurrent_requests is None:
            return self.counts
        return {CONCURRENCY: self.max_concurrent_requests, **self.counts}

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
            _check_name(model, "models")
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
        # An object that an earlier version let grow larger may shrink.
        _check_count(len(models), max(MOST_MODELS, len(self.models)), MOST_MODELS, "models")
        return models

    @property
    def figures(self) -> int:
        """How much there is of it: numbers, and names of models."""
        own = sum(1 + len(counts) for counts in self.models.values())
        return len(self.counts) + len(self.allowed_models or ()) + own

    def body(self) -> dict[str, Any]:
        """The limits as the API shows them: every field; cost as exact decimal text."""
        return {
            **_shown(self.counts),
            "max_concurrent_requests": self.max_concurrent_requests,
            "max_tokens_per_request": self.max_tokens_per_request,
            "queue_weight": self.queue_weight,
            "allowed_models": None if self.allowed_models is None else list(self.allowed_models),
            "alerts": None if self.alerts is None else list(self.alerts),
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
    whole = _as_whole(value)
    if whole is not None and 0 <= whole <= MOST:
        return whole
    raise Unprocessable(f"'{place}' must be a whole number from 0 to {MOST:,}, or null for no limit.", param=place)


def _as_whole(value: object) -> int | None:
    """A number of at most twice as many digits as any limit has, if it is a whole one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, Decimal) and value.is_finite() and abs(value) <= MOST_OF_ALL and value == int(value):
        return int(value)
    return None


def _weight(value: object) -> int:
    weight = _as_whole(value)
    if weight is None or not 1 <= weight <= MOST_WEIGHT:
        raise Unprocessable(
            f"'queue_weight' must be a whole number from 1 to {MOST_WEIGHT}, or null for 1.", param="queue_weight"
        )
    return weight


def percentages(value: object, field: str = "alerts") -> tuple[int, ...]:
    """Percentages at which to report the use of budgets, ascending and each once. Raises Unprocessable."""
    error = f"'{field}' must be a list of at most {MOST_ALERTS} whole percentages from 1 to 100; [] is no alert."
    if not isinstance(value, list | tuple) or len(value) > MOST_ALERTS:
        raise Unprocessable(error, param=field)
    found = set()
    for each in value:
        if not isinstance(each, int) or isinstance(each, bool) or not 1 <= each <= 100:
            raise Unprocessable(error, param=field)
        found.add(each)
    return tuple(sorted(found))


def _pico(value: object, place: str) -> int:
    dollars = None
    if isinstance(value, str):
        dollars = Decimal(value) if _PLAIN.fullmatch(value) else None
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        dollars = Decimal(value)
    if dollars is None or not dollars.is_finite() or not 0 <= dollars <= MOST:
        raise Unprocessable(
            f"'{place}' must be a number of dollars from 0 to {MOST:,}, or null for no limit.", param=place
        )
    try:
        pico = dollars.scaleb(12, _EXACT)
        whole = pico.to_integral_exact(context=_EXACT)
    except DecimalException:
        raise Unprocessable(f"'{place}' is finer than a trillionth of a dollar.", param=place) from None
    return int(whole)


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) and name for name in value):
        raise Unprocessable("'allowed_models' must be a list of model names, or null for all.", param="allowed_models")
    _check_count(len(value), MOST_ALLOWED, MOST_ALLOWED, "allowed_models")
    for name in value:
        _check_name(name, "allowed_models")
    return tuple(value)


def _check_count(count: int, bound: int, most: int, field: str) -> None:
    if count > bound:
        raise Unprocessable(f"'{field}' may name at most {most} models, not {count}. Name fewer.", param=field)


def _check_name(name: str, field: str) -> None:
    if not _MODEL.fullmatch(name):
        raise Unprocessable(f"'{field}' must name models: 1 to 255 characters, no spaces and no *.", param=field)
