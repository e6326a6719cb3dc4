"""Pruning of the records of all journals, oldest first; each journal's chain goes on from where it was cut."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, text

from tollkeeper.store.postgres.writer import Writer
from tollkeeper.store.sql.prune import prune_step

_CUT = text(
    "UPDATE journals SET pruned_seq = cut.journal_seq, pruned_hash = cut.hash FROM"
    " (SELECT DISTINCT ON (journal) journal, journal_seq, hash FROM journal_records JOIN records USING (seq)"
    " WHERE seq <= :upto ORDER BY journal, journal_seq DESC) AS cut WHERE journals.id = cut.journal"
)
_FORGET = text("DELETE FROM journal_records WHERE seq <= :upto")


class PostgresPruning:
    """`writer` locks out shipments, which write behind the same chain."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def prune(self, before: int) -> int:
        """See `ports.Ledger.prune`."""
        deleted, checkpoint = 0, None
        while True:
            step = partial(prune_step, before=before, replaced=checkpoint, besides=_cut_journals)
            count, checkpoint = await self._writer.run(step)
            if not count:
                return deleted
            deleted += count


def _cut_journals(connection: Connection, upto: int) -> None:
    connection.execute(_CUT, {"upto": upto})
    connection.execute(_FORGET, {"upto": upto})
