"""What one group commit writes: intents, records, the rollups of those records, and the end of settled intents."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

from msgspec.structs import asdict, replace

from tollkeeper.store.ports import Intent, Record
from tollkeeper.store.spans import hour_of
from tollkeeper.store.sqlite.rows import (
    ManyRows,
    Row,
    flat,
    inserting,
    intent_row,
    on_conflict_add,
    on_conflict_do_nothing,
    record_row,
)
from tollkeeper.store.sqlite.schema import hourly, intents, records

S = TypeVar("S", Intent, Record)

_PICO_PER_MICRO = 10**6

_ADD_INTENTS = inserting(intents, on_conflict_do_nothing(intents))
_END_INTENTS = ManyRows("DELETE FROM intents WHERE request_id IN (", "?", ")")
_ADD_RECORDS = inserting(records, on_conflict_do_nothing(records))
_ADD_TO_HOURLY = inserting(hourly, on_conflict_add(hourly))


def write(
    connection: sqlite3.Connection, begun: Collection[Intent], settled: Collection[Record], ended: Sequence[str]
) -> None:
    """Write all this inside the transaction that is open. `ended` are ids of intents. Of records that are there
    already nothing is written, nor added to the rollups. No two of `settled` may have one id."""
    try:
        _write(connection, begun, settled, ended)
    except UnicodeEncodeError:
        # Half a surrogate pair: no database can hold it, and one such text must not stop the ledger for all.
        _start_over(connection)
        _write(connection, [_scrubbed(intent) for intent in begun], [_scrubbed(record) for record in settled], ended)


def _write(
    connection: sqlite3.Connection, begun: Collection[Intent], settled: Collection[Record], ended: Sequence[str]
) -> None:
    if _ADD_RECORDS.execute(connection, [record_row(record) for record in settled]) != len(settled):
        # Rare, so dear is fine: which ones were there already is not known, only that some were.
        _start_over(connection)
        settled = [record for record in settled if not _is_there(connection, record)]
        _ADD_RECORDS.execute(connection, [record_row(record) for record in settled])
    _ADD_TO_HOURLY.execute(connection, _rollups(settled))
    _ADD_INTENTS.execute(connection, [intent_row(intent) for intent in begun])
    _END_INTENTS.execute(connection, flat(ended))


def _start_over(connection: sqlite3.Connection) -> None:
    connection.execute("ROLLBACK")
    connection.execute("BEGIN IMMEDIATE")


def _is_there(connection: sqlite3.Connection, record: Record) -> bool:
    query = "SELECT 1 FROM records WHERE request_id = ?"
    return connection.execute(query, (record.request_id,)).fetchone() is not None


def _rollups(settled: Iterable[Record]) -> list[Row]:
    """Rows of `hourly` that hold just these records: one for each user, model, key, status and hour."""
    sums: dict[tuple[int, str, str, str, str], list[int]] = {}
    for record in settled:
        place = (hour_of(record.created_at), record.user_id, record.model, record.key_id or "", record.status)
        usage = record.usage
        total = sums.get(place)
        if total is None:
            total = sums[place] = [0, 0, 0, 0, 0, 0, 0]
        total[0] += 1
        total[1] += usage.prompt_tokens
        total[2] += usage.cached_tokens
        total[3] += usage.cache_write_tokens
        total[4] += usage.completion_tokens
        total[5] += usage.reasoning_tokens
        total[6] += record.cost_pico
    return [(*place, *total[:6], *divmod(total[6], _PICO_PER_MICRO)) for place, total in sums.items()]


def _scrubbed(value: S) -> S:
    texts = {name: text for name, text in asdict(value).items() if isinstance(text, str)}
    return replace(value, **{name: text.encode(errors="replace").decode() for name, text in texts.items()})
