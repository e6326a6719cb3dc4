"""Every statement and table of the shared half is one that PostgreSQL takes, too: nothing in it is SQLite's alone."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace
from sqlalchemy import ClauseElement, Connection, create_engine, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from tests.store.values import ANN, AUDIT, KEY, NOON, a_record
from tollkeeper.rules.pricing import Price
from tollkeeper.store.ports.explorer import Figure, Question, Snapshot
from tollkeeper.store.ports.reports import Filter, Group
from tollkeeper.store.ports.sessions import Session
from tollkeeper.store.sql.accounts import SqlAccounts
from tollkeeper.store.sql.aliases import SqlAliases
from tollkeeper.store.sql.audit import SqlAudit
from tollkeeper.store.sql.dialect import one_of, unindexed
from tollkeeper.store.sql.explorer import SqlExplorer
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sql.installation import SqlInstallation
from tollkeeper.store.sql.prices import SqlPrices
from tollkeeper.store.sql.prune import prune_step
from tollkeeper.store.sql.reports import SqlReports
from tollkeeper.store.sql.rows import record_row
from tollkeeper.store.sql.schema import METADATA, head, records
from tollkeeper.store.sql.sessions import SqlSessions
from tollkeeper.store.sql.sum_tables import hourly

T = TypeVar("T")
FIGURES: tuple[Figure | None, ...] = (None, "cost_usd", "total_tokens", "latency_p50")
SOURCE = Path(__file__).parents[3] / "src/tollkeeper/store/sql"
OF_SQLITE_ALONE = ("json_each", "strftime", "rowid", "OR REPLACE", "PRAGMA", " ? ")


class Recorded:
    """Runs work on a database in memory, and keeps every statement that was executed."""

    def __init__(self) -> None:
        self.statements: list[ClauseElement] = []
        self._engine = create_engine("sqlite://")
        METADATA.create_all(self._engine)
        event.listen(self._engine, "before_execute", self._seen)

    def _seen(self, _: Connection, statement: ClauseElement, *__: Any) -> None:
        self.statements.append(statement)

    async def run(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)


async def used() -> list[ClauseElement]:
    """Every statement of the shared half, executed once."""
    runner = Recorded()
    both = (runner, runner)
    end = head.insert().values(id=1, seq=2, hash=b"", minutes_from=0, rolled_up=2)
    await runner.run(lambda connection: connection.execute(end))
    rows = [(*record_row(a_record(NOON + n)), n, b"hash") for n in (1, 2, 3)]
    names = [column.name for column in records.columns]
    await runner.run(
        lambda connection: connection.execute(records.insert(), [dict(zip(names, row, strict=True)) for row in rows])
    )
    accounts, sessions = SqlAccounts(*both), SqlSessions(*both)
    [ann], [key] = await accounts.save(users=[ANN], keys=[KEY], ended=["a"], forgotten=["key_9"], audit=AUDIT)
    await accounts.save(users=[replace(ann, name="A")], keys=[replace(key, name="k")], audit=AUDIT)
    await accounts.touch({"key_1": NOON})
    assert await accounts.load() != ([], [])
    await sessions.save(begun=[Session("a" * 64, "ann", NOON, NOON)], ended=["b"], audit=AUDIT)
    await sessions.touch({"a" * 64: NOON + 1})
    assert await sessions.load()
    await SqlPrices(*both).add([Price(0, "m", 1, 2, None, None, NOON, NOON)], AUDIT)
    assert await SqlPrices(*both).load()
    await SqlAliases(*both).replace({"a": "m"}, AUDIT)
    assert await SqlAliases(*both).load()
    for value in (b"1", b"2"):
        await SqlInstallation(*both).set_value("name", value)
    assert await SqlInstallation(*both).value("name") == b"2"
    assert await SqlAudit(runner, runner).entries(limit=1, after=1000)
    await asks_everything(SqlReports(runner, runner, Identities()))
    await explores(SqlExplorer(runner, runner, Identities()))
    for before in (NOON + 2, NOON + 3):
        assert (await runner.run(partial(prune_step, before=before, replaced=None)))[0] == 1
    return runner.statements


async def asks_everything(reports: SqlReports) -> None:
    groups: tuple[Group, ...] = ("user", "key", "model", "day", "hour", "status")
    filters = [
        Filter(),
        Filter(user_id="ann", key_id="key_1", model="m", status="failed", since=NOON, until=NOON + 7_200_001),
        Filter(users=["ann", "bob"], status="completed", since=NOON - 5, until=NOON + 5),
    ]
    for which in filters:
        await reports.records(which, limit=10, after="req_9")
        for some in itertools.chain.from_iterable(itertools.combinations(groups, size) for size in range(3)):
            await reports.summary(which, some, upto=1)
    await reports.record("req_1")
    await reports.prunable(NOON)
    await reports.history(NOON)
    await reports.history(NOON, user_id="ann", upto=1, detailed=["ann"])
    await reports.history(NOON, detailed=[str(n) for n in range(1000)])
    await reports.history(NOON, detailed=[])


def _read(question: Question, snapshot: Snapshot) -> None:
    for _ in snapshot.rows(question):
        pass


async def explores(explorer: SqlExplorer) -> None:
    groups = ("user", "key", "model", "upstream", "day", "tag:team")
    filters = [
        Filter(),
        Filter(users=["ann"], since=NOON - 5, until=NOON + 7_200_001),
        Filter(key_id="key_1", tag=("team", ""), until=NOON + 2),
        Filter(tag=("run", "1")),
    ]
    for which in filters:
        for some in itertools.chain.from_iterable(itertools.combinations(groups, size) for size in range(3)):
            for figure in FIGURES:
                question = Question(which, some, figure, upto=2)
                found = await explorer.explore(question)
            await explorer.explore_groups(question, [group for group, _ in found.rows])
            await explorer.on_snapshot(partial(_read, question))


@pytest.fixture(scope="module")
def statements() -> list[ClauseElement]:
    return asyncio.run(used())


def texts(statements: list[ClauseElement], dialect: Any) -> Iterator[str]:
    return (str(statement.compile(dialect=dialect)) for statement in statements)


def test_every_statement_is_one_of_postgresql(statements: list[ClauseElement]) -> None:
    assert len(statements) > 100
    kinds = {text.split()[0] for text in texts(statements, postgresql.dialect())}
    assert kinds == {"INSERT", "UPDATE", "DELETE", "SELECT", "WITH"}
    for text in texts(statements, postgresql.dialect()):
        assert not [word for word in (*OF_SQLITE_ALONE, "+hourly", "+records", "+monthly_users") if word in text]


def test_tables_and_indexes_are_too() -> None:
    for table in METADATA.sorted_tables:
        texts = [str(CreateTable(table).compile(dialect=postgresql.dialect()))]
        texts += [str(CreateIndex(index).compile(dialect=postgresql.dialect())) for index in table.indexes]
        assert not [word for text in texts for word in OF_SQLITE_ALONE if word in text.upper() or word in text]
        partial = [text for text in texts if "records_not_completed" in text]
        assert all("WHERE status != 'completed'" in text for text in partial)


def test_what_engines_write_differently() -> None:
    query = select(unindexed(hourly.c.user_id)).where(one_of(hourly.c.user_id, ["ann"]))
    ours, theirs = (" ".join(str(query.compile(dialect=d)).split()) for d in (sqlite.dialect(), postgresql.dialect()))
    assert "SELECT +hourly.user_id " in ours
    assert ours.endswith("WHERE hourly.user_id IN (SELECT value FROM json_each(?))")
    assert "SELECT hourly.user_id " in theirs
    assert "IN (SELECT jsonb_array_elements_text(CAST(%(param_1)s" in theirs


def test_the_shared_half_names_no_engine() -> None:
    for path in SOURCE.glob("*.py"):
        text = path.read_text()
        assert "sqlite3" not in text
        assert "sqlalchemy.dialects" not in text
        assert "store.sqlite" not in text
