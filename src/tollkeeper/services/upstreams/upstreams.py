"""Upstreams as admins manage them: kept in the database, and in step with the registry."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypedDict

from msgspec.structs import replace

from tollkeeper.rules.errors import Conflict, NotFound, Unprocessable
from tollkeeper.rules.kinds import OLLAMA, Kind
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.audit.change_queue import ChangeQueue
from tollkeeper.services.keyring.master_key import MasterKey, Unopenable
from tollkeeper.services.upstreams.checks import (
    check_ca_file,
    check_header,
    check_probe_every,
    check_secret,
    check_sign_in,
    check_url,
)
from tollkeeper.services.upstreams.config import CostSource, Secret, TimeoutOverrides, UpstreamConfig, UpstreamState
from tollkeeper.services.upstreams.registry import Registry, Upstream
from tollkeeper.services.upstreams.stored import (
    from_stored,
    join_userinfo,
    origin,
    plain_settings,
    split_userinfo,
    to_stored,
    without_secrets,
)
from tollkeeper.store.ports.installation import Installation
from tollkeeper.store.ports.upstreams import UpstreamStore

log = logging.getLogger("tollkeeper.upstreams")

DEFAULT_ID = "default"
"""The upstream that the setting `ollama_base_url` makes."""
DRAINED = Actor("@drained")
ENVIRONMENT = Actor("@environment")
_SEEN = "ollama_base_url_seen"


class UpstreamChanges(TypedDict, total=False):
    """What an admin sets of an upstream; what is absent stays as it is. See UpstreamConfig for each.

    `base_url` None: the address of its kind. `headers` are all of its headers; None: the value that it has.
    """

    kind: Kind
    base_url: str | None
    models: tuple[str, ...] | None
    secret: Secret | None
    headers: Mapping[str, Secret | None]
    ca_file: str | None
    timeouts: TimeoutOverrides
    model_timeouts: Mapping[str, TimeoutOverrides]
    probe_every: float
    speaks: tuple[str, ...]
    cloud: bool
    state: UpstreamState
    priority: int
    weight: int
    slots: int | None
    model_slots: int
    spill_after: float | None
    paid: bool | None
    open: bool
    budget_per_day: int | None
    budget_per_month: int | None
    cost_source: CostSource | None


class Upstreams:
    """The upstreams of the registry, changed by admins. `now` is milliseconds since the epoch; `in_flight` counts the
    requests of an upstream that are under way. Call `load` once, at the start."""

    def __init__(
        self,
        store: UpstreamStore,
        registry: Registry,
        key: MasterKey,
        now: Callable[[], int],
        in_flight: Callable[[str], int],
    ) -> None:
        self._store = store
        self._registry = registry
        self._key = key
        self._now = now
        self._in_flight = in_flight
        self.on_save: list[Callable[[], Awaitable[None]]] = []
        """Awaited after an upstream was added or changed, apart from the request that did it."""
        self._following: set[asyncio.Task[None]] = set()
        self._changes = ChangeQueue()

    def __repr__(self) -> str:
        return f"Upstreams({self._registry!r})"

    async def load(self) -> None:
        """Put those of the database into the registry. Raises StoreError."""
        for row in await self._store.load():
            try:
                config = from_stored(row, self._key)
            except Unopenable:
                log.warning(
                    "the secrets of the upstream %s do not open, since its row was changed outside of Tollkeeper: it is"
                    " disabled until they are set anew",
                    row.id,
                )
                config = replace(without_secrets(row), state="disabled")
            self._registry.add(config)

    async def follow_setting(self, base_url: str, installation: Installation, digest: Callable[[str], bytes]) -> None:
        """Give the upstream `default` the address of the setting, where the setting has changed since the last start;
        else what admins made of it stays. `digest` hides the password that the address may have."""
        seen = digest(f"\0ollama_base_url {base_url}")
        if await installation.value(_SEEN) == seen:
            return
        found = self._find(DEFAULT_ID)
        if found is None:
            await self._put(None, UpstreamConfig(DEFAULT_ID, OLLAMA, base_url), ENVIRONMENT)
        else:
            old = found.config
            await self._put(old, replace(_moved(old, base_url), kind=OLLAMA, base_url=base_url), ENVIRONMENT)
        await installation.set_value(_SEEN, seen)

    def get(self, upstream_id: str) -> Upstream:
        """Raises NotFound."""
        found = self._find(upstream_id)
        if found is None:
            raise NotFound(f"There is no upstream '{upstream_id}'. GET /admin/upstreams lists those there are.")
        return found

    async def draft(self, upstream_id: str, changes: UpstreamChanges) -> UpstreamConfig:
        """The configuration that `changes` would make, of the upstream with this id or of a new one, without saving
        it. Raises Unprocessable."""
        found = self._find(upstream_id)
        return await (_new(upstream_id, changes) if found is None else _changed(found.config, changes))

    async def add(self, upstream_id: str, changes: UpstreamChanges, by: Actor) -> Upstream:
        """Add an upstream. Raises Conflict where the id is taken, Unprocessable."""

        async def change() -> Upstream:
            taken = next((each.config.id for each in self._registry if _same(each.config.id, upstream_id)), None)
            if taken is not None:
                raise Conflict(f"There is an upstream '{taken}' already. Choose another id.", param="id")
            return await self._put(None, await _new(upstream_id, changes), by)

        return await self._changes.run(change)

    async def change(self, upstream_id: str, changes: UpstreamChanges, by: Actor) -> Upstream:
        """Change an upstream, from the next request on; its breaker and its rests begin anew. Another origin of its
        address clears its secret and headers, unless they are given too. Raises NotFound, Unprocessable."""

        async def change() -> Upstream:
            old = self.get(upstream_id)
            new = await _changed(old.config, changes)
            return await self._put(old.config, new, by)

        return await self._changes.run(change)

    async def remove(self, upstream_id: str, by: Actor) -> None:
        """Remove an upstream; requests that it runs go on, and those that wait for it go elsewhere. Raises NotFound."""

        async def change() -> None:
            config = self.get(upstream_id).config
            await self._store.delete(config.id, by.entry(self._now(), "upstream.delete", config.id))
            self._registry.remove(config.id)

        await self._changes.run(change)

    async def finish_drains(self) -> None:
        """Disable those that are draining and have no request under way. Raises StoreError."""
        for upstream in self._registry:
            if self._is_drained(upstream.config):
                await self._changes.run(partial(self._finish_drain, upstream.config.id))

    async def _finish_drain(self, upstream_id: str) -> None:
        found = self._find(upstream_id)
        if found is not None and self._is_drained(found.config):  # an admin may have changed or removed it just before
            await self._put(found.config, replace(found.config, state="disabled"), DRAINED)

    def _is_drained(self, config: UpstreamConfig) -> bool:
        return config.state == "draining" and not self._in_flight(config.id)

    def _find(self, upstream_id: str) -> Upstream | None:
        return next((each for each in self._registry if each.config.id == upstream_id), None)

    async def _put(self, old: UpstreamConfig | None, new: UpstreamConfig, by: Actor) -> Upstream:
        """Save, then apply."""
        action = "upstream.create" if old is None else "upstream.update"
        await self._store.save(to_stored(new, self._key), by.entry(self._now(), action, new.id, _audited(old, new)))
        upstream = self._registry.add(new) if old is None else self._registry.replace(new)
        if self.on_save and new.state == "active":
            task = asyncio.create_task(self._follow())
            self._following.add(task)
            task.add_done_callback(self._following.discard)
        return upstream

    async def _follow(self) -> None:
        try:
            for follow in self.on_save:
                await follow()
        except Exception:
            log.exception("what follows a change of an upstream failed")


async def _new(upstream_id: str, changes: UpstreamChanges) -> UpstreamConfig:
    kind = changes.get("kind")
    if kind is None:
        raise Unprocessable("'kind' must be given.", param="kind")
    return await _changed(UpstreamConfig(upstream_id, kind, ""), {"base_url": None, **changes})


async def _changed(old: UpstreamConfig, changes: UpstreamChanges) -> UpstreamConfig:
    kind = changes.get("kind", old.kind)
    base_url, kept = old.base_url, old
    if "base_url" in changes:
        given = changes["base_url"] or kind.default_url
        if given is None:
            raise Unprocessable(f"'base_url' must be given: there is no usual one of {kind.name}.", param="base_url")
        base_url = check_url(given)
        kept = _moved(old, base_url)
        base_url = join_userinfo(base_url, split_userinfo(kept.base_url)[1])
    secret = kept.secret
    if "secret" in changes:
        secret = changes["secret"]
        base_url, _ = split_userinfo(base_url)
        if secret is not None:
            check_secret(secret)
    headers = _headers(kept, changes["headers"]) if "headers" in changes else kept.headers
    check_sign_in(kind, secret, headers)
    check_probe_every(changes.get("probe_every", 0.0))
    ca_file = changes.get("ca_file")
    if ca_file is not None:
        await asyncio.to_thread(check_ca_file, ca_file)
    rest = {name: value for name, value in changes.items() if name not in {"kind", "base_url", "secret", "headers"}}
    return replace(kept, kind=kind, base_url=base_url, secret=secret, headers=headers, **rest)


def _headers(old: UpstreamConfig, given: Mapping[str, Secret | None]) -> tuple[tuple[str, Secret], ...]:
    known = dict(old.headers)
    found: dict[str, Secret] = {}
    for spelt, value in given.items():
        name = spelt.lower()
        chosen = known.get(name) if value is None else value
        if chosen is None:
            raise Unprocessable(f"The header '{name}' has no value here yet. Give one.", param=f"headers.{spelt}")
        if name in found:
            raise Unprocessable(f"The header '{name}' is given twice. Leave one out.", param=f"headers.{spelt}")
        check_header(name, chosen)
        found[name] = chosen
    return tuple(found.items())


def _moved(old: UpstreamConfig, base_url: str) -> UpstreamConfig:
    """What is left of an upstream at this address: its secrets stay with the origin that they were given for."""
    if old.base_url and origin(old.base_url) == origin(base_url):
        return old
    return replace(old, base_url=base_url, secret=None, headers=())


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()


def _audited(old: UpstreamConfig | None, new: UpstreamConfig) -> dict[str, object]:
    """What changed, without secrets."""
    after = plain_settings(new)
    before = {} if old is None else plain_settings(old)
    detail: dict[str, object] = {name: value for name, value in after.items() if before.get(name) != value}
    detail |= {name: None for name in before if name not in after}  # back at its default
    if new.secret != (old.secret if old else None):
        detail["secret"] = "set" if new.secret else "cleared"
    if new.headers != (old.headers if old else ()):
        detail["headers"] = [name for name, _ in new.headers]
    return detail
