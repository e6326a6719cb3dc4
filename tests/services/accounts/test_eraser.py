from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from tests.services.in_memory import ROOT, InMemoryAccounts, record
from tollkeeper.rules.errors import Conflict, InvalidKey, LedgerUnavailable, NotFound, Unprocessable
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.accounts.eraser import Eraser
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.accounts import Acting, User
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.reports import Filter

SECRET = "sk-alice-of-the-eraser"


class House:
    def __init__(self) -> None:
        self.memory = InMemoryAccounts()
        self.accounts = self.memory.accounts
        self.running: set[str] = set()
        self.told: list[tuple[str, str]] = []
        self.eraser = self.with_patience(5.0)

    def with_patience(self, patience: float) -> Eraser:
        store = self.memory.store
        return Eraser(
            self.accounts, store.erasure, store.ledger, self.running.__contains__, self.memory.clock,
            erased=self.tell, patience=patience,
        )  # fmt: skip

    async def tell(self, user_id: str, left: str) -> None:
        self.told.append((user_id, left))


@pytest.fixture
async def house() -> House:
    house = House()
    await house.accounts.create_user("alice", ROOT, name="Alice", password="wonderland", secret=SECRET)
    return house


async def test_an_open_account_is_closed_and_the_person_forgotten(house: House) -> None:
    await house.memory.store.ledger.settle(record(user_id="alice"))
    [key] = house.accounts.keys_of("alice")
    left = await house.eraser.erase("ALICE", ROOT)
    assert (left.status, left.name) == ("closed", None)
    assert house.accounts.user(left.user_id) == left
    assert house.accounts.keys_of(left.user_id) == []
    with pytest.raises(NotFound):
        house.accounts.user("alice")
    with pytest.raises(InvalidKey, match="ask an admin"):
        house.accounts.identify(SECRET)
    assert house.memory.ended == [key.id]
    assert house.told == [("alice", left.user_id)]
    [kept] = await house.memory.store.reports.records(Filter(user_id=left.user_id), limit=5, after=None)
    assert kept.metadata is None
    again = house.memory.again()
    await again.load()
    assert [user.user_id for user in again.users()] == [left.user_id]


async def test_it_waits_for_what_still_runs(house: House) -> None:
    house.running.add("alice")
    erasing = asyncio.create_task(house.eraser.erase("alice", ROOT))
    await turns()
    assert not erasing.done()
    assert house.accounts.user("alice").status == "closed"
    house.running.clear()
    assert (await erasing).user_id != "alice"


async def turns() -> None:
    """As many turns of the loop as an erasure has, if it waits for nothing."""
    for _ in range(200):
        await asyncio.sleep(0)


async def test_what_is_in_the_making_is_written_before_the_person_is_forgotten(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that came after would give the name an opaque id anew."""
    written, erase, erased = asyncio.Event(), house.memory.store.erasure.erase, []

    async def noted(user: User, audit: AuditEntry) -> User:
        erased.append(user)
        return await erase(user, audit)

    monkeypatch.setattr(house.memory.store.ledger, "flush", written.wait)
    monkeypatch.setattr(house.memory.store.erasure, "erase", noted)
    erasing = asyncio.create_task(house.eraser.erase("alice", ROOT))
    await turns()
    assert erased == []
    written.set()
    assert (await erasing).user_id != "alice"


async def test_an_end_user_is_erased_and_the_log_emptied_also_at_another_try(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    mia = await house.accounts.end_users.named("alice", "mia", Acting())
    tries = 0

    async def scrub() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise StoreError("something reads it")

    monkeypatch.setattr(house.memory.store.erasure, "scrub", scrub)
    with pytest.raises(LedgerUnavailable, match=mia.id):
        await house.eraser.erase_end_user(mia.id, ROOT)
    assert (await house.eraser.erase_end_user(mia.id, ROOT)).value is None
    assert tries == 2


async def test_a_request_that_does_not_end_is_a_conflict_and_it_may_be_repeated(house: House) -> None:
    house.running.add("alice")
    with pytest.raises(Conflict, match="Erase it again"):
        await house.with_patience(0.0).erase("alice", ROOT)
    assert house.accounts.user("alice").status == "closed"
    house.running.clear()
    assert (await house.eraser.erase("alice", ROOT)).name is None


async def test_closing_and_erasing_twice_is_fine(house: House) -> None:
    await house.accounts.close_user("alice", ROOT)
    left = await house.eraser.erase("alice", ROOT)
    assert await house.eraser.erase(left.user_id, ROOT) == left
    assert len(house.told) == 1
    with pytest.raises(NotFound):
        await house.eraser.erase("alice", ROOT)


async def test_many_at_once_erase_once(house: House) -> None:
    found = await asyncio.gather(*(house.eraser.erase("alice", ROOT) for _ in range(20)), return_exceptions=True)
    assert [type(each) for each in found[1:]] == [NotFound] * 19
    assert len(house.told) == 1


async def test_the_id_is_free_and_whoever_gets_it_is_another(house: House) -> None:
    left = await house.eraser.erase("alice", ROOT)
    user, made = await house.accounts.create_user("Alice", ROOT)
    assert (user.user_id, user.name, len(house.accounts.keys_of("alice"))) == ("Alice", None, 1)
    assert house.accounts.identify(made.secret).user == user
    changed = await house.accounts.update_user("alice", ROOT, UserChange(name="Another"))
    assert changed.name == "Another"
    assert house.accounts.user(left.user_id).name is None


async def test_nobody_may_have_an_id_of_that_form(house: House) -> None:
    left = await house.eraser.erase("alice", ROOT)
    for user_id in (left.user_id, "u_" + "0" * 24):
        with pytest.raises(Unprocessable, match="gateway's own"):
            await house.accounts.create_user(user_id, ROOT)


async def test_a_store_that_fails_leaves_the_account_closed_and_named(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> Any:
        raise StoreError("the disk is full")

    monkeypatch.setattr(house.memory.store.erasure, "erase", fail)
    with pytest.raises(StoreError):
        await house.eraser.erase("alice", ROOT)
    user = house.accounts.user("alice")
    assert (user.status, user.name, len(house.accounts.keys_of("alice"))) == ("closed", "Alice", 1)
    assert house.told == []


async def test_a_log_that_cannot_be_emptied_yet_names_the_id_to_erase_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    async def scrub() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise StoreError("something reads it")

    monkeypatch.setattr(house.memory.store.erasure, "scrub", scrub)
    with pytest.raises(LedgerUnavailable, match=r"u_[0-9a-f]{24}") as failed:
        await house.eraser.erase("alice", ROOT)
    [(_, left)] = house.told
    assert left in failed.value.message
    assert (await house.eraser.erase(left, ROOT)).user_id == left
    assert tries == 2


async def test_an_open_account_is_not_replaced(house: House) -> None:
    async def erase(user: Any) -> Any:
        return replace(user, user_id="u_0")

    with pytest.raises(Conflict):
        await house.accounts.replace_closed("alice", erase)
    assert house.accounts.identify(SECRET).user.user_id == "alice"
