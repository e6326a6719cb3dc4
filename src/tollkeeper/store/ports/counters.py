"""The seam of counters: what was used and what is held, by owner of limits and model.

An engine keeps the counters: in this process (`memory`), or on a server that several gateways share. So every read is
awaited, and one call admits a request: it checks all of its limits, reserves from all or from none, and returns
everything that responses say about the request's limits.

Calls take effect in the order in which they are made, wherever the engine is. Methods without a result are delivered
exactly once, in that order, and never wait. A caller that is cancelled before `admit` or `begin` has returned leaves
nothing behind: the engine undoes what they did.

Times are milliseconds since the epoch; amounts are requests, tokens and pico-dollars.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from msgspec import Struct

from tollkeeper.rules.admission import Demand
from tollkeeper.rules.owners import Scope
from tollkeeper.rules.terms import Terms

Names = Mapping[str, frozenset[str]]
"""Names of limits by the model that they are on; "" for all models."""


ScopeLimits = tuple[Scope, Mapping[str, int]]
"""A scope, and the values of limits in it, by name."""


class AdmissionRequest(Struct, frozen=True):
    """A request for admission: its terms, and the most that it may use."""

    terms: Terms
    demand: Demand


class LimitStatus(Struct, frozen=True):
    """The status of one limit at one moment. Amounts are requests, tokens or pico-dollars, as in `Limits`.

    `name` is that in `CHECKED_LIMITS`. `used` is what its window counts, `reserved` what running requests hold.
    `resets_at` is when all that was used will have left the window; None: never, or nothing was used.
    """

    name: str
    limit: int
    used: int
    reserved: int
    resets_at: int | None

    @property
    def margin(self) -> int:
        """What is neither used nor reserved; negative where the limit was lowered."""
        return self.limit - self.used - self.reserved

    @property
    def remaining(self) -> int:
        """What is left of the limit, at least 0."""
        return max(0, self.margin)


class PastUse(NamedTuple):
    """Usage from before a counter began."""

    scope: Scope
    name: str
    amount: int
    at: int


class Reservation(Protocol):
    """What one admitted request has reserved."""

    @property
    def at(self) -> int:
        """The moment of its admission by the engine's clock."""

    @property
    def allowance(self) -> int:
        """Tokens of output that it may use, over all of its choices."""

    @property
    def pace(self) -> Sequence[LimitStatus]:
        """Its pace limits on requests and tokens, right after its reservation."""


R = TypeVar("R", bound=Reservation)


class Counters(Protocol[R]):
    async def admit(self, request: AdmissionRequest, at: int) -> R:
        """Reserve from all limits of a request. Raises rules.admission.Refused, and then has reserved nothing. `at` is
        the moment by this process's clock; an engine with its own clock uses that, and returns its moment."""

    def settle(self, reservation: R, model: str, tokens: int, cost: int, at: int) -> None:
        """Release a reservation and count what its request used, at the model that served it: nothing of it counts at
        the other models of its terms. Once for each."""

    def give_back(self, reservation: R) -> None:
        """Release a reservation whose request was never sent: nothing of it counts. Once for each, instead of
        `settle`."""

    async def status(self, limits: Iterable[ScopeLimits], at: int) -> Sequence[Sequence[LimitStatus]]:
        """The status of limits at a moment: for each scope that of each limit, in the given order."""

    def begin(self, names: Mapping[Scope, Names]) -> Awaitable[Mapping[Scope, Names]]:
        """Count these limits, by owner, from this call on, running requests included. Returns those that were not
        counted before, for owners that have any. `names` must not change afterwards."""

    async def add(self, past: Iterable[PastUse]) -> None:
        """Count past usage."""

    def forget(self, names: Mapping[Scope, Names]) -> None:
        """Stop counting these limits, by owner: their past could not be read."""

    def drop(self, owner: Scope) -> None:
        """Stop counting anything of an owner."""

    def adjust(self, owner: Scope, cost: int, at: int) -> None:
        """Add a correction to the counted cost of an owner; it may be negative."""
