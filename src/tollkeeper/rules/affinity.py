"""Affinity: which upstream served a conversation last. Its prompt cache may still hold the conversation."""

from __future__ import annotations

from collections import OrderedDict

MOST = 10_000
"""Conversations that are remembered; the one that was served longest ago is forgotten first."""
KEPT = 3600.0
"""Seconds for which a conversation is remembered after it was served."""


class Affinity:
    """The upstreams of conversations, by model and the conversation's key. `now` is in seconds of any clock that does
    not go back."""

    def __init__(self, most: int = MOST, kept: float = KEPT) -> None:
        self._most = most
        self._kept = kept
        self._served: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()
        """The upstream, and when it served: oldest first."""

    def __len__(self) -> int:
        return len(self._served)

    def __repr__(self) -> str:
        return f"Affinity({len(self)} conversations)"

    def upstream(self, model: str, key: str, now: float) -> str | None:
        """The id of the upstream that served a conversation last; None where none is remembered."""
        found = self._served.get((model, key))
        return None if found is None or self._is_over(found[1], now) else found[0]

    def served(self, model: str, key: str, upstream: str, now: float) -> None:
        """Remember that an upstream serves a conversation."""
        self._served[model, key] = (upstream, now)
        self._served.move_to_end((model, key))
        while len(self._served) > self._most or self._is_over(next(iter(self._served.values()))[1], now):
            self._served.popitem(last=False)

    def _is_over(self, served_at: float, now: float) -> bool:
        return now - served_at >= self._kept
