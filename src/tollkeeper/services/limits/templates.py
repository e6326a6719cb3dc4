"""Limit templates: named sets of limits, which users get copies of. A later change to a template changes no user."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from tollkeeper.rules.errors import Conflict, NotFound
from tollkeeper.rules.limits import NO_LIMITS
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.audit.change_queue import ChangeQueue
from tollkeeper.services.limits.changes import LimitsChange, audited_limits, merged
from tollkeeper.store.ports.limit_templates import LimitTemplate, LimitTemplateStore

MOST = 100
"""The most templates there are."""


class LimitTemplates:
    """Templates in the store, where they are read anew each time: they are few, and seldom used. Ids are unique
    whatever their case. `now` is milliseconds since the epoch."""

    def __init__(self, store: LimitTemplateStore, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._changes = ChangeQueue()

    async def all(self) -> list[LimitTemplate]:
        return await self._store.load()

    async def get(self, template_id: str) -> LimitTemplate:
        """One template, by its id in any case. Raises NotFound."""
        for template in await self._store.load():
            if template.id.lower() == template_id.lower():
                return template
        raise NotFound(
            f"There is no limit template {template_id[:64]!r}. GET /admin/limit-templates lists them.",
            param="limit_template",
        )

    async def create(self, template_id: str, name: str | None, limits: LimitsChange, by: Actor) -> LimitTemplate:
        """Add a template. Raises Conflict where the id is taken or there are too many, and Unprocessable."""

        async def change() -> LimitTemplate:
            known = await self._store.load()
            if any(template.id.lower() == template_id.lower() for template in known):
                raise Conflict(f"The id {template_id!r} is taken. Choose another.", param="id")
            if len(known) >= MOST:
                raise Conflict(f"There are {MOST} limit templates already. Delete one that nobody needs.")
            made = LimitTemplate(template_id, name, self._now(), merged(NO_LIMITS, limits, "limits."))
            return await self._save(made, by, "limit_template.create")

        return await self._changes.run(change)

    async def update(
        self,
        template_id: str,
        by: Actor,
        *,
        name: str | UnsetType | None = UNSET,
        limits: LimitsChange | UnsetType = UNSET,
    ) -> LimitTemplate:
        """Change a template; what is unset stays, limits are merged. Raises NotFound, Unprocessable."""

        async def change() -> LimitTemplate:
            template = await self.get(template_id)
            if name is not UNSET:
                template = replace(template, name=name)
            if limits is not UNSET:
                template = replace(template, limits=merged(template.limits, limits, "limits."))
            return await self._save(template, by, "limit_template.update")

        return await self._changes.run(change)

    async def delete(self, template_id: str, by: Actor) -> LimitTemplate:
        """Remove a template; users keep the limits that they got from it. Raises NotFound."""

        async def change() -> LimitTemplate:
            template = await self.get(template_id)
            await self._store.delete(template.id, by.entry(self._now(), "limit_template.delete", template.id))
            return template

        return await self._changes.run(change)

    async def _save(self, template: LimitTemplate, by: Actor, action: str) -> LimitTemplate:
        detail = {"name": template.name} | audited_limits(template.limits)
        await self._store.save(template, by.entry(self._now(), action, template.id, detail))
        return template
