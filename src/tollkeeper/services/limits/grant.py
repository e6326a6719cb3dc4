"""An admitted request: what it may use, and how its reservation ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from tollkeeper.rules.admission import BUDGET_TOKENS, COST, Demand
from tollkeeper.rules.limits import COUNTED
from tollkeeper.rules.token_ratio import TokenRatio
from tollkeeper.rules.usage import Usage
from tollkeeper.services.models.offers import Offer
from tollkeeper.store.ports.counters import Counters, LimitStatus
from tollkeeper.wire.request import ModelRequest


class Grant(Struct, eq=False):
    """An admitted request's reservation. Leaving its `with` block gives it back, unless a dispatched request has taken
    it over.

    `offers`: those of which one may serve it, in their order: all others were refused. `max_tokens`: the output cap to
    send in place of the client's; None: the client's stays. `ahead`: milliseconds by which the counters' clock is
    ahead of this process's.
    """

    _counters: Counters[Any]
    _reservation: Any
    offers: tuple[Offer, ...]
    _ratios: Mapping[str, TokenRatio]
    _request: ModelRequest
    _demand: Demand
    _image: int
    max_tokens: int | None
    ahead: int = 0
    taken_over: bool = False

    def __repr__(self) -> str:
        return f"Grant({self._reservation!r}, max_tokens={self.max_tokens})"

    def __enter__(self) -> Grant:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.taken_over:
            self.give_back()

    @property
    def at(self) -> int:
        """Time of admission by the counters' clock, in milliseconds since the epoch."""
        at: int = self._reservation.at
        return at

    @property
    def bound(self) -> tuple[int, int] | None:
        """Tokens and pico-dollars reserved from budgets; None: no budget applies."""
        if not self._demand.budget_input:
            return None
        amounts = self._demand.amounts(self._reservation.allowance)
        return amounts[BUDGET_TOKENS], amounts[COST]

    @property
    def allowance(self) -> int | None:
        """Output tokens that the request as sent allows, over all of its choices; None: it sets no cap."""
        each = self._request.output_cap if self.max_tokens is None else self.max_tokens
        return None if each is None or not self._request.generates else each * self._request.choices

    @property
    def pace(self) -> list[tuple[str, LimitStatus]]:
        """The tightest rate limit on requests and the tightest on tokens, by quantity ("requests", "tokens"), as they
        were at admission."""
        statuses: Sequence[LimitStatus] = self._reservation.pace
        if len(statuses) == 1:
            return [(COUNTED[statuses[0].name].quantity, statuses[0])]
        tightest: dict[str, LimitStatus] = {}
        for status in statuses:
            quantity = COUNTED[status.name].quantity
            if quantity not in tightest or status.margin < tightest[quantity].margin:
                tightest[quantity] = status
        return list(tightest.items())

    def give_back(self) -> None:
        """Undo the reservation of a request that was never sent."""
        self._counters.give_back(self._reservation)

    def settle(self, model: str, usage: Usage, cost: int, at: int) -> None:
        """Replace the reservation by what the request used of the model that served it."""
        self._counters.settle(self._reservation, model, usage.total_tokens, cost, at)
        if not usage.estimated and not self._request.images:
            self._ratios[model].note(usage.prompt_tokens, self._request.text_bytes)

    def estimate(self, model: str) -> int:
        """Estimated input tokens of a model on an upstream that reports none; never more than budgets have reserved."""
        request = self._request
        mean = self._ratios[model].mean(request.text_bytes) + len(request.images) * self._image
        # After short requests the mean is mostly the template's overhead, which is too much for a long request.
        return min(mean, self._demand.budget_input) if self._demand.budget_input else mean
