"""Opaque ids and digests; that records hold nothing else is tested here on a real database."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.store.values import AUDIT, EVERYTHING, NOON, a_record
from tollkeeper.rules.invoices import PayerId
from tollkeeper.store.ports.invoices import CreditEntry, CreditSpent
from tollkeeper.store.sql.identities import Identities, Identity, digest_of, metadata_row
from tollkeeper.store.sqlite import open_store
from tollkeeper.store.sqlite.verify import verify


def test_users_get_one_id_each_and_others_stand_for_themselves() -> None:
    identities = Identities([("u_1", "ann"), ("u_2", None)])
    assert (identities.id_of("ann"), identities.user_id_of("u_1")) == ("u_1", "ann")
    assert (identities.id_of("bob"), identities.user_id_of("u_2")) == ("bob", "u_2")
    [bob] = identities.new({"ann", "bob", "u_1"})
    assert bob.user_id == "bob"
    assert bob.id.startswith("u_")
    identities.add([bob])
    assert identities.id_of("bob") == bob.id
    identities.remove([bob, Identity("u_9", "nobody")])
    assert identities.id_of("bob") == "bob"


async def test_the_id_of_a_user_without_records_stays_and_goes_with_its_transaction(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    store = await open_store(path, now=lambda: NOON)
    credit = CreditEntry(PayerId("user", "ann"), NOON, "granted", 5, "prepaid", "root")
    with pytest.raises(CreditSpent):
        await store.invoices.add_credit(replace(credit, amount_pico=-5), AUDIT)  # rolled back, and the id with it
    await store.ledger.settle(a_record(NOON, user_id="ann"))
    await store.invoices.add_credit(credit, AUDIT)
    await store.invoices.add_credit(replace(credit, payer=PayerId("user", "bob")), AUDIT)
    await store.ledger.settle(a_record(NOON, user_id="bob"))
    await store.close()
    assert verify(path).faults == ()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT user_id) FROM identities").fetchall() == [(2, 2)]
        ids = connection.execute("SELECT DISTINCT user_id FROM records ORDER BY 1").fetchall()
        assert connection.execute("SELECT DISTINCT payer_id FROM credits ORDER BY 1").fetchall() == ids


def test_a_digest_is_salted() -> None:
    first, second = metadata_row("req_1", '{"a":"b"}'), metadata_row("req_1", '{"a":"b"}')
    assert digest_of(first.salt, first.metadata) != digest_of(second.salt, second.metadata)
    assert digest_of(b"salt", "ä") == digest_of(b"salt", "ä")
    with pytest.raises(UnicodeEncodeError):
        digest_of(b"salt", "\ud800")


async def test_what_names_a_person_is_in_no_record_and_in_no_sum(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    store = await open_store(path, now=lambda: NOON)
    record = a_record(user_id="zoe@example.org", metadata='{"who":"Zoe Q"}')
    await store.ledger.settle(record)
    await store.ledger.settle(a_record(NOON + 1, user_id="zoe@example.org", metadata=None))
    assert (await store.reports.records(EVERYTHING, limit=9, after=None))[-1] == record
    assert [name for name, _ in await store.reports.summary(EVERYTHING, ["user"])] == [("zoe@example.org",)]
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        naming = {
            table
            for table in tables
            for row in connection.execute(f"SELECT * FROM {table}")
            if any("zoe" in str(value).lower() for value in row)
        }
        assert naming == {"identities", "record_metadata", "hourly_tags"}
        connection.execute("UPDATE identities SET user_id = NULL")
        connection.execute("DELETE FROM record_metadata")
        connection.execute("DELETE FROM hourly_tags")
        connection.commit()
    assert verify(path).ok, "a person who is forgotten leaves every sum and hash"
    again = await open_store(path, now=lambda: NOON)
    [(opaque,)] = [name for name, _ in await again.reports.summary(EVERYTHING, ["user"])]
    assert opaque.startswith("u_")
    forgotten = await again.reports.records(EVERYTHING, limit=9, after=None)
    assert {(each.user_id, each.metadata) for each in forgotten} == {(opaque, None)}
    await again.ledger.settle(a_record(user_id="zoe@example.org"))
    assert len(await again.reports.summary(EVERYTHING, ["user"])) == 2, "who comes again is another person"
    await again.close()


async def test_a_commit_that_fails_leaves_no_identity_behind(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    store = await open_store(path, now=lambda: NOON)
    await store.ledger.settle(a_record(user_id="ann"))
    with closing(sqlite3.connect(path, isolation_level=None)) as blocker:
        blocker.execute("CREATE TRIGGER no BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'not now'); END")
        commit = store.ledger.settle(a_record(user_id="bob"))
        while store.ledger.failing is None:
            await asyncio.sleep(0.01)
        blocker.execute("DROP TRIGGER no")
    await commit
    await store.ledger.settle(a_record(user_id="ann"))
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert sorted(connection.execute("SELECT user_id FROM identities").fetchall()) == [("ann",), ("bob",)]
    assert verify(path).ok
