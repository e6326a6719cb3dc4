"""Aliases: alternative names of models, set by admins. An alias may stand for several, in the order to try them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.names import alias_key
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.audit.change_queue import ChangeQueue
from tollkeeper.store.ports.aliases import AliasStore


class Aliases:
    """Table of aliases, in memory and in the store. `now` is milliseconds since the epoch. Call `load` once, at the
    start."""

    def __init__(self, store: AliasStore, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._table: dict[str, tuple[str, ...]] = {}
        self._changes = ChangeQueue()
        self.on_change: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"Aliases({len(self._table)})"

    async def load(self) -> None:
        self._keep(await self._store.load())

    @property
    def table(self) -> Mapping[str, tuple[str, ...]]:
        """From aliases, as `alias_key` spells them, to the names they stand for."""
        return self._table

    async def replace(self, aliases: Mapping[str, Sequence[str]], by: Actor) -> None:
        """Replace all aliases, from the next request on. Raises Unprocessable for two spellings of one alias."""
        spelt: dict[str, str] = {}
        for alias in aliases:
            other = spelt.setdefault(alias_key(alias), alias)
            if other != alias:
                raise Unprocessable(f"'{alias}' and '{other}' are the same name: leave one of them out.", param=alias)
        table = {key: tuple(aliases[alias]) for key, alias in spelt.items()}

        async def change() -> None:
            await self._store.replace(table, by.entry(self._now(), "aliases.replace", "*", table))
            self._keep(table)

        await self._changes.run(change)

    def _keep(self, table: dict[str, tuple[str, ...]]) -> None:
        self._table = table
        for listener in self.on_change:
            listener()
