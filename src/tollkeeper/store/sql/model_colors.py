"""The models that have colours, in the order in which they were first used."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import model_colors as table

_ALL = select(table.c.model).order_by(table.c.place)


class SqlModelColors:
    """See `ports.ModelColorStore`."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def load(self) -> list[str]:
        return await self._reader.run(_all)

    async def add(self, models: Sequence[str], most: int) -> list[str]:
        def write(connection: Connection) -> list[str]:
            found = _all(connection)
            known = set(found)
            free = max(0, most - len(found))
            new = [model for model in dict.fromkeys(models) if model not in known][:free]
            rows = [{"model": model, "place": place} for place, model in enumerate(new, len(found))]
            if rows:
                connection.execute(insert(table), rows)
            return found + new

        return await self._writer.run(write)


def _all(connection: Connection) -> list[str]:
    return list(connection.execute(_ALL).scalars())
