"""Progress of a pull: what has arrived of each layer, at which rate, and the time left."""

from __future__ import annotations

from collections import deque

from msgspec import Struct

WINDOW = 10.0
"""Seconds that the rate is averaged over."""
_BETWEEN = 0.25
"""Seconds, at least, between two samples."""
MAX_LAYERS = 1000
"""The most layers of a model; further ones are not shown."""


class Layer(Struct, frozen=True):
    """A file of the model, by its digest. `total` and `completed` are bytes."""

    digest: str
    total: int
    completed: int


class PullProgress:
    """Progress of one pull at one upstream, as its stream tells of it. `status`: what it does, in its own words;
    `arrived`: bytes that have come since it began, beyond those that were there. Times are seconds of a monotonic
    clock. Layers become known one after the other, so the totals grow."""

    def __init__(self) -> None:
        self.status = ""
        self.arrived = 0
        self.layers: dict[str, Layer] = {}
        self._samples: deque[tuple[float, int]] = deque()

    def __repr__(self) -> str:
        return f"PullProgress({self.status!r}, {self.completed} of {self.total})"

    @property
    def total(self) -> int:
        return sum(layer.total for layer in self.layers.values())

    @property
    def completed(self) -> int:
        return sum(layer.completed for layer in self.layers.values())

    def note(self, status: str, digest: str, total: int, completed: int, now: float) -> None:
        """Note what the upstream tells. What is there of a layer when it is first told of was there before."""
        self.status = status
        if not digest or total <= 0 or (digest not in self.layers and len(self.layers) >= MAX_LAYERS):
            return
        before = self.layers.get(digest)
        layer = self.layers[digest] = Layer(digest, total, max(0, min(completed, total)))
        if before is not None:
            self.arrived += max(0, layer.completed - before.completed)
        if not self._samples or now - self._samples[-1][0] >= _BETWEEN:
            self._samples.append((now, self.arrived))
            while len(self._samples) > 2 and now - self._samples[1][0] >= WINDOW:
                self._samples.popleft()

    def pause(self) -> None:
        """Note that nothing arrives for a while: what follows is measured anew."""
        self._samples.clear()

    def rate(self) -> float | None:
        """Bytes per second; None: not known yet."""
        if len(self._samples) < 2:
            return None
        (first, before), (last, after) = self._samples[0], self._samples[-1]
        return (after - before) / (last - first)

    def seconds_left(self) -> float | None:
        """Seconds until the layers that are known have arrived at this rate; None: not known."""
        rate = self.rate()
        return (self.total - self.completed) / rate if rate else None
