"""Sums over records, and spans of time as ranges of request ids: parts of the reports' statements."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, case, func

from tollkeeper.rules.ids import request_id_floor
from tollkeeper.store.ports.record_fields import TOKENS
from tollkeeper.store.ports.records import ADJUSTMENT
from tollkeeper.store.sql.schema import records
from tollkeeper.store.sql.sum_tables import PICO_PER_MICRO

S = TypeVar("S", bound=Select[Any])

_LAST_MS = 2**48 - 1

# In two parts, as in the rollups: the total may exceed 64 bits, which is an error in SQLite.
RECORD_SUMS = [
    func.sum(case((records.c.endpoint == ADJUSTMENT, 0), else_=1)),
    *(func.sum(records.c[name]) for name in TOKENS),
    func.sum(records.c.cost_pico // PICO_PER_MICRO),
    func.sum(records.c.cost_pico % PICO_PER_MICRO),
]
"""The figures of `schema.FIGURES`, added up from records."""


def in_span(query: S, since: int | None, until: int | None, ids: ColumnElement[str] = records.c.request_id) -> S:
    """Restrict a query over records to those made from `since` on and before `until`. `ids` is the column of their ids
    that they are found by."""
    if since is not None:
        query = query.where(ids >= _floor(since))
    if until is not None:
        query = query.where(ids < _floor(until))
    return query


def _floor(ms: int) -> str:
    """The lowest request id of a moment, clamped to the 48 bits of time that an id holds."""
    return request_id_floor(max(0, min(ms, _LAST_MS)))
