"""Deleting the oldest records, a bounded number at once, so that the chain still holds."""

from __future__ import annotations

from msgspec.structs import astuple
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from tollkeeper.rules.times import month_of
from tollkeeper.store.ports import requests_of
from tollkeeper.store.sqlite.commit import PICO_PER_MICRO
from tollkeeper.store.sqlite.rows import record_of
from tollkeeper.store.sqlite.schema import checkpoints, pruned_users, records

AT_ONCE = 1000
_SUMS = tuple(column.name for column in checkpoints.columns)[3:]
_INSERT = insert(pruned_users)
_ADD_TO_USERS = _INSERT.on_conflict_do_update(
    index_elements=["month", "user_id"],
    set_={name: pruned_users.c[name] + _INSERT.excluded[name] for name in _SUMS},
)
_LAST_CHECKPOINT = select(checkpoints).order_by(checkpoints.c.seq.desc()).limit(1)
_OLDEST = select(records).order_by(records.c.seq).limit(AT_ONCE)


def prune_step(connection: Connection, before: int, replaced: int | None) -> tuple[int, int | None]:
    """Delete up to `AT_ONCE` records from the beginning of the chain on, to the first that was made at `before` or
    later. How many, and the checkpoint that tells of them; it takes the place of `replaced`, that of the step before.
    """
    last = connection.execute(_LAST_CHECKPOINT).mappings().one_or_none()
    newest = last["newest"] if last else 0
    sums = dict.fromkeys(_SUMS, 0) | ({name: last[name] for name in _SUMS} if last else {})
    users: dict[tuple[int, str], dict[str, int]] = {}
    count, end = 0, None
    for row in connection.execute(_OLDEST):
        if row.created_at >= before:
            break
        count, end = count + 1, row
        newest = max(newest, row.created_at, row.settled_at)
        record = record_of(row)
        usage = astuple(record.usage)[:5]
        figures = (requests_of(record), *usage, *divmod(row.cost_pico, PICO_PER_MICRO))
        of_user = users.setdefault((month_of(row.created_at)[0], row.user_id), dict.fromkeys(_SUMS, 0))
        for name, figure in zip(_SUMS, figures, strict=True):
            sums[name] += figure
            of_user[name] += figure
    if end is None:
        return 0, replaced
    connection.execute(
        _ADD_TO_USERS, [{"month": month, "user_id": user_id, **of_user} for (month, user_id), of_user in users.items()]
    )
    connection.execute(delete(records).where(records.c.seq <= end.seq))
    if replaced is not None:
        connection.execute(delete(checkpoints).where(checkpoints.c.seq == replaced))
    connection.execute(insert(checkpoints).values(seq=end.seq, hash=end.hash, newest=newest, **sums))
    return count, end.seq
