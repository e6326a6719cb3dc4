"""The seam of counters: what was used and what is held, by user, key and model.

An engine keeps counters (`memory` does; one that several gateways share may follow). A request is let out by one call
that asks all of its limits and takes from all or from none, and ends by another. Times are milliseconds since the
epoch; amounts are requests, tokens and pico-dollars.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from msgspec import Struct

from tollkeeper.rules.admission import Demand
from tollkeeper.rules.limits import Limits

Scope = tuple[str, ...]
"""Whose counters: ("user", user_id), ("key", key_id), and both with a model behind."""


class Asked(Struct, frozen=True):
    """A request that wants to go out. `key_id` is the one its key is counted under. No key: then the user's limits are
    asked alone."""

    user_id: str
    key_id: str | None
    model: str
    user_limits: Limits
    key_limits: Limits
    demand: Demand


class Standing(Struct, frozen=True):
    """One limit as it stands. `clear_at`: when all that was used has left its window; None: never, or nothing was
    used."""

    name: str
    limit: int
    used: int
    held: int
    clear_at: int | None

    @property
    def left(self) -> int:
        """What is neither used nor held; less than 0 where the limit was lowered since."""
        return self.limit - self.used - self.held


class Taken(Protocol):
    """What one request took."""

    @property
    def allowance(self) -> int:
        """Tokens of output that it may have, over all of its choices."""


T = TypeVar("T", bound=Taken)


class Counters(Protocol[T]):
    async def admit(self, asked: Asked, at: int) -> T:
        """Take from all of the request's limits. Raises rules.admission.Refused, and has taken nothing then."""

    def settle(self, taken: T, tokens: int, cost: int, at: int) -> None:
        """The request ended: what it held is free, and what it used counts. Once for each."""

    def give_back(self, taken: T) -> None:
        """The request never went out: nothing of it counts."""

    def pace(self, taken: T, at: int) -> list[Standing]:
        """The limits of pace on requests and tokens that a request passed, as they stand."""

    def stand_of(self, scope: Scope, limits: Limits, at: int) -> list[Standing]:
        """The limits of a user or key, as they stand."""

    def begin(self, scope: Scope, names: frozenset[str]) -> frozenset[str]:
        """Count these limits from now on, what runs now included; the names of those that were not counted before."""

    def forget(self, scope: Scope, names: frozenset[str]) -> None:
        """Count these no longer: their past could not be read."""

    def add(self, scope: Scope, name: str, amount: int, at: int) -> None:
        """Count what was used before."""

    def adjust(self, scope: Scope, cost: int, at: int) -> None:
        """Count a correction of cost, which may be negative, of a user."""
