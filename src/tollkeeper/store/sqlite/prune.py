"""Deleting the oldest records, a bounded number at once, so that the chain still holds."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from tollkeeper.store.ports import requests_of
from tollkeeper.store.sqlite.commit import PICO_PER_MICRO
from tollkeeper.store.sqlite.rows import record_of
from tollkeeper.store.sqlite.schema import checkpoints, records

AT_ONCE = 1000
_SUMS = tuple(column.name for column in checkpoints.columns)[3:]
_LAST_CHECKPOINT = select(checkpoints).order_by(checkpoints.c.seq.desc()).limit(1)
_OLDEST = select(records).order_by(records.c.seq).limit(AT_ONCE)


def prune_step(connection: Connection, before: int, replaced: int | None) -> tuple[int, int | None]:
    """Delete up to `AT_ONCE` records from the beginning of the chain on, to the first that was made at `before` or
    later. How many, and the checkpoint that tells of them; it takes the place of `replaced`, that of the step before.
    """
    last = connection.execute(_LAST_CHECKPOINT).mappings().one_or_none()
    newest = last["newest"] if last else 0
    sums = dict.fromkeys(_SUMS, 0) | ({name: last[name] for name in _SUMS} if last else {})
    count, end = 0, None
    for row in connection.execute(_OLDEST):
        if row.created_at >= before:
            break
        count, end = count + 1, row
        newest = max(newest, row.created_at, row.settled_at)
        sums["requests"] += requests_of(record_of(row))
        for name in _SUMS[1:6]:
            sums[name] += getattr(row, name)
        micro, rest = divmod(row.cost_pico, PICO_PER_MICRO)
        sums["cost_micro"] += micro
        sums["cost_rest"] += rest
    if end is None:
        return 0, replaced
    connection.execute(delete(records).where(records.c.seq <= end.seq))
    if replaced is not None:
        connection.execute(delete(checkpoints).where(checkpoints.c.seq == replaced))
    connection.execute(insert(checkpoints).values(seq=end.seq, hash=end.hash, newest=newest, **sums))
    return count, end.seq
