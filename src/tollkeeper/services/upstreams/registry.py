"""Registry of upstreams, which may be added, replaced and removed while requests run.

A request keeps the upstream that it found for as long as it runs. One that has left the registry gets no new requests,
not even those that waited for it, and its connections are closed as the last requests end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from weakref import WeakSet

from msgspec import Struct, field
from msgspec.structs import replace

from tollkeeper.rules.errors import Conflict, NotFound
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.health import Health
from tollkeeper.services.upstreams.load import Load
from tollkeeper.services.upstreams.ports import Client


class Fault(Struct, frozen=True):
    """Why an upstream's models could not be listed. `message` is for everyone; `detail`, the cause, for the operator
    only."""

    message: str
    detail: str | None = None

    @property
    def reason(self) -> str:
        """The most that is known of it, for the operator."""
        return self.detail or self.message


NOT_ASKED = Fault("it has not been asked yet")


class Upstream(Struct, eq=False, weakref=True):
    """A registered upstream. `fault`: its models could not be listed the last time; None: they could. `version`: of its
    software, as its probe has told; empty: it has not."""

    config: UpstreamConfig
    client: Client
    fault: Fault | None = NOT_ASKED
    health: Health = field(default_factory=Health)
    load: Load = field(default_factory=Load)
    version: tuple[int, ...] = ()

    def serves(self, path: str) -> bool:
        """Whether it serves requests on this path of clients itself."""
        config = self.config
        return config.serves(path) or any(
            path == named and self.version >= since for named, since in config.kind.speaks_since
        )

    def paths(self) -> list[str]:
        """The paths of clients that it serves itself."""
        config, since = self.config, self.config.kind.speaks_since
        later = (path for path, version in since if self.version >= version)
        return [*dict.fromkeys((*config.kind.speaks, *later, *config.speaks))]


class Registry:
    """Upstreams in the order in which they were added. `connect` makes the client of one. Call `close` at the end."""

    def __init__(self, connect: Callable[[UpstreamConfig], Client]) -> None:
        self._connect = connect
        self._upstreams: dict[str, Upstream] = {}
        self._former: dict[str, WeakSet[Upstream]] = {}
        """What was replaced, by id: requests may still wait for it."""
        self._retired: WeakSet[Client] = WeakSet()
        """Clients of former upstreams that requests may still hold; dropped when none does."""
        self.on_change: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"Registry({', '.join(self._upstreams)})"

    def __iter__(self) -> Iterator[Upstream]:
        return iter(tuple(self._upstreams.values()))

    def active(self) -> list[Upstream]:
        """Those that get requests; others are draining or disabled."""
        return [upstream for upstream in self if upstream.config.state == "active"]

    def enabled(self) -> list[Upstream]:
        """Those that are in use: active or draining."""
        return [upstream for upstream in self if upstream.config.state != "disabled"]

    def get(self, upstream_id: str) -> Upstream:
        """Raises NotFound."""
        upstream = self._upstreams.get(upstream_id)
        if upstream is None:
            raise NotFound(
                f"There is no upstream '{upstream_id[:100]}'. GET /admin/upstreams lists those there are.", param="id"
            )
        return upstream

    def managed(self) -> list[Upstream]:
        """Those in use whose models are ours to change."""
        return [upstream for upstream in self.enabled() if upstream.config.kind.managed_by is not None]

    def faults(self) -> dict[str, str | None]:
        """What is wrong with each active upstream, by id, in words for everyone; None where nothing is."""
        return {each.config.id: None if each.fault is None else each.fault.message for each in self.active()}

    def add(self, config: UpstreamConfig) -> Upstream:
        """Add an upstream. Raises Conflict where the id is taken."""
        if config.id in self._upstreams:
            raise Conflict(f"There is an upstream '{config.id}' already. Choose another id.", param="id")
        return self._put(Upstream(config, self._connect(config)))

    def replace(self, config: UpstreamConfig) -> Upstream:
        """Replace the upstream of the same id. Its health begins anew; requests that it runs at the same address still
        count. Raises NotFound where there is none."""
        old = self.get(config.id)
        load = old.load if old.config.base_url == config.base_url else Load()
        upstream = Upstream(config, self._connect(config), load=load)
        self._retire(old)
        # Requests that wait for a former one are served by the new one, and look again when its change is told.
        former = self._former.setdefault(config.id, WeakSet())
        former.add(old)
        for each in former:
            each.config, each.client, each.health = upstream.config, upstream.client, upstream.health
            each.load = upstream.load
        return self._put(upstream)

    def remove(self, upstream_id: str) -> None:
        """Remove an upstream; requests that wait for it may no longer go there. Raises NotFound where there is none."""
        removed = self.get(upstream_id)
        self._retire(removed)
        del self._upstreams[upstream_id]
        for each in (removed, *self._former.pop(upstream_id, ())):
            each.config = replace(each.config, state="disabled")
        self._changed()

    async def close(self) -> None:
        """Abort all requests, and close every connection."""
        for client in (*(upstream.client for upstream in self), *self._retired):
            await client.close()

    def _put(self, upstream: Upstream) -> Upstream:
        self._upstreams[upstream.config.id] = upstream
        self._changed()
        return upstream

    def _retire(self, upstream: Upstream) -> None:
        self._retired.add(upstream.client)
        upstream.client.retire()

    def _changed(self) -> None:
        for listener in self.on_change:
            listener()
