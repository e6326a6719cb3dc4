"""Limit templates: named sets of limits."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.store.ports.audit import AuditEntry


class LimitTemplate(Struct, frozen=True):
    """A named set of limits, which users get copies of."""

    id: str
    name: str | None
    created_at: int
    limits: Limits = NO_LIMITS


class LimitTemplateStore(Protocol):
    async def load(self) -> list[LimitTemplate]:
        """Every template, by id."""

    async def save(self, template: LimitTemplate, audit: AuditEntry) -> None:
        """Add a template, or replace the one with its id."""

    async def delete(self, template_id: str, audit: AuditEntry) -> None: ...
