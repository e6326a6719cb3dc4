"""Whether the ledger is what was written: the chain of its records, what each was charged, and every sum of them.

Reads one snapshot of the database and changes nothing: it may run on one that is being served, or on a copy.
"""

# Its queries are put together of the schema's names and of numbers, of nothing from outside.
# ruff: noqa: S608

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec import Struct

from tollkeeper.rules.chain import FIELDS, GENESIS, link
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.times import format_time
from tollkeeper.rules.usage import Usage
from tollkeeper.store.bounds import fitted_cost
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports import ADJUSTMENT
from tollkeeper.store.spans import HOUR_MS, MINUTE_MS, hour_of, minute_of
from tollkeeper.store.sqlite.connections import connect_reader, plain_reason
from tollkeeper.store.sqlite.schema import HEAD

MOST_FAULTS = 20
"""As many faults are told of; more are only counted."""
_EVERY = 10_000
Progress = Callable[[int, int], None]

_TOKENS = ("prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens")
_FIGURES = ("requests", *_TOKENS, "cost_micro", "cost_rest")
_WHOSE = "user_id, model, coalesce(key_id, '') AS key_id, status"
_REQUESTS = f"endpoint != '{ADJUSTMENT}'"
_USED = ", ".join((*_TOKENS, "cost_pico / 1000000", "cost_pico % 1000000"))
_MONTH_OF = "CAST(strftime('%s', {} / 1000, 'unixepoch', 'start of month') AS INTEGER) * 1000"
_MONTH = _MONTH_OF.format("hour")
_FIRST_TOKENS, _COST, _PRICE = (FIELDS.index(name) for name in ("prompt_tokens", "cost_pico", "price_id"))
_OFF = ", ".join(f"-{figure}" for figure in _FIGURES)
# Rows that cancel each other out where sums agree: what is left over is at fault. The two parts of a sum of money may
# be cut differently, so they are looked at as one number.
_LEFT_OVER = (
    "SELECT at, user_id, model, key_id, status FROM ({rows}) GROUP BY 1, 2, 3, 4, 5 HAVING "
    + " OR ".join(f"sum({figure}) != 0" for figure in _FIGURES[:6])
    + " OR sum(cost_rest) % 1000000 != 0 OR sum(cost_micro) + sum(cost_rest) / 1000000 != 0 ORDER BY 1, 2, 3, 4, 5"
)


class Verification(Struct, frozen=True):
    """What was found. `records` were read, numbered up to `seq`, where the chain has this `hash` (hex digits: keep them
    in another place, and a chain made anew shows). `pruned` records are only known by their checkpoint. `faults` are
    one line each, the first `MOST_FAULTS` of `fault_count`."""

    records: int
    pruned: int
    seq: int
    hash: str
    faults: tuple[str, ...]
    fault_count: int

    @property
    def ok(self) -> bool:
        return not self.fault_count


def verify(path: Path, progress: Progress | None = None) -> Verification:
    """Look at everything. `progress` is told now and then how many records were read, and of how many. Raises
    StoreError when the database cannot be read, or is not one of this version."""
    if not path.is_file():
        raise StoreError(f"there is no database {path}")
    try:
        with closing(connect_reader(path)) as connection:
            connection.execute("BEGIN")
            must_be_at_head(connection, path)
            return _Check(connection, progress or _silent).run()
    except sqlite3.Error as error:
        raise StoreError(f"the database {path} cannot be read: {plain_reason(error)}") from None


def must_be_at_head(connection: sqlite3.Connection, path: Path) -> None:
    """Raises StoreError for a database of another version, or of something else."""
    try:
        revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        revision = None
    if revision is None:
        raise StoreError(f"{path} is no database of Tollkeeper")
    if revision[0] != HEAD:
        raise StoreError(
            f"the database {path} is of revision {revision[0]}, and this version's is {HEAD}: an older one is brought"
            " there by `tollkeeper db upgrade`, a newer one needs the newer version"
        )


class _Check:
    def __init__(self, connection: sqlite3.Connection, progress: Progress) -> None:
        self._connection = connection
        self._progress = progress
        self._faults: list[str] = []
        self._count = 0

    def run(self) -> Verification:
        self._file()
        head = self._connection.execute("SELECT seq, hash, minutes_from FROM head").fetchone()
        if head is None:
            self._fault("the head of the chain is missing")
            head = (0, GENESIS, 0)
        pruned, digest, newest = self._checkpoint()
        records = self._chain(pruned, digest, head[0], head[1])
        self._hours(pruned, newest)
        self._minutes(head[2], newest)
        self._coarser()
        self._intents()
        faults = tuple(self._faults)
        return Verification(records, pruned, head[0], bytes(head[1]).hex(), faults, self._count)

    def _fault(self, line: str) -> None:
        self._count += 1
        if len(self._faults) < MOST_FAULTS:
            self._faults.append(line)

    def _file(self) -> None:
        # Also that no request id is there twice, and that the indexes hold what the tables do.
        for (line,) in self._connection.execute(f"PRAGMA integrity_check({MOST_FAULTS})"):
            if line != "ok":
                self._fault(f"the file is damaged: {' '.join(line.split())}")

    def _checkpoint(self) -> tuple[int, bytes, int]:
        """The number and hash that the chain goes on from, and the latest moment of what was pruned (-1: nothing)."""
        query = "SELECT seq, hash, newest FROM checkpoints ORDER BY seq DESC LIMIT 1"
        found: tuple[int, bytes, int] | None = self._connection.execute(query).fetchone()
        return found or (0, GENESIS, -1)

    def _chain(self, seq: int, digest: bytes, last: int, last_digest: bytes) -> int:
        total = last - seq
        count = 0
        versions = self._connection.execute(f"SELECT {', '.join(Price.__struct_fields__)} FROM prices")
        prices = {price.id: price for price in (Price(*row) for row in versions)}
        query = f"SELECT {', '.join(FIELDS)}, seq, hash FROM records ORDER BY seq"
        for *values, found, kept in self._connection.execute(query):
            if found != seq + 1:
                missing = f"record {seq + 1} is" if found == seq + 2 else f"records {seq + 1} to {found - 1} are"
                self._fault(f"{missing} missing before {values[0]}")
                # Its hash can only be told from the one before: the chain is taken up again after it.
            elif link(digest, found, values) != kept:
                self._fault(f"record {found} ({values[0]}) is not what was written, or follows another record")
            if values[_PRICE] is not None:
                self._charge(found, values, prices.get(values[_PRICE]))
            seq, digest = found, kept
            count += 1
            if count % _EVERY == 0:
                self._progress(count, total)
        if seq < last:
            self._fault(f"the chain is cut off after record {seq}: there were {last}")
        elif seq > last:
            self._fault(f"the chain goes on to record {seq} after its end, {last}")
        elif digest != last_digest:
            self._fault(f"the end of the chain, record {seq}, is not the one that was written")
        self._progress(count, total)
        return count

    def _charge(self, seq: int, values: Sequence[Any], price: Price | None) -> None:
        """Does a record cost what its version of the price makes of its usage?"""
        if price is None:
            self._fault(f"the price of record {seq} ({values[0]}), version {values[_PRICE]}, is missing")
        elif fitted_cost(price.cost(Usage(*values[_FIRST_TOKENS : _FIRST_TOKENS + 5]))) != values[_COST]:
            self._fault(f"record {seq} ({values[0]}) does not cost what version {price.id} of the price makes of it")

    def _hours(self, pruned: int, newest: int) -> None:
        # What was pruned is in the hours up to that of its newest record: there, sums by user and month must do.
        whole_from = hour_of(newest) + HOUR_MS if pruned else 0
        records = (
            f"SELECT created_at - created_at % {HOUR_MS} AS at, {_WHOSE}, {_REQUESTS} AS requests, {_named(_USED)}"
        )
        rows = (
            f"{records} FROM records WHERE created_at >= {whole_from} UNION ALL {_taken('hour', 'hourly', whole_from)}"
        )
        for at, *whose in self._left_over(rows):
            self._fault(f"the sums of the hour {format_time(at)} of {_who(whose)} are not those of its records")
        old = (
            f"SELECT {_MONTH_OF.format('created_at')} AS at, user_id, '' AS model, '' AS key_id, '' AS status,"
            f" {_REQUESTS} AS requests, {_named(_USED)} FROM records WHERE created_at < {whole_from}"
            f" UNION ALL SELECT month, user_id, '', '', '', {', '.join(_FIGURES)} FROM pruned_users"
            f" UNION ALL SELECT {_MONTH}, user_id, '', '', '', {_OFF} FROM hourly WHERE hour < {whole_from}"
        )
        for at, user_id, *_ in self._left_over(old):
            before = f"before {format_time(whole_from)} of {user_id} in the month {format_time(at)}"
            self._fault(f"the sums of all hours {before} are not those of what was pruned")
        users = (
            f"SELECT 0 AS at, '' AS user_id, '' AS model, '' AS key_id, '' AS status, {', '.join(_FIGURES)}"
            f" FROM checkpoints WHERE seq = {pruned} UNION ALL SELECT 0, '', '', '', '', {_OFF} FROM pruned_users"
        )
        for _ in self._left_over(users):
            self._fault("the sums of what was pruned by user are not those of the last checkpoint")

    def _minutes(self, minutes_from: int, newest: int) -> None:
        whole_from = max(minutes_from, minute_of(newest) + MINUTE_MS)
        zeros = ", ".join(f"0 AS {figure}" for figure in _FIGURES[1:])
        rows = (
            f"SELECT created_at - created_at % {MINUTE_MS} AS at, {_WHOSE}, {_REQUESTS} AS requests, {zeros}"
            f" FROM records WHERE created_at >= {whole_from}"
            f" UNION ALL SELECT settled_at - settled_at % {MINUTE_MS}, {_WHOSE}, 0, {_USED}"
            f" FROM records WHERE settled_at >= {whole_from}"
            f" UNION ALL {_taken('minute', 'rollup_minutes', whole_from)}"
        )
        for at, *whose in self._left_over(rows):
            self._fault(f"the sums of the minute {format_time(at)} of {_who(whose)} are not those of its records")

    def _coarser(self) -> None:
        """The sums by hour and model, and by month and user, against those by hour."""
        for moment, at, named, table in (
            ("hour", "hour", "'', model", "hourly_models"),
            ("month", _MONTH, "user_id, ''", "monthly_users"),
        ):
            rows = (
                f"SELECT {at} AS at, {_both(named)}, '' AS key_id, status, {', '.join(_FIGURES)} FROM hourly"
                f" UNION ALL SELECT {moment}, {named}, '', status, {_OFF} FROM {table}"
            )
            for found, user_id, model, _, status in self._left_over(rows):
                whose = f"{user_id or model}, {status}"
                self._fault(f"the sums of the {moment} {format_time(found)} of {whose} are not those of its hours")

    def _intents(self) -> None:
        query = "SELECT request_id FROM intents WHERE request_id IN (SELECT request_id FROM records)"
        for (request_id,) in self._connection.execute(query):
            self._fault(f"{request_id} is settled, and told as under way all the same")

    def _left_over(self, rows: str) -> Iterator[tuple[int, str, str, str, str]]:
        return self._connection.execute(_LEFT_OVER.format(rows=rows))


def _named(used: str) -> str:
    return ", ".join(f"{figure} AS {name}" for figure, name in zip(used.split(", "), _FIGURES[1:], strict=True))


def _both(named: str) -> str:
    user, model = named.split(", ")
    return f"{user} AS user_id, {model} AS model"


def _taken(moment: str, table: str, whole_from: int) -> str:
    return f"SELECT {moment}, user_id, model, key_id, status, {_OFF} FROM {table} WHERE {moment} >= {whole_from}"


def _who(whose: list[str]) -> str:
    user_id, model, key_id, status = whose
    return f"{user_id}, {model}, {key_id or 'no key'}, {status}"


def _silent(done: int, total: int) -> None:
    """Nobody looks."""
