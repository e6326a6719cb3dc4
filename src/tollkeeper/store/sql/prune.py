"""Pruning: deletes the oldest records in bounded steps and leaves a checkpoint, so that the chain stays verifiable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from tollkeeper.rules.times import month_bounds
from tollkeeper.store.ports.records import requests_of
from tollkeeper.store.sql.record_index import drop_from_index
from tollkeeper.store.sql.rows import record_of
from tollkeeper.store.sql.schema import checkpoints, pruned_users, record_metadata, records
from tollkeeper.store.sql.sum_tables import FIGURES, PICO_PER_MICRO
from tollkeeper.store.sql.written_off import write_off

AT_ONCE = 1000
_MONTH, _USER = pruned_users.c.month, pruned_users.c.user_id
_PRUNED = select(_MONTH, _USER)
_ADD = insert(pruned_users)
_ADD_TO = (
    update(pruned_users)
    .where(bindparam("of_month") == _MONTH, bindparam("of_user") == _USER)
    .values({name: pruned_users.c[name] + bindparam(f"more_{name}") for name in FIGURES})
)
_LAST_CHECKPOINT = select(checkpoints).order_by(checkpoints.c.seq.desc()).limit(1)
_YOUNGER = select(records.c.seq).order_by(records.c.seq).limit(1)
_OLDEST = select(records).order_by(records.c.seq).limit(AT_ONCE)

Sums = Mapping[str, int]


def _nothing_besides(*_: object) -> None:
    pass


def prune_step(
    connection: Connection,
    before: int,
    replaced: int | None,
    besides: Callable[[Connection, int], None] = _nothing_besides,
) -> tuple[int, int | None]:
    """Delete up to `AT_ONCE` records from the beginning of the chain, up to the first that was made at `before` or
    later. `besides` is called before that with the number of the last of them.

    Returns how many, and the `seq` of the checkpoint for them, which replaces the one of the previous step
    (`replaced`).
    """
    last = connection.execute(_LAST_CHECKPOINT).mappings().one_or_none()
    newest = last["newest"] if last else 0
    sums = dict.fromkeys(FIGURES, 0) | ({name: last[name] for name in FIGURES} if last else {})
    users: dict[tuple[int, str], dict[str, int]] = {}
    count, end = 0, None
    rows = [*takewhile(lambda row: row.created_at < before, connection.execute(_OLDEST))]
    for row in rows:
        count, end = count + 1, row
        newest = max(newest, row.created_at, row.settled_at)
        record = record_of(row, row.user_id, None)
        usage = astuple(record.usage)[:5]
        figures = (requests_of(record), *usage, *divmod(row.cost_pico, PICO_PER_MICRO))
        of_user = users.setdefault((month_bounds(row.created_at)[0], row.user_id), dict.fromkeys(FIGURES, 0))
        for name, figure in zip(FIGURES, figures, strict=True):
            sums[name] += figure
            of_user[name] += figure
    if end is None:
        return 0, replaced
    besides(connection, end.seq)
    _add_to_users(connection, users)
    write_off(connection, rows)
    drop_from_index(connection, end.seq)
    old = select(records.c.request_id).where(records.c.seq <= end.seq)
    connection.execute(delete(record_metadata).where(record_metadata.c.request_id.in_(old)))
    connection.execute(delete(records).where(records.c.seq <= end.seq))
    if replaced is not None:
        connection.execute(delete(checkpoints).where(checkpoints.c.seq == replaced))
    connection.execute(insert(checkpoints).values(seq=end.seq, hash=end.hash, newest=newest, **sums))
    return count, end.seq


def _add_to_users(connection: Connection, users: Mapping[tuple[int, str], Sums]) -> None:
    months = {month for month, _ in users}
    there = {tuple(row) for row in connection.execute(_PRUNED.where(_MONTH.in_(months)))}
    changed: list[dict[str, Any]] = [
        {"of_month": month, "of_user": user_id} | {f"more_{name}": figure for name, figure in sums.items()}
        for (month, user_id), sums in users.items()
        if (month, user_id) in there
    ]
    new: list[dict[str, Any]] = [
        {"month": month, "user_id": user_id, **sums}
        for (month, user_id), sums in users.items()
        if (month, user_id) not in there
    ]
    if changed:
        connection.execute(_ADD_TO, changed)
    if new:
        connection.execute(_ADD, new)


def prunable(connection: Connection, before: int) -> int:
    """The number of records to delete: those before the first in the chain that was made at `before` or later."""
    younger = connection.execute(_YOUNGER.where(records.c.created_at >= before)).scalar()
    count = select(func.count()).select_from(records)
    return int(connection.execute(count if younger is None else count.where(records.c.seq < younger)).scalar_one())
