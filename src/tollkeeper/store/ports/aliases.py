"""Aliases of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tollkeeper.store.ports.audit import AuditEntry


class AliasStore(Protocol):
    async def load(self) -> dict[str, tuple[str, ...]]:
        """The models of each alias, in order."""

    async def replace(self, aliases: Mapping[str, Sequence[str]], audit: AuditEntry) -> None:
        """Replace all aliases with these."""
