"""Load of one upstream: the requests that run there, and the models that it has in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.listings import LoadedModel


class Load:
    """`running`: requests that hold a slot; `running_by_model`: the same, by model, without zeros. `loaded`: the models
    in the upstream's memory; None: its kind does not show, or has all of them at hand. `loading`: those that a request
    has it load, which has not been answered yet; `load_times`: the seconds until the last answer to such a request
    began, by model. `outdated` is set when a model has been loaded, in whose place others may have gone.
    `memory`: what the upstream has last said of the models in its memory, by canonical name.
    """

    __slots__ = ("load_times", "loaded", "loading", "memory", "outdated", "running", "running_by_model")

    def __init__(self) -> None:
        self.running = 0
        self.running_by_model: dict[str, int] = {}
        self.loaded: frozenset[str] | None = None
        self.loading: set[str] = set()
        self.load_times: dict[str, float] = {}
        self.outdated = asyncio.Event()
        self.memory: Mapping[str, LoadedModel] = {}

    def __repr__(self) -> str:
        return f"Load({self.running} running, {self.running_by_model}, loaded={self.loaded})"

    def take_room(self, config: UpstreamConfig, model: str) -> bool:
        """Take a slot for a request of this model, if there is a free one. Returns whether there was."""
        most = config.kind.slots if config.slots is None else config.slots
        if (most and self.running >= most) or (config.model_slots and not self.room(config, model)):
            return False
        self.take(model)
        return True

    def room(self, config: UpstreamConfig, model: str) -> bool:
        """Whether there is a free slot for a request of this model."""
        most = config.most_running
        if most and self.running >= most:
            return False
        return not config.model_slots or self.running_by_model.get(model, 0) < config.model_slots

    def take(self, model: str) -> None:
        """Take a slot. The model counts as loaded from now on, and where it is not yet, others only while they run:
        it may push any of the rest out."""
        self.running += 1
        self.running_by_model[model] = self.running_by_model.get(model, 0) + 1
        if self.loaded is not None and model not in self.loaded:
            self.loaded = frozenset(self.running_by_model)
            self.loading.add(model)

    def answered(self, model: str, seconds: float | None) -> None:
        """Note that the response to a request of this model began, so many seconds after it was sent; None: it began
        when the whole answer was there, which says nothing of how long it took to load."""
        if model in self.loading:
            if seconds is not None:
                self.load_times[model] = seconds
            self._loaded(model)

    def loads_another(self, model: str) -> bool:
        """Whether a model other than this one is being loaded."""
        return len(self.loading) > (model in self.loading)

    def release(self, model: str) -> None:
        """Give a slot back."""
        self.running -= 1
        left = self.running_by_model[model] - 1
        if left:
            self.running_by_model[model] = left
        else:
            del self.running_by_model[model]
            if model in self.loading:
                self._loaded(model)

    def _loaded(self, model: str) -> None:
        self.loading.remove(model)
        self.outdated.set()
