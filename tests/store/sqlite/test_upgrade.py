"""Older databases, revision by revision, and an upgrade that fails."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import astuple
from sqlalchemy import create_engine

from tests.store.sqlite.older import earlier_revision, fifth_revision, first_revision, second_revision, third_revision
from tests.store.values import ANN, AUDIT, EVERYTHING, KEY, NOON, a_record, saved
from tollkeeper.rules.invoices import PayerId
from tollkeeper.rules.usage import NO_USAGE, Usage
from tollkeeper.store.ports.explorer import Question
from tollkeeper.store.ports.records import ADJUSTMENT, RecordStatus
from tollkeeper.store.ports.sessions import Session
from tollkeeper.store.sql.chain import link_row
from tollkeeper.store.sql.migrations.head import HEAD
from tollkeeper.store.sql.migrations.steps import MIGRATIONS
from tollkeeper.store.sql.rows import METADATA_PLACE, USER_PLACE, record_row
from tollkeeper.store.sql.schema import METADATA
from tollkeeper.store.sqlite import SqliteStore, open_store
from tollkeeper.store.sqlite.connections import connect_writer
from tollkeeper.store.sqlite.export import export
from tollkeeper.store.sqlite.upgrade import upgrade
from tollkeeper.store.sqlite.verify import verify

BEFORE_SPENDING = 9

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "{head}"


def upgrade() -> None:
    op.add_column("users", sa.Column("colour", sa.Text))
    {last}
"""


def newer_scripts(folder: Path, last: str) -> Path:
    scripts = folder / "migrations"
    shutil.copytree(MIGRATIONS, scripts)
    (scripts / "versions" / "v_next.py").write_text(NEXT.format(last=last, head=HEAD))
    return scripts


def described(path: Path) -> dict[str, object]:
    """Every table by its columns, in any order: statements name them; every index by its text (whatever its spaces and
    quotes)."""
    connection = sqlite3.connect(path)
    found: dict[str, object] = {}
    for _, name, kind, _, without_rowid, _ in connection.execute("PRAGMA table_list").fetchall():
        if kind == "table" and not name.startswith(("sqlite_", "alembic_")):
            columns = connection.execute(f"PRAGMA table_xinfo({name})").fetchall()
            found[name] = (without_rowid, {column[1]: column[2:] for column in columns})
    for name, sql in connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"):
        found[name] = "".join(sql.replace('"', "").split())
    connection.close()
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def opened(path: Path) -> SqliteStore:
    return await open_store(path, now=lambda: NOON)


async def test_keys_of_before_get_their_grace_and_their_origin(path: Path) -> None:
    third_revision(path)
    store = await opened(path)
    _, keys = await store.accounts.load()
    await store.close()
    found = {key.id: (key.revoked_at, key.retires_at, key.origin) for key in keys}
    assert found == {
        "key_1": (NOON, None, None),
        "key_2": (None, 2**53, "key_1"),
        "key_3": (None, None, "key_1"),
        "key_4": (None, None, None),
    }


async def test_the_migrations_make_the_tables_of_the_schema(path: Path) -> None:
    await (await opened(path)).close()
    plain = path.with_name("plain.db")
    engine = create_engine(f"sqlite:///{plain}")
    METADATA.create_all(engine)
    engine.dispose()
    assert described(path) == described(plain)


async def test_records_of_before_the_chain_are_chained_and_counted(path: Path) -> None:
    old = [a_record(NOON + n * 100, user_id="Zoë" if n % 3 else "ann", key_id=None) for n in range(2500)]
    first_revision(path, old[::-1])
    store = await opened(path)
    assert path.with_name(f"ledger.db.before-{HEAD}").exists()
    assert await store.accounts.load() == ([saved(ANN)], [])
    await store.ledger.settle(new := a_record(NOON + 250_000))
    found = verify(path)
    assert (found.faults, found.records, found.seq) == ((), 2501, 2501)
    assert await store.reports.records(EVERYTHING, limit=10_000, after=None) == [new, *old[::-1]]
    history = await store.reports.history(NOON + 251_000)
    for group in ("user", "model"):  # each from sums of its own
        sums = await store.reports.summary(EVERYTHING, [group])
        assert sum(totals.requests for _, totals in sums) == 2501
    await store.close()
    for slices in (history.minutes, history.month, history.total):
        assert sum(each.requests for each in slices) == 2501
        assert sum(each.tokens for each in slices) == 2501 * 15


async def test_a_chain_of_before_the_table_of_fields_holds_and_goes_on(path: Path) -> None:
    fifth_revision(path)
    store = await opened(path)
    before = verify(path)
    assert (before.faults, before.records, before.pruned, before.seq) == ((), 3, 2, 5)
    assert await store.accounts.load() == ([saved(ANN)], [saved(KEY)])
    new = a_record(NOON + 10)
    await store.ledger.settle(new)
    assert [record.request_id for record in await store.reports.records(EVERYTHING, limit=1, after=None)] == [
        new.request_id
    ]
    assert await store.ledger.prune(NOON + 6) == 2
    await store.close()
    after = verify(path)
    assert (after.faults, after.records, after.pruned, after.seq) == ((), 2, 4, 6)
    [correction, last] = export(path)
    assert (correction.record.cost_pico, last.record) == (-5, new)
    assert before.hash == correction.hash
    row = record_row(new)
    row[USER_PLACE], row[METADATA_PLACE] = last.opaque_user_id, last.metadata_digest
    assert link_row(bytes.fromhex(before.hash), 6, row).hex() == last.hash == after.hash


async def test_a_database_of_before_sessions_gets_their_table(path: Path) -> None:
    second_revision(path)
    store = await opened(path)
    assert path.with_name(f"ledger.db.before-{HEAD}").exists()
    assert await store.accounts.load() == ([saved(ANN)], [saved(KEY)])
    assert await store.sessions.load() == []
    await store.ledger.settle(a_record())
    session = Session("a" * 64, "ann", NOON, NOON)
    await store.sessions.save(begun=[session])
    await store.close()
    assert verify(path).faults == ()
    again = await opened(path)
    assert await again.sessions.load() == [session]
    await again.close()


async def test_credit_that_stood_under_a_name_is_found_again(path: Path) -> None:
    store = await opened(path)
    await store.ledger.settle(a_record())
    await store.close()
    older = path.with_name("older.db")
    earlier_revision(older, 22, path)
    with closing(sqlite3.connect(older)) as connection, connection:
        for payer in ("ann", "ann", "bob", *(row[0] for row in connection.execute("SELECT id FROM identities"))):
            connection.execute(
                "INSERT INTO credits (payer_kind, payer_id, at, kind, amount_micro, amount_rest, reason, author)"
                " VALUES ('user', ?, ?, 'granted', 1, 0, 'prepaid', '@bootstrap')",
                (payer, NOON),
            )
    store = await opened(older)
    await store.ledger.settle(a_record(NOON + 1, user_id="bob"))
    balances = [(await store.invoices.credits(PayerId("user", name)))[0].balance_pico for name in ("ann", "bob")]
    await store.close()
    assert balances == [3_000_000, 1_000_000]
    assert verify(older).faults == ()


async def test_sums_for_the_explorer_are_made_of_records_and_of_what_is_left_of_pruned_ones(path: Path) -> None:
    store = await opened(path)
    for n in range(12):
        endpoint = "/v1/embeddings" if n % 3 == 1 else "/v1/messages"
        status: RecordStatus = "failed" if n % 4 == 2 else "completed"
        store.ledger.settle(
            a_record(NOON + n * 600_000, endpoint=endpoint, status=status, upstream="far" if n % 2 else "near")
        )
    correction = a_record(endpoint=ADJUSTMENT, model="", upstream="", usage=NO_USAGE, cost_pico=-7, settled_at=NOON)
    await store.ledger.settle(correction)
    groups = (("user", "status"), ("endpoint",), ("day",), ("upstream", "tag:team"), ())
    whole = [await store.explorer.explore(Question(EVERYTHING, group)) for group in groups]
    complete, pruned = path.with_name("complete.db"), path.with_name("pruned.db")
    earlier_revision(complete, 23, path)
    await store.ledger.prune(NOON + 4 * 600_000)
    left = {group: await store.explorer.explore(Question(EVERYTHING, group)) for group in groups}
    await store.close()
    earlier_revision(pruned, 23, path)
    upgraded = await opened(complete)
    assert [await upgraded.explorer.explore(Question(EVERYTHING, group)) for group in groups] == whole
    await upgraded.close()
    upgraded = await opened(pruned)
    for group in (("user", "status"), ("day",)):
        found = await upgraded.explorer.explore(Question(EVERYTHING, group))
        assert [(place, each.totals, each.errors) for place, each in found.rows] == [
            (place, each.totals, each.errors) for place, each in left[group].rows
        ]
    # Of what was pruned, text is told from all else, and no upstream is known.
    by_endpoint = dict((await upgraded.explorer.explore(Question(EVERYTHING, ["endpoint"]))).rows)
    assert {*by_endpoint} == {("",), ("/v1/embeddings",), ("/v1/messages",), (ADJUSTMENT,)}
    assert by_endpoint["/v1/embeddings",].totals == dict(left["endpoint",].rows)["/v1/embeddings",].totals
    by_upstream = await upgraded.explorer.explore(Question(EVERYTHING, ["upstream"]))
    assert [(name, each.totals.requests) for (name,), each in by_upstream.rows] == [("", 4), ("far", 4), ("near", 4)]
    await upgraded.close()
    assert verify(pruned).faults == ()
    assert verify(complete).faults == ()


async def test_what_was_pruned_of_an_endpoint_is_spread_over_the_statuses_that_there_were(path: Path) -> None:
    store = await opened(path)
    for n in range(14):
        status: RecordStatus = "failed" if n % 5 in {1, 3} else "completed"
        endpoint, model = ("/v1/embeddings", "embed:1b") if n < 10 else ("/v1/messages", "tiny:1b")
        usage = NO_USAGE if status == "failed" else Usage(100, 0, 0, 7)
        cost_pico = 0 if status == "failed" else 1_700_000 * n
        new = a_record(endpoint=endpoint, model=model, status=status, usage=usage, cost_pico=cost_pico)
        store.ledger.settle(new)
    await store.ledger.flush()
    assert await store.ledger.prune(NOON + 1) == 14
    question = Question(EVERYTHING, ("endpoint", "status"))
    whole = await store.explorer.explore(question)
    await store.close()
    older = path.with_name("older.db")
    earlier_revision(older, 23, path)
    upgraded = await opened(older)
    found = await upgraded.explorer.explore(question)
    await upgraded.close()
    assert {place: each.totals.requests for place, each in found.rows} == {
        ("/v1/embeddings", "completed"): 6, ("/v1/embeddings", "failed"): 4, ("", "completed"): 2, ("", "failed"): 2
    }  # fmt: skip
    assert found.total.totals == whole.total.totals
    assert all(figure >= 0 for _, each in found.rows for figure in astuple(each.totals))
    assert dict(found.rows)["/v1/embeddings", "completed"].totals == dict(whole.rows)[
        "/v1/embeddings", "completed"].totals  # fmt: skip
    assert verify(older).faults == ()


async def test_lost_requests_and_metadata_with_a_nul_count_after_an_upgrade_as_before(path: Path) -> None:
    store = await opened(path)
    for _ in range(6):
        store.ledger.settle(a_record(status="lost", latency_ms=0, first_token_ms=None))
    for document in ('{"job":"a"}', '{"job":"b\\u0000c","run":"1"}', '{"job\\u0000":"a"}', '{"job":"\\\\u0000"}'):
        store.ledger.settle(a_record(metadata=document))
    await store.ledger.flush()
    questions = [Question(EVERYTHING, group) for group in ((), ("model",), ("user",), ("tag:job",), ("tag:run",))]
    whole = [await store.explorer.explore(question) for question in questions]
    await store.close()
    assert verify(path).faults == ()
    older = path.with_name("older.db")
    earlier_revision(older, 23, path)
    upgraded = await opened(older)
    assert [await upgraded.explorer.explore(question) for question in questions] == whole
    await upgraded.close()
    assert verify(older).faults == ()


async def test_an_upgrade_keeps_the_data_and_sets_a_copy_aside(path: Path) -> None:
    store = await opened(path)
    await store.accounts.save(users=[ANN], audit=AUDIT)
    await store.close()
    connection = connect_writer(path, "process")
    upgrade(path, connection, HEAD, newer_scripts(path.parent, "pass"))
    assert connection.execute("SELECT user_id, colour FROM users").fetchall() == [("ann", None)]
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("next",)]
    connection.close()
    aside = path.with_name("ledger.db.before-next")
    assert aside.stat().st_mode & 0o777 == 0o600
    old = await opened(aside)
    assert await old.accounts.load() == ([saved(ANN)], [])
    await old.close()


async def test_an_upgrade_that_fails_leaves_the_database_as_it_was(path: Path) -> None:
    await (await opened(path)).close()
    before = described(path)
    connection = connect_writer(path, "process")
    with pytest.raises(ZeroDivisionError):
        upgrade(path, connection, HEAD, newer_scripts(path.parent, "1 / 0"))
    connection.close()
    assert described(path) == before
    await (await opened(path)).close()


async def test_a_database_of_before_sums_by_upstream_gets_those_of_its_records(path: Path) -> None:
    store = await opened(path)
    for cost, upstream in ((3 * 10**18, "dear"), (4 * 10**18 + 1, "dear"), (5, "cheap"), (0, "free"), (7, "")):
        await store.ledger.settle(a_record(cost_pico=cost, upstream=upstream))
    expected = await store.reports.spending(0)
    await store.close()
    older = path.with_name("older.db")
    earlier_revision(older, BEFORE_SPENDING, path)
    path = older
    again = await opened(path)
    found = await again.reports.spending(0)
    await again.close()
    assert found == expected
    assert [(spent.upstream, spent.cost_pico) for spent in found] == [("cheap", 5), ("dear", 7 * 10**18 + 1)]
    assert verify(path).faults == ()


async def test_models_of_before_are_in_the_order_of_their_first_records(path: Path) -> None:
    store = await opened(path)
    for at, model in ((3, "c"), (1, "b"), (2, "a"), (4, "b"), (-(10**7), "first"), (0, "")):
        await store.ledger.settle(a_record(NOON + at, model=model))
    # What it was used in is deleted, and only sums tell of it.
    await store.ledger.settle(a_record(NOON - 10**8, model="gone"))
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM records WHERE model = 'gone'")
        connection.commit()
    older = path.with_name("older.db")
    earlier_revision(older, 23, path)
    again = await opened(older)
    found = await again.model_colors.load()
    await again.close()
    assert found == ["gone", "first", "b", "a", "c"]
