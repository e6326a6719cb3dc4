"""Means of what requests of a user and model use, learned as they end.

Requests are charged their mean when they are dispatched, never what they ask for (`max_tokens`), which says little.
"""

from __future__ import annotations

from collections import OrderedDict

DEFAULT_SERVICE = 1_000.0
"""Service of a request of which nothing is known: some 200 tokens of input and 400 of output."""
DEFAULT_HOLD = 5.0
"""Seconds for which a request of which nothing is known holds a slot."""
MOST = 10_000
"""Pairs of user and model that are kept; those known longest are forgotten first."""
MEMORY = 20
"""Requests after which older ones count little."""


class Mean:
    """Means of one user and model, which begin as those of the model. `count`: the requests that were learned from, as
    far as that matters."""

    __slots__ = ("_model", "count", "hold", "service")

    def __init__(self, model: Mean | None) -> None:
        self._model = model
        self.count = 0
        self.service: float = DEFAULT_SERVICE if model is None else model.service
        self.hold: float = DEFAULT_HOLD if model is None else model.hold

    def __repr__(self) -> str:
        return f"Mean({self.service:.0f} in {self.hold:.1f} s)"

    def note(self, service: float, hold: float) -> None:
        """Learn from a request: its service (`rules/fairness.py`), and the seconds for which it held a slot. The model
        learns from the first requests of each user."""
        if self.count < MEMORY:
            self.count += 1
            if self._model is not None:
                self._model.note(service, hold)
        count = self.count
        self.service += (service - self.service) / count
        self.hold += (hold - self.hold) / count


class Means:
    """The means of all users and models, bounded in number."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._models: OrderedDict[str, Mean] = OrderedDict()
        self._pairs: OrderedDict[tuple[str, str], Mean] = OrderedDict()

    def __repr__(self) -> str:
        return f"Means({len(self._pairs)} of {len(self._models)} models)"

    def of(self, user: str, model: str) -> Mean:
        """The means of this user and model."""
        key = user, model
        found = self._pairs.get(key)
        if found is not None:
            return found
        parent = self._models.get(model)
        if parent is None:
            parent = self._models[model] = Mean(None)
            if len(self._models) > self._most:
                self._models.popitem(last=False)
        found = self._pairs[key] = Mean(parent)
        if len(self._pairs) > self._most:
            self._pairs.popitem(last=False)
        return found
