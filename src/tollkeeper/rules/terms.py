"""The terms of a request: the limits of its owners that apply to requests for one model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from msgspec import Struct

from tollkeeper.rules.limits import COUNTED
from tollkeeper.rules.owners import KEY, Owner, Owners, Scope

_BOUNDED = frozenset(name for name, counted in COUNTED.items() if counted.quantity != "requests")
"""The limits for which the length of a request and its response matters."""
_BUDGETS = frozenset(name for name in _BOUNDED if COUNTED[name].is_budget)
_TOKEN_BUDGETS = frozenset(name for name in _BUDGETS if COUNTED[name].quantity == "tokens")
_COSTS = frozenset(name for name, counted in COUNTED.items() if counted.quantity == "cost")


class Ceiling(NamedTuple):
    """One limit that a request must pass: its name in `CHECKED_LIMITS`, its scope and its value."""

    name: str
    scope: Scope
    limit: int


class Terms(Struct, eq=False):
    """The terms of all requests of the same owners for the same model, or for the same models of which one will serve.
    Immutable: new limits make new owners, which have new terms.

    `allowed`: whether the model may be used. `trusted`: whether it may be used where it costs money: an admin has set a
    limit on cost, or allowed it by name. A key's limits do not count for that, since users set those themselves.
    `bounded`: whether the length of a request and its response matters; `budgets`: whether a budget of tokens or
    money is at stake, `counts_tokens`: whether one of tokens is. `cap`: the most output tokens of one request; None: no
    bound. `scopes`: everywhere that the request is counted, limited or not: for each owner its own scope, then those of
    the models. `ceilings`: the limits it must pass. `models`: all of them, where there are several; else none.

    `prepared` belongs to the engine of the counters, which may cache there what it derived from these terms.
    """

    owners: Owners
    model: str
    allowed: bool
    trusted: bool
    bounded: bool
    budgets: bool
    counts_tokens: bool
    cap: int | None
    scopes: tuple[Scope, ...]
    ceilings: tuple[Ceiling, ...]
    models: tuple[str, ...] = ()
    prepared: Any = None

    def __repr__(self) -> str:
        return f"Terms({self.owners!r}, {self.model!r}, {len(self.ceilings)} limits)"


def terms_of(owners: Owners, *models: str) -> Terms:
    """The terms for a model, by its canonical name, or for several of which one will serve: then every limit on any of
    them must be passed."""
    ceilings = tuple(ceiling for owner in owners for ceiling in _ceilings(owner, models))
    names = {ceiling.name for ceiling in ceilings}
    limits = [owner.limits for owner in owners]
    return Terms(
        owners,
        models[0],
        allowed=all(of_owner.allows(model) for of_owner in limits for model in models),
        trusted=any(owner.kind is not KEY and _trusts(owner, models) for owner in owners),
        bounded=not names.isdisjoint(_BOUNDED),
        budgets=not names.isdisjoint(_BUDGETS),
        counts_tokens=not names.isdisjoint(_TOKEN_BUDGETS),
        cap=min((most for of_owner in limits if (most := of_owner.max_tokens_per_request) is not None), default=None),
        scopes=tuple(
            scope for owner in owners for scope in (owner.scope, *((*owner.scope, model) for model in models))
        ),
        ceilings=ceilings,
        models=models if len(models) > 1 else (),
    )


def _trusts(owner: Owner, models: tuple[str, ...]) -> bool:
    """Whether an owner's limits bound the cost of these models, or name them among those allowed."""
    names = {ceiling.name for ceiling in _ceilings(owner, models)}
    return owner.limits.allowed_models is not None or not names.isdisjoint(_COSTS)


def _ceilings(owner: Owner, models: tuple[str, ...]) -> Iterator[Ceiling]:
    for name, limit in owner.limits.checked_limits().items():
        yield Ceiling(name, owner.scope, limit)
    for model in models:
        for name, limit in owner.limits.of_model(model).items():
            yield Ceiling(name, (*owner.scope, model), limit)
