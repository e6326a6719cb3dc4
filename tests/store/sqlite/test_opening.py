"""Opening: who may, what comes of an older, a newer, a foreign database, and of what a killed process left."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from tests.store.sqlite.older import first_revision, second_revision, third_revision
from tests.store.values import ANN, AUDIT, EVERYTHING, KEY, NOON, a_record, an_intent, settled
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.usage import NO_USAGE
from tollkeeper.store.bounds import MAX_COST, MAX_TOKENS
from tollkeeper.store.errors import StoreBusy, StoreError
from tollkeeper.store.ports import Session
from tollkeeper.store.sqlite import SqliteStore, open_store
from tollkeeper.store.sqlite.connections import connect_writer
from tollkeeper.store.sqlite.schema import HEAD, METADATA
from tollkeeper.store.sqlite.upgrade import MIGRATIONS, upgrade
from tollkeeper.store.sqlite.verify import verify

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("users", sa.Column("colour", sa.Text))
    {last}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def opened(path: Path) -> SqliteStore:
    return await open_store(path, now=lambda: NOON)


async def test_what_was_written_is_there_after_opening_again(path: Path) -> None:
    store = await opened(path)
    record = a_record()
    await store.ledger.settle(record)
    await store.accounts.save(users=[ANN], audit=AUDIT)
    await store.close()
    again = await opened(path)
    assert await again.reports.record(record.request_id) == record
    assert await again.accounts.load() == ([ANN], [])
    assert again.lost_at_start == 0
    await again.close()


async def test_a_closed_store_neither_reads_nor_writes(path: Path) -> None:
    store = await opened(path)
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.accounts.load()
    with pytest.raises(StoreError, match="closed"):
        await store.book.set_value("name", b"value")


async def test_a_second_opener_is_refused_until_the_first_has_closed(path: Path) -> None:
    store = await opened(path)
    with pytest.raises(StoreBusy, match="open in another process"):
        await opened(path)
    await store.close()
    await (await opened(path)).close()


async def test_a_second_process_is_refused(path: Path) -> None:
    store = await opened(path)
    program = (
        "import asyncio, pathlib, sys\n"
        "from tollkeeper.store.sqlite import open_store\n"
        "asyncio.run(open_store(pathlib.Path(sys.argv[1]), now=lambda: 0))"
    )
    done = subprocess.run([sys.executable, "-c", program, path], check=False, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == (
        f"tollkeeper.store.errors.StoreBusy: the database {path} is open in another process; stop that one first"
    )
    await store.close()


async def test_a_missing_folder_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        await opened(tmp_path / "nowhere" / "ledger.db")
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_in_its_place_is_an_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreError, match="Is a directory"):
        await opened(path)


async def test_what_is_no_database_is_left_alone(path: Path) -> None:
    path.write_bytes(b"a letter to a friend " * 100)
    with pytest.raises(StoreError, match="not a database"):
        await opened(path)
    assert path.read_bytes() == b"a letter to a friend " * 100


async def test_someone_elses_database_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE songs (name)")
    other.close()
    with pytest.raises(StoreError, match="something else"):
        await opened(path)


async def test_a_refused_opening_leaves_no_lock(path: Path) -> None:
    path.write_bytes(b"x" * 1000)
    for _ in range(2):
        with pytest.raises(StoreError, match="not a database"):
            await opened(path)


async def test_only_its_owner_may_read_a_new_database(path: Path) -> None:
    store = await opened(path)
    await store.ledger.settle(a_record())
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert set(modes) == {"ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock"}
    assert set(modes.values()) == {0o600}
    await store.close()


async def test_a_name_with_special_characters_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=ro#100%25 ü.db"
    store = await opened(path)
    await store.ledger.settle(a_record())
    assert len(await store.reports.records(EVERYTHING, limit=10, after=None)) == 1
    await store.close()
    assert path.exists()


async def test_durability_against_power_cuts_syncs_every_commit(path: Path) -> None:
    store = await open_store(path, now=lambda: NOON, durability="power")
    levels = await store._writer.run(lambda connection: connection.exec_driver_sql("PRAGMA synchronous").scalar_one())
    assert levels == 2
    await store.close()


async def test_intents_of_a_killed_process_become_lost_records(path: Path) -> None:
    store = await opened(path)
    kept, left = an_intent(NOON - 2), an_intent(NOON - 1)
    store.ledger.intend(kept)
    await store.ledger.intend(left)
    await store.ledger.settle(settled(kept))
    await store.close()
    again = await open_store(path, now=lambda: NOON + 9)
    assert again.lost_at_start == 1
    lost = await again.reports.record(left.request_id)
    assert lost is not None
    assert (lost.status, lost.cost_pico, lost.settled_at, lost.created_at) == ("lost", 0, NOON + 9, NOON - 1)
    assert (lost.user_id, lost.model, lost.stream, lost.metadata) == (left.user_id, left.model, True, None)
    sums = await again.reports.summary(EVERYTHING, ["status"])
    assert {group: row.requests for group, row in sums} == {("completed",): 1, ("lost",): 1}
    await again.close()
    third = await opened(path)
    assert third.lost_at_start == 0
    await third.close()


async def test_a_lost_record_tells_what_it_may_have_used_at_most(path: Path) -> None:
    store = await opened(path)
    told, absurd = (
        an_intent(NOON, bound_tokens=700, bound_cost_pico=2_660_000_000),
        an_intent(NOON + 1, bound_tokens=10**30, bound_cost_pico=10**40),
    )
    store.ledger.intend(told)
    await store.ledger.intend(absurd)
    await store.close()
    again = await opened(path)
    lost = [await again.reports.record(intent.request_id) for intent in (told, absurd)]
    await again.close()
    assert [(record.metadata, record.cost_pico, record.usage) for record in lost if record] == [
        ('{"bound_tokens":700,"bound_cost_usd":"0.00266"}', 0, NO_USAGE),
        (f'{{"bound_tokens":{MAX_TOKENS},"bound_cost_usd":"{format_usd(MAX_COST)}"}}', 0, NO_USAGE),
    ]
    assert verify(path).ok


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


def test_the_head_told_is_the_head_there_is() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


async def test_a_start_with_nothing_to_upgrade_does_not_load_alembic(path: Path) -> None:
    await (await opened(path)).close()
    program = (
        "import asyncio, pathlib, sys\n"
        "from tollkeeper.store.sqlite import open_store\n"
        "asyncio.run(open_store(pathlib.Path(sys.argv[1]), now=lambda: 0))\n"
        "print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, path], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


def described(path: Path) -> dict[str, object]:
    """Every table by its columns, every index by its text (whatever its spaces and quotes)."""
    connection = sqlite3.connect(path)
    found: dict[str, object] = {}
    for _, name, kind, _, without_rowid, _ in connection.execute("PRAGMA table_list").fetchall():
        if kind == "table" and not name.startswith(("sqlite_", "alembic_")):
            found[name] = (without_rowid, connection.execute(f"PRAGMA table_xinfo({name})").fetchall())
    for name, sql in connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"):
        found[name] = "".join(sql.replace('"', "").split())
    connection.close()
    return found


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
    assert path.with_name("ledger.db.before-0005").exists()
    assert await store.accounts.load() == ([ANN], [])
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


async def test_a_database_of_before_sessions_gets_their_table(path: Path) -> None:
    second_revision(path)
    store = await opened(path)
    assert path.with_name("ledger.db.before-0005").exists()
    assert await store.accounts.load() == ([ANN], [KEY])
    assert await store.sessions.load() == []
    await store.ledger.settle(a_record())
    session = Session("a" * 64, "ann", NOON, NOON)
    await store.sessions.save(begun=[session])
    await store.close()
    assert verify(path).faults == ()
    again = await opened(path)
    assert await again.sessions.load() == [session]
    await again.close()


def newer_scripts(folder: Path, last: str) -> Path:
    scripts = folder / "migrations"
    shutil.copytree(MIGRATIONS, scripts)
    (scripts / "versions" / "v_next.py").write_text(NEXT.format(last=last))
    return scripts


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
    assert await old.accounts.load() == ([ANN], [])
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


async def test_a_newer_database_is_refused_and_left_alone(path: Path) -> None:
    await (await opened(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match=r"newer Tollkeeper \(revision 9999; this one knows 0005\)"):
        await opened(path)
    assert not list(path.parent.glob("*.before-*"))
