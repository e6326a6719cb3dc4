"""What one group commit writes: intents, records and their chain, the sums of those records by hour and by minute, and
the end of settled intents."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from operator import add
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import asdict, astuple, replace

from tollkeeper.rules.chain import link
from tollkeeper.rules.times import month_of
from tollkeeper.store.ports import Intent, Record, requests_of
from tollkeeper.store.spans import MINUTE_MS, MINUTES_KEPT_MS, hour_of, minute_of
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
from tollkeeper.store.sqlite.schema import hourly, hourly_models, intents, monthly_users, records, rollup_minutes

S = TypeVar("S", Intent, Record)
Place = tuple[int | str, ...]
Figures = tuple[int, ...]
"""Requests, tokens by class, and the cost in pico-dollars."""
Sums = dict[Place, Figures]

PICO_PER_MICRO = 10**6
_FORGOTTEN_AT_ONCE_MS = 30 * MINUTE_MS
"""Minutes deleted by one commit, so that none takes long."""

_ADD_INTENTS = inserting(intents, on_conflict_do_nothing(intents))
_END_INTENTS = ManyRows("DELETE FROM intents WHERE request_id IN (", "?", ")")
_ADD_RECORDS = inserting(records, on_conflict_do_nothing(records))
_ADD_TO_HOURLY = inserting(hourly, on_conflict_add(hourly))
_ADD_TO_MINUTES = inserting(rollup_minutes, on_conflict_add(rollup_minutes))
_ADD_TO_MODELS = inserting(hourly_models, on_conflict_add(hourly_models))
_ADD_TO_USERS = inserting(monthly_users, on_conflict_add(monthly_users))


class Head(NamedTuple):
    """The end of the chain, and the first minute whose sums are whole."""

    seq: int
    hash: bytes
    minutes_from: int


class Written(NamedTuple):
    """Which numbers a commit gave: from `before` + 1 on, to all but the `repeated` (their places, ascending)."""

    before: int
    repeated: tuple[int, ...]

    def seq_after(self, count: int) -> int:
        """The last number given once the first `count` records were written."""
        return self.before + count - sum(place < count for place in self.repeated)


class Committer:
    """Writes groups, and knows the end of the chain between them. Nobody else adds records."""

    def __init__(self) -> None:
        self._head: Head | None = None

    def __repr__(self) -> str:
        return f"Committer({self._head!r})"

    def forget(self) -> None:
        """The last transaction failed: where the chain ends must be read again."""
        self._head = None

    def write(
        self,
        connection: sqlite3.Connection,
        begun: Collection[Intent],
        settled: Collection[Record],
        ended: Sequence[str],
    ) -> Written:
        """Write all this inside the transaction that is open. `ended` are ids of intents. Of records that are there
        already nothing is written, nor added to any sum. No two of `settled` may have one id."""
        try:
            return self._write(connection, begun, settled, ended)
        except UnicodeEncodeError:
            # Half a surrogate pair: no database can hold it, and one such text must not stop the ledger for all.
            _start_over(connection)
            records = [_scrubbed(record) for record in settled]
            return self._write(connection, [_scrubbed(intent) for intent in begun], records, ended)

    def _write(
        self,
        connection: sqlite3.Connection,
        begun: Collection[Intent],
        settled: Collection[Record],
        ended: Sequence[str],
    ) -> Written:
        head = self._head or _read_head(connection)
        repeated: tuple[int, ...] = ()
        rows, digest = _chained(head, settled)
        if _ADD_RECORDS.execute(connection, rows) != len(rows):
            # Rare, so dear is fine: which ones were there already is not known, only that some were.
            _start_over(connection)
            repeated = tuple(place for place, record in enumerate(settled) if _is_there(connection, record))
            settled = [record for place, record in enumerate(settled) if place not in repeated]
            rows, digest = _chained(head, settled)
            _ADD_RECORDS.execute(connection, rows)
        hours, minutes = _sums(settled)
        models, users = _coarser(hours)
        _ADD_TO_HOURLY.execute(connection, _rows(hours))
        _ADD_TO_MODELS.execute(connection, _rows(models))
        _ADD_TO_USERS.execute(connection, _rows(users))
        _ADD_TO_MINUTES.execute(connection, _rows(minutes))
        _ADD_INTENTS.execute(connection, [intent_row(intent) for intent in begun])
        _END_INTENTS.execute(connection, flat(ended))
        if settled:
            newest = max(record.settled_at for record in settled)
            minutes_from = _forget_minutes(connection, head, newest)
            self._head = Head(head.seq + len(rows), digest, minutes_from)
            connection.execute("UPDATE head SET seq = ?, hash = ?, minutes_from = ?", self._head)
        return Written(head.seq, repeated)


def _read_head(connection: sqlite3.Connection) -> Head:
    return Head(*connection.execute("SELECT seq, hash, minutes_from FROM head").fetchone())


def _chained(head: Head, settled: Iterable[Record]) -> tuple[list[Row], bytes]:
    """The rows of these records after the head, and the hash of the last."""
    rows: list[Row] = []
    digest = head.hash
    for seq, record in enumerate(settled, head.seq + 1):
        values: tuple[Any, ...] = record_row(record)
        digest = link(digest, seq, values)
        rows.append((*values, seq, digest))
    return rows, digest


def _start_over(connection: sqlite3.Connection) -> None:
    connection.execute("ROLLBACK")
    connection.execute("BEGIN IMMEDIATE")


def _is_there(connection: sqlite3.Connection, record: Record) -> bool:
    query = "SELECT 1 FROM records WHERE request_id = ?"
    return connection.execute(query, (record.request_id,)).fetchone() is not None


def _forget_minutes(connection: sqlite3.Connection, head: Head, newest: int) -> int:
    """Delete sums by minute that nobody asks for any more, a bounded span at once. The first minute that is left."""
    wanted = minute_of(newest) - MINUTES_KEPT_MS
    if not head.seq:
        return max(0, wanted)
    if wanted < head.minutes_from + _FORGOTTEN_AT_ONCE_MS:
        return head.minutes_from
    until = head.minutes_from + _FORGOTTEN_AT_ONCE_MS
    connection.execute("DELETE FROM rollup_minutes WHERE minute < ?", (until,))
    return until


def _sums(settled: Iterable[Record]) -> tuple[Sums, Sums]:
    """Sums of just these records by user, model, key and status: by hour of admission, and by minute (requests by that
    of admission, the rest by that of settlement)."""
    alike: dict[Place, list[Figures]] = {}
    for record in settled:
        place = (
            minute_of(record.created_at),
            minute_of(record.settled_at),
            record.user_id,
            record.model,
            record.key_id or "",
            record.status,
        )
        figures = (requests_of(record), *astuple(record.usage)[:5], record.cost_pico)
        alike.setdefault(place, []).append(figures)
    hours: Sums = {}
    minutes: Sums = {}
    for (admitted, minute, *whose), several in alike.items():
        total = _total(several)
        _add(hours, (hour_of(int(admitted)), *whose), total)
        if admitted == minute:
            _add(minutes, (minute, *whose), total)
        else:
            _add(minutes, (admitted, *whose), (total[0], 0, 0, 0, 0, 0, 0))
            _add(minutes, (minute, *whose), (0, *total[1:]))
    return hours, minutes


def _coarser(hours: Sums) -> tuple[Sums, Sums]:
    """The sums by hour, model and status, and by month, user and status."""
    months = {hour: month_of(int(hour))[0] for hour in {place[0] for place in hours}}
    models: Sums = {}
    users: Sums = {}
    for (hour, user_id, model, _, status), total in hours.items():
        _add(models, (hour, model, status), total)
        _add(users, (months[hour], user_id, status), total)
    return models, users


def _total(several: list[Figures]) -> Figures:
    return several[0] if len(several) == 1 else tuple(map(sum, zip(*several, strict=True)))


def _add(sums: Sums, place: Place, figures: Figures) -> None:
    before = sums.get(place)
    sums[place] = figures if before is None else tuple(map(add, before, figures))


def _rows(sums: Sums) -> list[Row]:
    return [(*place, *total[:6], *divmod(total[6], PICO_PER_MICRO)) for place, total in sums.items()]


def _scrubbed(value: S) -> S:
    texts = {name: text for name, text in asdict(value).items() if isinstance(text, str)}
    return replace(value, **{name: text.encode(errors="replace").decode() for name, text in texts.items()})
