"""Verification of the ledger: the chain of its records, the cost of each, and every sum over them.

Reads one snapshot of the database and changes nothing: it may run while the database is served, or on a copy.
"""

# Its queries are built from the schema's names and numbers, nothing from outside.
# ruff: noqa: S608

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, StaticPool
from sqlalchemy.exc import SQLAlchemyError

from tollkeeper.rules.chain import GENESIS
from tollkeeper.rules.pricing import Price, is_served
from tollkeeper.rules.times import format_time
from tollkeeper.store.clamp import clamp_cost
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.maintenance import Progress, Verification
from tollkeeper.store.ports.record_fields import FIELDS, TOKENS, stored
from tollkeeper.store.ports.records import ADJUSTMENT, TEXT_ENDPOINTS, Record
from tollkeeper.store.sql.chain import ChainReader
from tollkeeper.store.sql.identities import Identities, digest_of
from tollkeeper.store.sql.invoice_check import faults as invoice_faults
from tollkeeper.store.sql.rows import METADATA_PLACE, USER_PLACE, record_of
from tollkeeper.store.sql.sum_tables import FIGURES
from tollkeeper.store.sqlite.connections import connect_reader, engine_over, plain_reason
from tollkeeper.store.sqlite.lock import must_be_readable
from tollkeeper.store.sqlite.revision import must_be_at_head
from tollkeeper.store.time_buckets import DAY_MS, HOUR_MS, MINUTE_MS, day_of, hour_of, minute_of

MOST_FAULTS = 20
"""Faults that are reported; more are only counted."""
_EVERY = 10_000

_COLUMNS = ", ".join(f"records.{field.stored_as}" for field in stored(FIELDS))
_BY = (
    "user_id, model, coalesce(key_id, '') AS key_id, status,"
    " coalesce(team_id, '') AS team_id, coalesce(end_user_id, '') AS end_user_id"
)
_GROUPS = "user_id, model, key_id, status, team_id, end_user_id"
_OF_USER = "user_id, '' AS model, '' AS key_id, '' AS status, '' AS team_id, '' AS end_user_id"
_OF_ALL = f"'' AS {_OF_USER}"
_REQUESTS = f"endpoint != '{ADJUSTMENT}'"
_USED = ", ".join((*TOKENS, "cost_pico / 1000000", "cost_pico % 1000000"))
_MONTH_OF = "CAST(strftime('%s', {} / 1000, 'unixepoch', 'start of month') AS INTEGER) * 1000"
_MONTH = _MONTH_OF.format("hour")
_NOT_BY_ENDPOINT = ", ".join(f"'{endpoint}'" for endpoint in (*sorted(TEXT_ENDPOINTS), ADJUSTMENT))
_NEGATED = ", ".join(f"-{figure}" for figure in FIGURES)
_MONEY_LEFT = "sum(cost_rest) % 1000000 != 0 OR sum(cost_micro) + sum(cost_rest) / 1000000 != 0"
# Rows cancel each other out where sums agree: what is left over is a fault. The two parts of a sum of money may be
# split differently, so they are compared as one number.
_LEFT_OVER = (
    f"SELECT at, {_GROUPS} FROM ({{rows}}) GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING "
    + " OR ".join(f"sum({figure}) != 0" for figure in FIGURES[:6])
    + f" OR {_MONEY_LEFT} ORDER BY 1, 2, 3, 4, 5, 6, 7"
)


def verify(path: Path, progress: Progress | None = None) -> Verification:
    """See `ports.Maintenance`. `progress` counts records."""
    must_be_readable(path)
    try:
        with (
            closing(connect_reader(path)) as connection,
            engine_over(lambda: connection, StaticPool, "BEGIN DEFERRED").begin() as same,
        ):
            must_be_at_head(connection, path)
            return _Check(connection, same, progress or _no_progress).run()
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise StoreError(f"the database {path} cannot be read: {plain_reason(error)}") from None


class _Check:
    def __init__(self, connection: sqlite3.Connection, same: Connection, progress: Progress) -> None:
        """`same` is the connection as SQLAlchemy has it."""
        self._connection = connection
        self._same = same
        self._progress = progress
        self._faults: list[str] = []
        self._count = 0
        self._identities = Identities()

    def run(self) -> Verification:
        self._file()
        self._identities = Identities(self._connection.execute("SELECT id, user_id FROM identities"))
        head = self._connection.execute("SELECT seq, hash, minutes_from FROM head").fetchone()
        if head is None:
            self._fault("the head of the chain is missing")
            head = (0, GENESIS, 0)
        pruned, digest, newest = self._checkpoint()
        records = self._chain(pruned, digest, head[0], head[1])
        self._hours(pruned, newest)
        self._minutes(head[2], newest)
        self._coarser()
        self._endpoints(pruned, newest)
        self._upstreams(pruned, newest)
        self._intents()
        self._invoices()
        faults = tuple(self._faults)
        return Verification(records, pruned, head[0], bytes(head[1]).hex(), faults, self._count)

    def _fault(self, line: str) -> None:
        self._count += 1
        if len(self._faults) < MOST_FAULTS:
            self._faults.append(line)

    def _file(self) -> None:
        # This also checks that no request id occurs twice, and that the indexes match the tables.
        for (line,) in self._connection.execute(f"PRAGMA integrity_check({MOST_FAULTS})"):
            if line != "ok":
                self._fault(f"the file is damaged: {' '.join(line.split())}")

    def _invoices(self) -> None:
        identities = Identities(self._connection.execute("SELECT id, user_id FROM identities"))
        for fault in invoice_faults(self._same, identities):
            self._fault(fault)

    def _checkpoint(self) -> tuple[int, bytes, int]:
        """The number and hash from which the chain continues, and the latest moment of pruned records (-1: none)."""
        query = "SELECT seq, hash, newest FROM checkpoints ORDER BY seq DESC LIMIT 1"
        found: tuple[int, bytes, int] | None = self._connection.execute(query).fetchone()
        return found or (0, GENESIS, -1)

    def _chain(self, seq: int, digest: bytes, last: int, last_digest: bytes) -> int:
        total = last - seq
        count = 0
        chain = ChainReader()
        versions = self._connection.execute(f"SELECT {', '.join(Price.__struct_fields__)} FROM prices")
        prices = {price.id: price for price in (Price(*row) for row in versions)}
        query = (
            f"SELECT {_COLUMNS}, seq, hash, salt, metadata FROM records"
            " LEFT JOIN record_metadata USING (request_id) ORDER BY seq"
        )
        for *values, found, kept, salt, metadata in self._connection.execute(query):
            if found != seq + 1:
                missing = f"record {seq + 1} is" if found == seq + 2 else f"records {seq + 1} to {found - 1} are"
                self._fault(f"{missing} missing before {values[0]}")
                # Its hash cannot be checked without its predecessor: the chain is resumed after it.
            elif not chain.holds(digest, found, values, kept):
                self._fault(f"record {found} ({values[0]}) is not what was written, or follows another record")
            if metadata is not None and digest_of(salt, metadata) != values[METADATA_PLACE]:
                self._fault(f"the metadata of record {found} ({values[0]}) is not what was written")
            record = record_of(values, values[USER_PLACE], metadata)
            if record.price_id is not None:
                self._charge(found, record, prices.get(record.price_id))
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

    def _charge(self, seq: int, record: Record, price: Price | None) -> None:
        """Check that the cost of a record is that of its usage by its version of the price."""
        if price is None:
            self._fault(f"the price of record {seq} ({record.request_id}), version {record.price_id}, is missing")
            return
        served = is_served(record.usage, completed=record.status == "completed")
        if clamp_cost(price.cost(record.usage, served=served)) != record.cost_pico:
            line = f"record {seq} ({record.request_id}) does not cost what version {price.id} of the price makes of it"
            self._fault(line)

    def _hours(self, pruned: int, newest: int) -> None:
        # Pruned records are in the hours up to that of the newest: there, only sums by user and month can be compared.
        whole_from = hour_of(newest) + HOUR_MS if pruned else 0
        rows = (
            f"SELECT created_at - created_at % {HOUR_MS} AS at, {_BY}, {_REQUESTS} AS requests, {_named(_USED)}"
            f" FROM records WHERE created_at >= {whole_from}"
            f" UNION ALL {_subtracted('hour', 'hourly', whole_from)}"
        )
        for at, *dimensions in self._left_over(rows):
            self._fault(
                f"the sums of the hour {format_time(at)} of {self._described(dimensions)} are not those of its records"
            )
        old = (
            f"SELECT {_MONTH_OF.format('created_at')} AS at, {_OF_USER}, {_REQUESTS} AS requests, {_named(_USED)}"
            f" FROM records WHERE created_at < {whole_from}"
            f" UNION ALL SELECT month, {_OF_USER}, {', '.join(FIGURES)} FROM pruned_users"
            f" UNION ALL SELECT {_MONTH}, {_OF_USER}, {_NEGATED} FROM hourly WHERE hour < {whole_from}"
        )
        for at, user_id, *_ in self._left_over(old):
            user = self._identities.user_id_of(user_id)
            before = f"before {format_time(whole_from)} of {user} in the month {format_time(at)}"
            self._fault(f"the sums of all hours {before} are not those of what was pruned")
        users = (
            f"SELECT 0 AS at, {_OF_ALL}, {', '.join(FIGURES)}"
            f" FROM checkpoints WHERE seq = {pruned} UNION ALL SELECT 0, {_OF_ALL}, {_NEGATED} FROM pruned_users"
        )
        for _ in self._left_over(users):
            self._fault("the sums of what was pruned by user are not those of the last checkpoint")

    def _minutes(self, minutes_from: int, newest: int) -> None:
        whole_from = max(minutes_from, minute_of(newest) + MINUTE_MS)
        zeros = ", ".join(f"0 AS {figure}" for figure in FIGURES[1:])
        rows = (
            f"SELECT created_at - created_at % {MINUTE_MS} AS at, {_BY}, {_REQUESTS} AS requests, {zeros}"
            f" FROM records WHERE created_at >= {whole_from}"
            f" UNION ALL SELECT settled_at - settled_at % {MINUTE_MS}, {_BY}, 0, {_USED}"
            f" FROM records WHERE settled_at >= {whole_from}"
            f" UNION ALL {_subtracted('minute', 'rollup_minutes', whole_from)}"
        )
        for at, *dimensions in self._left_over(rows):
            self._fault(
                f"the sums of the minute {format_time(at)} of {self._described(dimensions)} are not those of its"
                " records"
            )

    def _coarser(self) -> None:
        """Compare the sums by hour and model, and by month and user, with those by hour."""
        for moment, at, columns, table in (
            ("hour", "hour", ("model", "status"), "hourly_models"),
            ("month", _MONTH, ("user_id", "status", "team_id"), "monthly_users"),
        ):
            named = ", ".join(name if name in columns else f"'' AS {name}" for name in _GROUPS.split(", "))
            rows = (
                f"SELECT {at} AS at, {named}, {', '.join(FIGURES)} FROM hourly"
                f" UNION ALL SELECT {moment}, {named}, {_NEGATED} FROM {table}"
            )
            for found, user_id, model, _, status, *_ in self._left_over(rows):
                dimensions = f"{self._identities.user_id_of(user_id) or model}, {status}"
                self._fault(f"the sums of the {moment} {format_time(found)} of {dimensions} are not those of its hours")

    def _endpoints(self, pruned: int, newest: int) -> None:
        """Compare the sums by endpoint with the records. Of hours with pruned records nothing else is known."""
        whole_from = hour_of(newest) + HOUR_MS if pruned else 0
        rows = (
            f"SELECT created_at - created_at % {HOUR_MS} AS at, user_id, model, coalesce(key_id, '') AS key_id,"
            f" endpoint AS status, coalesce(team_id, '') AS team_id, '' AS end_user_id, 1 AS requests,"
            f" {_named(_USED)} FROM records WHERE created_at >= {whole_from} AND endpoint NOT IN ({_NOT_BY_ENDPOINT})"
            f" UNION ALL SELECT hour, user_id, model, key_id, endpoint, team_id, '', {_NEGATED}"
            f" FROM hourly_endpoints WHERE hour >= {whole_from}"
        )
        for at, *dimensions in self._left_over(rows):
            self._fault(
                f"the sums of the hour {format_time(at)} of {self._described(dimensions)} are not those of its records"
            )

    def _upstreams(self, pruned: int, newest: int) -> None:
        """Compare what upstreams cost by day with the records. Of days with pruned records nothing else is known."""
        whole_from = day_of(newest) + DAY_MS if pruned else 0
        query = (
            f"SELECT day, upstream FROM (SELECT created_at - created_at % {DAY_MS} AS day, upstream,"
            " cost_pico / 1000000 AS cost_micro, cost_pico % 1000000 AS cost_rest"
            f" FROM records WHERE created_at >= {whole_from} AND cost_pico != 0 AND upstream != ''"
            " UNION ALL SELECT day, upstream, -cost_micro, -cost_rest"
            f" FROM daily_upstreams WHERE day >= {whole_from})"
            f" GROUP BY 1, 2 HAVING {_MONEY_LEFT} ORDER BY 1, 2"
        )
        for at, upstream in self._connection.execute(query):
            self._fault(f"the cost of {upstream} on the day {format_time(at)} is not that of its records")

    def _intents(self) -> None:
        query = "SELECT request_id FROM intents WHERE request_id IN (SELECT request_id FROM records)"
        for (request_id,) in self._connection.execute(query):
            self._fault(f"{request_id} is settled, but its intent was not ended")

    def _left_over(self, rows: str) -> Iterator[tuple[int, str, str, str, str, str, str]]:
        return self._connection.execute(_LEFT_OVER.format(rows=rows))

    def _described(self, dimensions: list[str]) -> str:
        user_id, model, key_id, status, team_id, end_user_id = dimensions
        more = [team_id and f"team {team_id}", end_user_id]
        return ", ".join([self._identities.user_id_of(user_id), model, key_id or "no key", status, *filter(None, more)])


def _named(used: str) -> str:
    return ", ".join(f"{figure} AS {name}" for figure, name in zip(used.split(", "), FIGURES[1:], strict=True))


def _subtracted(moment: str, table: str, whole_from: int) -> str:
    return f"SELECT {moment}, {_GROUPS}, {_NEGATED} FROM {table} WHERE {moment} >= {whole_from}"


def _no_progress(done: int, total: int) -> None:
    """Ignore progress."""
