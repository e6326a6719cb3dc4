"""What every engine promises when a person is forgotten: nothing tells who they were, and no sum changes."""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Text

from tests.store.engines import Engine, Sqlite
from tests.store.values import ANN, AUDIT, EVERYTHING, KEY, NOON, a_record
from tollkeeper.rules.invoices import PayerId
from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.store import sqlite
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.accounts import Key, User
from tollkeeper.store.ports.alerts import Alert
from tollkeeper.store.ports.end_users import EndUser
from tollkeeper.store.ports.events import Delivery, Event
from tollkeeper.store.ports.explorer import Question
from tollkeeper.store.ports.external_identities import ExternalIdentity
from tollkeeper.store.ports.invoices import CreditEntry
from tollkeeper.store.ports.jobs import StoredJob
from tollkeeper.store.ports.records import ADJUSTMENT
from tollkeeper.store.ports.refusals import RefusalFilter, RefusalKey, RefusalSum
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.ports.second_factors import StoredFactor
from tollkeeper.store.ports.sessions import Session
from tollkeeper.store.ports.store import Store
from tollkeeper.store.sql import erasure
from tollkeeper.store.sql.schema import METADATA
from tollkeeper.store.sqlite.verify import verify

OPAQUE = re.compile(r"u_[0-9a-f]{24}")
ERASE = replace(AUDIT, action="user.erase", target="annabel", actor="root")
ANNABEL = replace(ANN, user_id="annabel", name="Annabel Lee", status="closed", email="lee@example.com")
BOB = replace(ANN, user_id="bob", name="Bob")
ISSUER, SUBJECT = "https://op.example", "sub-of-annabel"
HOMES = {"annabel": "192.0.2.98", "bob": "192.0.2.10"}
BY_THE_SEA = '{"tag":"by-the-sea"}'


async def furnish(store: Store) -> User:
    """Annabel, with whatever may name her, and Bob. Returns her account."""
    keys = [replace(KEY, user_id="annabel", name="annabels laptop", prefix="sk-annab")]
    keys.append(replace(KEY, id="key_2", user_id="bob", digest=b"another"))
    users, _ = await store.accounts.save(users=[ANNABEL, BOB], keys=keys, audit=replace(AUDIT, target="annabel"))
    await store.sessions.save(begun=[Session("s1", "annabel", NOON, NOON, ISSUER, SUBJECT, "sid-by-the-sea")])
    await store.sessions.save(begun=[Session("s2", "bob", NOON, NOON)])
    for user_id, subject in (("annabel", SUBJECT), ("bob", "sub-of-bobs")):
        linked = f'{{"issuer":"{ISSUER}","subject":"{subject}"}}'
        entry = replace(AUDIT, actor="@oidc/corp", target=user_id, detail=linked, address=HOMES[user_id])
        await store.external_identities.save(ExternalIdentity(ISSUER, subject, user_id, NOON), entry)
        sealed, recovery = f"sealed of {user_id}".encode(), f"recovery of {user_id}".encode()
        await store.second_factors.save(StoredFactor(user_id, sealed, "k1", NOON, 1, (recovery,)))
    for at in range(3):
        store.ledger.settle(a_record(NOON + at, user_id="annabel", metadata=BY_THE_SEA))
        store.ledger.settle(a_record(NOON + at, user_id="bob", key_id="key_2", metadata='{"tag":"bobs"}'))
    reason = '{"reason":"for Annabel Lee","by":"root"}'
    store.ledger.settle(a_record(user_id="annabel", endpoint=ADJUSTMENT, key_id=None, model="", metadata=reason))
    await store.ledger.flush()
    for target, detail in (("ANNABEL", '{"name":"Annabel Lee"}'), ("key_1", '{"name":"annabels laptop"}'),
                           ("bob", '{"team":["annabel"],"name":"Bob"}')):  # fmt: skip
        await store.audit.add(replace(AUDIT, actor="annabel", address="192.0.2.99", target=target, detail=detail))
    await store.jobs.save(StoredJob("job_1", NOON, NOON, '{"model":"m","by":"annabel"}'))
    for payer, by in (("annabel", "root"), ("bob", "ANNABEL")):
        credit = CreditEntry(PayerId("user", payer), NOON, "granted", 5, f"for {payer}", by)
        await store.invoices.add_credit(credit, replace(AUDIT, actor=by, target=payer))
    theirs = Event("evt_1", NOON, "user.suspended", '{"user_id":"annabel","name":"Annabel Lee"}', "annabel")
    others = Event("evt_2", NOON, "key.revoked", '{"user_id":"bob","by":"annabel","prefix":"sk-bobs"}', "bob")
    alert = Alert("user", "annabel", "", "cost_usd_per_month", 80, 0, 0, NOON, "evt_3", "annabel")
    of_team = Event("evt_4", NOON, "budget.threshold", '{"team_id":"blue"}', team_id="blue")
    await store.events.add([theirs, others, of_team])
    await store.alerts.open(alert, replace(theirs, id="evt_3"))
    refused = RefusalKey(NOON, "annabel", "key_1", "tiny", 429, "rate_limit_exceeded", "requests_per_minute")
    await store.refusals.add([(refused, 3)])
    await store.events.plan("evt_1", [Delivery("dlv_1", "evt_1", "email", "annabel@example.com", NOON, NOON)])
    await store.events.plan("evt_2", [Delivery("dlv_2", "evt_2", "webhook", "wh_1", NOON, NOON)])
    to_admins = [Delivery("dlv_3", "evt_4", "email", "lee@example.com", NOON, NOON)]
    to_admins.append(Delivery("dlv_4", "evt_4", "email", "bob@example.com", NOON, NOON))
    await store.events.plan("evt_4", to_admins)
    return users[0]


async def everything(store: Store) -> str:
    """All that the store gives of anybody."""
    return repr(
        [
            await store.accounts.load(),
            await store.sessions.load(),
            await store.external_identities.load(),
            await store.second_factors.load(),
            await store.jobs.load(),
            await store.alerts.load(),
            await store.events.events(limit=100),
            await store.events.deliveries(limit=100),
            await store.audit.entries(limit=100, after=None),
            await store.reports.records(EVERYTHING, limit=100, after=None),
            await store.reports.summary(EVERYTHING, ["user", "key"]),
            [await store.invoices.credits(PayerId("user", user.user_id)) for user in (await store.accounts.load())[0]],
            await store.refusals.summary(RefusalFilter(), ["user"], limit=100),
        ]
    )


async def test_nothing_tells_who_they_were_and_no_sum_changes(store: Store) -> None:
    annabel = await furnish(store)
    before = await store.reports.summary(EVERYTHING, ["day", "model", "key", "status"])
    owed = await store.reports.summary(Filter(user_id="annabel"), ())
    left = await store.erasure.erase(annabel, ERASE)
    await store.erasure.scrub()
    assert OPAQUE.fullmatch(left.user_id)
    assert (left.status, left.name, left.password_hash) == ("closed", None, None)
    found = await everything(store)
    for secret in ("annabel", "Annabel", "by-the-sea", "192.0.2.99", "192.0.2.98", "lee@example.com"):
        assert secret not in found
    for kept in ("bobs", "sub-of-bobs", "192.0.2.10"):
        assert kept in found
    assert [factor.user_id for factor in await store.second_factors.load()] == ["bob"]
    assert [key.user_id for key in (await store.accounts.load())[1]] == ["bob"]
    assert [session.user_id for session in await store.sessions.load()] == ["bob"]
    assert await store.reports.summary(EVERYTHING, ["day", "model", "key", "status"]) == before
    assert await store.reports.summary(Filter(user_id=left.user_id), ()) == owed
    assert await store.reports.summary(Filter(user_id="annabel"), ["user"]) == []
    assert len(await store.reports.records(Filter(user_id=left.user_id), limit=10, after=None)) == 4
    assert await store.refusals.summary(RefusalFilter(left.user_id), ["user"], limit=9) == (
        [RefusalSum(3, NOON, user_id=left.user_id)], 3
    )  # fmt: skip


async def test_the_audit_log_tells_of_it_without_the_name(store: Store) -> None:
    left = await store.erasure.erase(await furnish(store), ERASE)
    newest, *others = await store.audit.entries(limit=100, after=None)
    assert (newest.action, newest.actor, newest.target) == ("user.erase", "root", left.user_id)
    them = left.user_id
    assert [entry.target for entry in others] == ["bob", them, "bob", "key_1", them, "bob", them, them]
    assert [entry.address for entry in others] == [
        *(None, "127.0.0.1", None, None, None, HOMES["bob"]), None, "127.0.0.1",
    ]  # fmt: skip
    assert others[2].detail == f'{{"team":["{left.user_id}"],"name":"Bob"}}'


async def test_their_events_and_alerts_go_and_those_of_others_do_not_name_them(store: Store) -> None:
    left = await store.erasure.erase(await furnish(store), ERASE)
    _, kept = await store.events.events(limit=100)
    assert (kept.id, kept.user_id) == ("evt_2", "bob")
    assert kept.data == f'{{"user_id":"bob","by":"{left.user_id}","prefix":"sk-bobs"}}'
    assert [due.delivery.id for due in await store.events.deliveries(limit=100)] == ["dlv_4", "dlv_2"]
    assert await store.events.unplanned(100) == []
    assert await store.alerts.load() == []


async def test_credit_stays_without_a_name_and_so_do_the_sums_of_corrections(store: Store) -> None:
    annabel = await furnish(store)
    correction = a_record(NOON + 8, user_id="bob", endpoint=ADJUSTMENT, key_id=None, model="", cost_pico=-3)
    for by, at in (("Annabel", 8), ("annabel lee", 9)):
        metadata = f'{{"reason":"a mistake","by":"{by}"}}'
        store.ledger.settle(replace(correction, request_id=a_record(NOON + at).request_id, metadata=metadata))
    await store.ledger.flush()
    left = await store.erasure.erase(annabel, ERASE)
    [theirs] = await store.invoices.credits(PayerId("user", left.user_id))
    assert (theirs.amount_pico, theirs.reason, theirs.by) == (5, "", "root")
    [bobs] = await store.invoices.credits(PayerId("user", "bob"))
    assert (bobs.amount_pico, bobs.reason, bobs.by) == (5, "for bob", left.user_id)
    assert await store.invoices.credits(PayerId("user", "annabel")) == []
    kept, gone = [
        each for each in await store.reports.records(Filter(user_id="bob"), limit=9, after=None)
        if each.endpoint == ADJUSTMENT
    ]  # fmt: skip
    assert (gone.metadata, gone.cost_pico) == (None, -3)
    assert kept.metadata == '{"reason":"a mistake","by":"annabel lee"}', "that is somebody else"


async def test_whoever_gets_the_id_has_no_history(store: Store) -> None:
    left = await store.erasure.erase(await furnish(store), ERASE)
    another = replace(ANNABEL, status="active", name="Another")
    await store.accounts.save(users=[another], audit=AUDIT)
    await store.ledger.settle(a_record(NOON + 9, user_id="annabel"))
    assert [sums.requests for _, sums in await store.reports.summary(Filter(user_id="annabel"), ())] == [1]
    assert [sums.requests for _, sums in await store.reports.summary(Filter(user_id=left.user_id), ())] == [3]
    history = await store.reports.history(NOON + 10, user_id="annabel")
    assert [part.requests for part in history.total] == [1]


async def test_what_is_left_can_be_corrected(store: Store, engine: Engine) -> None:
    left = await store.erasure.erase(await furnish(store), ERASE)

    async def correct(store: Store, at: int) -> None:
        await store.ledger.settle(
            a_record(NOON + at, user_id=left.user_id, endpoint=ADJUSTMENT, cost_pico=-5, model="")
        )

    async def owed(store: Store) -> int:
        return sum(sums.cost_pico for _, sums in await store.reports.summary(Filter(user_id=left.user_id), ["user"]))

    before = await owed(store)
    await correct(store, 5)
    assert await owed(store) == before - 5
    if isinstance(engine, Sqlite):
        await store.close()
        again = await engine.open()
        await correct(again, 6)
        assert await owed(again) == before - 10
        assert len(await again.reports.summary(EVERYTHING, ["user"])) == 2
        await again.close()


async def test_erasing_again_changes_nothing(store: Store) -> None:
    left = await store.erasure.erase(await furnish(store), ERASE)
    before = await everything(store)
    assert await store.erasure.erase(left, replace(ERASE, target=left.user_id)) == left
    assert await everything(store) == before
    [kept] = [user for user in (await store.accounts.load())[0] if user.user_id == left.user_id]
    assert kept == left


async def test_one_without_records_is_forgotten_as_well(store: Store) -> None:
    users, _ = await store.accounts.save(users=[ANNABEL], audit=AUDIT)
    left = await store.erasure.erase(users[0], ERASE)
    assert OPAQUE.fullmatch(left.user_id)
    assert "nnabel" not in await everything(store)


async def test_a_database_that_cannot_be_written_forgets_nobody(store: Store, engine: Engine) -> None:
    annabel = await furnish(store)
    engine.break_it()
    with pytest.raises(StoreError):
        await store.erasure.erase(annabel, ERASE)
    engine.mend_it()
    assert "Annabel Lee" in await everything(store)
    await store.ledger.settle(a_record(NOON + 9, user_id="annabel"))
    assert len(await store.reports.records(Filter(user_id="annabel"), limit=10, after=None)) == 5
    assert OPAQUE.fullmatch((await store.erasure.erase(annabel, ERASE)).user_id)


def files(path: Path) -> bytes:
    """Every byte of the database's files."""
    return b"".join(found.read_bytes() for found in path.parent.iterdir() if found.is_file())


async def test_no_byte_of_the_files_tells_who_they_were_and_the_chain_holds(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    store = await sqlite.open_store(path, now=lambda: NOON)
    annabel = await furnish(store)
    assert verify(path).ok
    assert b"nnabel" in files(path)
    await store.erasure.erase(annabel, ERASE)
    await store.erasure.scrub()
    found = files(path)
    for secret in (b"annabel", b"Annabel", b"by-the-sea", b"192.0.2.99", b"192.0.2.98", b"sk-annab"):
        assert secret not in found
    assert b"bobs" in found
    assert verify(path).faults == ()
    await store.close()
    again = await sqlite.open_store(path, now=lambda: NOON)
    assert "nnabel" not in await everything(again)
    await again.close()
    assert verify(path).faults == ()


async def test_tags_of_what_was_pruned_leave_nothing_behind_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tollkeeper.store.sql.tags._AT_ONCE", 2)
    path = tmp_path / "ledger.db"
    store = await sqlite.open_store(path, now=lambda: NOON)
    annabel = await furnish(store)
    for hour in range(5):
        store.ledger.settle(a_record(NOON + hour * 3_600_000, user_id="annabel", metadata=BY_THE_SEA))
    await store.ledger.flush()
    assert await store.ledger.prune(NOON + 3 * 3_600_000)
    assert verify(path).faults == ()
    await store.erasure.erase(annabel, ERASE)
    await store.erasure.scrub()
    tags = await store.explorer.explore(Question(EVERYTHING, ["tag:tag"]))
    assert [(place, each.totals.requests) for place, each in tags.rows] == [(("",), 8), (("bobs",), 3)]
    assert b"by-the-sea" not in files(path)
    await store.close()
    assert verify(path).faults == ()


async def test_rows_that_moved_between_pages_leave_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    store = await sqlite.open_store(path, now=lambda: NOON)
    chance = random.Random(5)
    people = [f"person-{number:04d}-{chance.randrange(10**9)}" for number in range(150)]
    accounts: dict[str, User] = {}
    for place, name in enumerate(people):
        user = replace(ANN, user_id=name, name=f"Name of {name}", status="closed")
        key = Key(f"key_{place}", name, f"laptop of {name}", "sk", name.encode(), NOON)
        [accounts[name]], _ = await store.accounts.save(users=[user], keys=[key], audit=replace(AUDIT, target=name))
    for number in range(1500):
        name = chance.choice(people)
        tag = f'{{"tag":"{name}{"x" * chance.randrange(300)}"}}'
        store.ledger.settle(a_record(NOON + number, user_id=name, metadata=tag))
        if number % 5 == 0:
            changed = replace(accounts[name], name=f"Name of {name}" + "y" * chance.randrange(200))
            [accounts[name]], _ = await store.accounts.save(users=[changed], audit=replace(AUDIT, target=name))
            await store.ledger.flush()
    await store.ledger.flush()
    gone = chance.sample(people, 25)
    for name in gone:
        await store.erasure.erase(accounts[name], replace(ERASE, target=name))
    await store.erasure.scrub()
    found = files(path)
    assert [name for name in gone if name.encode() in found] == []
    assert all(name.encode() in found for name in people if name not in gone)
    await store.close()
    assert verify(path).faults == ()


async def test_what_an_app_called_a_person_leaves_nothing_behind_either(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    store = await sqlite.open_store(path, now=lambda: NOON)
    chance = random.Random(2)
    made: list[EndUser] = []
    for number in range(800):
        value = f"p{chance.randrange(10**9):09d}-{number:05d}-{'x' * chance.randrange(20)}"
        new = EndUser(f"eu_{chance.randrange(16**24):024x}", chance.choice(["ann", "bob"]), value, NOON)
        added = await store.end_users.add(new, 10_000)
        assert added is not None
        made.append(added)
        if number % 3 == 0:
            limits = Limits(counts={"requests_total": chance.randrange(10**9)}) if chance.random() < 0.7 else NO_LIMITS
            place = chance.randrange(len(made))
            made[place] = await store.end_users.save(replace(made[place], limits=limits), AUDIT)
    gone = chance.sample(made, 25)
    for each in gone:
        await store.end_users.save(replace(each, value=None, limits=NO_LIMITS, status="erased"), AUDIT)
    await store.erasure.scrub()
    found = files(path)
    await store.close()
    assert [each for each in gone if (each.value or "")[:16].encode() in found] == []
    assert sum((each.value or "").encode() in found for each in made) == len(made) - len(gone)


async def test_a_long_read_keeps_the_log_from_being_emptied_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tollkeeper.store.sqlite.erasure._TRIES", 2)
    path = tmp_path / "ledger.db"
    store = await sqlite.open_store(path, now=lambda: NOON)
    annabel = await furnish(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM users").fetchall()
        left = await store.erasure.erase(annabel, ERASE)
        with pytest.raises(StoreError, match="something reads it"):
            await store.erasure.scrub()
        reader.execute("COMMIT")
    assert await store.erasure.erase(left, ERASE) == left
    await store.erasure.scrub()
    assert b"nnabel" not in files(path)
    await store.close()


async def test_a_kill_before_the_log_is_emptied_leaves_that_to_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    store = await sqlite.open_store(path, now=lambda: NOON)
    await store.erasure.erase(await furnish(store), ERASE)
    left = tmp_path / "after a kill" / "ledger.db"
    left.parent.mkdir()
    for name in ("ledger.db", "ledger.db-wal"):
        shutil.copyfile(tmp_path / name, left.parent / name)
    await store.close()
    assert b"nnabel" in files(left)
    again = await sqlite.open_store(left, now=lambda: NOON)
    assert b"nnabel" not in files(left)
    await again.close()


async def test_metadata_goes_in_bounded_steps(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "_AT_ONCE", 3)
    users, _ = await store.accounts.save(users=[ANNABEL], audit=AUDIT)
    for at in range(10):
        store.ledger.settle(a_record(NOON + at, user_id="annabel", metadata=BY_THE_SEA))
    await asyncio.shield(store.ledger.flush())
    left = await store.erasure.erase(users[0], ERASE)
    found = await store.reports.records(Filter(user_id=left.user_id), limit=20, after=None)
    assert [record.metadata for record in found] == [None] * 10


def test_every_table_says_what_becomes_of_a_person_in_it() -> None:
    kinds: list[Any] = [
        erasure.DELETED, erasure.RENAMED, erasure.BY_THEMSELVES, erasure.OPAQUE, erasure.KEPT, erasure.PASSING,
        erasure.IMPERSONAL,
    ]  # fmt: skip
    told = [name for kind in kinds for name in kind]
    assert sorted(told) == sorted(METADATA.tables)
    for name in erasure.IMPERSONAL:
        assert not {"user_id", "actor", "by", "email"} & {
            column.name for column in METADATA.tables[name].columns if isinstance(column.type, Text)
        }
