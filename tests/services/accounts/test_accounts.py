from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from msgspec.structs import replace

from tests.services.in_memory import BOOTSTRAP, ROOT, START
from tollkeeper.rules.errors import AccountSuspended, Conflict, InvalidKey, NotFound, Unprocessable
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.accounts.changes.keys import KeyChange
from tollkeeper.services.accounts.keys import key_status
from tollkeeper.services.audit.actor import Actor
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.accounts import MemoryAccounts
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.accounts import Key, User
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.events import Event
from tollkeeper.store.ports.external_identities import ExternalIdentity


class SlowAccounts(MemoryAccounts):
    """Saves, and answers only when `done` is set."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.saved, self.done = asyncio.Event(), asyncio.Event()

    async def save(
        self,
        *,
        users: Sequence[User] = (),
        keys: Sequence[Key] = (),
        forgotten: Collection[str] = (),
        ended: Collection[str] = (),
        linked: Sequence[ExternalIdentity] = (),
        audit: AuditEntry,
        also: Sequence[AuditEntry] = (),
        events: Sequence[Event] = (),
    ) -> tuple[list[User], list[Key]]:
        saved = await super().save(
            users=users,
            keys=keys,
            forgotten=forgotten,
            ended=ended,
            linked=linked,
            audit=audit,
            also=also,
            events=events,
        )
        self.saved.set()
        await self.done.wait()
        return saved


async def test_a_new_user_is_known_at_once_by_their_key(house):
    user, made = await house.accounts.create_user("alice", ROOT, name="Alice")
    caller = house.accounts.identify(made.secret)
    assert caller.user == user == User("alice", "user", "active", "Alice", START, version=1)
    assert made.secret.startswith("sk-alice-")
    assert len(made.secret) - len("sk-alice-") >= 22  # 128 bits in base 64
    assert made.key.prefix == f"{made.secret[:6]}…{made.secret[-4:]}"


async def test_what_is_stored_is_not_the_secret(house):
    _, made = await house.accounts.create_user("alice", ROOT, password="wonderland")
    kept = repr(await house.store.accounts.load()) + repr(await house.audit()) + repr(made) + repr(house.accounts)
    assert made.secret not in kept
    assert "wonderland" not in kept


async def test_everything_is_there_after_a_start(house):
    _, made = await house.accounts.create_user("alice", ROOT)
    house.clock.ms += 1
    second = await house.accounts.create_key("alice", ROOT, name="laptop")
    await house.accounts.revoke_key(made.key.id, ROOT)
    started = house.again()
    await started.load()
    assert started.identify(second.secret).key.name == "laptop"
    with pytest.raises(InvalidKey, match="revoked"):
        started.identify(made.secret)
    assert [key.id for key in started.keys_of("alice")] == [made.key.id, second.key.id]


@pytest.mark.parametrize("taken", ["alice", "ALICE", "Alice"])
async def test_a_user_id_is_unique_whatever_its_case_and_for_good(house, taken):
    await house.accounts.create_user("alice", ROOT)
    with pytest.raises(Conflict) as refused:
        await house.accounts.create_user(taken, ROOT)
    assert (refused.value.status, refused.value.param) == (409, "user_id")
    await house.accounts.close_user("alice", ROOT)
    with pytest.raises(Conflict):
        await house.accounts.create_user(taken, ROOT)


async def test_of_two_who_want_one_id_at_once_one_gets_it(house):
    slow = SlowAccounts(house.store._tables)
    house.accounts._store = slow
    both = [asyncio.create_task(house.accounts.create_user(name, ROOT)) for name in ("alice", "Alice")]
    await slow.saved.wait()
    slow.done.set()
    results = await asyncio.gather(*both, return_exceptions=True)
    assert [type(result) for result in results] == [tuple, Conflict]
    assert len(house.accounts.users()) == 1


@pytest.mark.parametrize("user_id", ["", "-a", ".a", "a b", "a/b", "ä", "a\n", "a" * 65, "@bootstrap"])
async def test_a_user_id_that_is_none(house, user_id):
    with pytest.raises(Unprocessable) as refused:
        await house.accounts.create_user(user_id, ROOT)
    assert refused.value.param == "user_id"


async def test_suspending_is_in_force_at_once_and_can_be_undone(house):
    _, made = await house.accounts.create_user("alice", ROOT)
    await house.accounts.update_user("alice", ROOT, UserChange(status="suspended"))
    with pytest.raises(AccountSuspended) as refused:
        house.accounts.identify(made.secret)
    assert refused.value.status == 403
    assert house.ended == ["alice"]
    await house.accounts.update_user("alice", ROOT, UserChange(status="active"))
    assert house.accounts.identify(made.secret).user.status == "active"


@pytest.mark.parametrize("by_patch", [True, False])
async def test_closing_kills_all_keys_and_is_final(house, by_patch):
    _, first = await house.accounts.create_user("alice", ROOT)
    second = await house.accounts.create_key("alice", ROOT)
    if by_patch:
        closed = await house.accounts.update_user("alice", ROOT, UserChange(status="closed"))
    else:
        closed = await house.accounts.close_user("alice", ROOT)
    assert closed.status == "closed"
    for made in (first, second):
        with pytest.raises(InvalidKey):
            house.accounts.identify(made.secret)
    assert {key_status(key, START) for key in house.accounts.keys_of("alice")} == {"revoked"}
    assert sorted(house.ended) == sorted([first.key.id, second.key.id])
    for change in (UserChange(status="active"), UserChange(name="x")):
        with pytest.raises(Conflict, match="closed"):
            await house.accounts.update_user("alice", ROOT, change)
    with pytest.raises(Conflict, match="closed"):
        await house.accounts.create_key("alice", ROOT)
    changes = len(await house.audit())
    await house.accounts.close_user("alice", ROOT)
    assert len(await house.audit()) == changes


async def test_a_change_touches_only_what_is_given(house):
    await house.accounts.create_user("alice", ROOT, name="Alice", password="wonderland")
    user = await house.accounts.update_user("alice", ROOT, UserChange(role="admin"))
    assert (user.name, user.role) == ("Alice", "admin")
    assert user.password_hash is not None
    assert PasswordHasher().verify(user.password_hash, "wonderland")
    user = await house.accounts.update_user("alice", ROOT, UserChange(name=None, password="looking-glass"))
    assert user.name is None
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(user.password_hash or "", "wonderland")
    user = await house.accounts.update_user("alice", ROOT, UserChange(password=None))
    assert user.password_hash is None
    changes = len(await house.audit())
    assert await house.accounts.update_user("alice", ROOT, UserChange()) == user
    assert len(await house.audit()) == changes


async def test_an_end_must_lie_ahead(house):
    _, made = await house.accounts.create_user("alice", ROOT)
    with pytest.raises(Unprocessable) as refused:
        await house.accounts.create_key("alice", ROOT, expires_at=START)
    assert refused.value.param == "expires_at"
    with pytest.raises(Unprocessable):
        await house.accounts.update_key(made.key.id, ROOT, KeyChange(expires_at=START - 1))


async def test_no_change_brings_a_revoked_key_back(house):
    _, made = await house.accounts.create_user("alice", ROOT)
    await house.accounts.revoke_key(made.key.id, ROOT)
    await house.accounts.revoke_key(made.key.id, ROOT)
    await house.accounts.update_key(made.key.id, ROOT, KeyChange(name="again", expires_at=None))
    with pytest.raises(InvalidKey):
        house.accounts.identify(made.secret)
    assert [entry.action for entry in await house.audit()] == ["key.update", "key.revoke", "user.create"]


async def test_a_given_secret_opens_and_is_nobody_elses(house):
    _, made = await house.accounts.create_user("alice", ROOT, secret="sk-alice-123")
    assert house.accounts.identify("sk-alice-123").key.id == made.key.id
    for taken in ("sk-alice-123", BOOTSTRAP):
        with pytest.raises(Conflict):
            await house.accounts.create_user("bob", ROOT, secret=taken)
    with pytest.raises(NotFound):
        house.accounts.user("bob")


async def test_last_use_is_written_in_batches_and_survives_changes(house):
    _, made = await house.accounts.create_user("alice", ROOT)
    house.accounts.identify(made.secret)
    assert house.accounts.key(made.key.id).last_used_at == START
    await house.accounts.write_last_used()
    await house.accounts.update_key(made.key.id, ROOT, KeyChange(name="x"))
    [kept] = (await house.store.accounts.load())[1]
    assert (kept.name, kept.last_used_at) == ("x", START)


async def test_last_use_is_not_lost_when_it_cannot_be_written(house):
    _, made = await house.accounts.create_user("alice", ROOT)
    house.accounts.identify(made.secret)
    house.store.fail = "disk full"
    with pytest.raises(StoreError):
        await house.accounts.write_last_used()
    house.store.fail = None
    await house.accounts.write_last_used()
    [kept] = (await house.store.accounts.load())[1]
    assert kept.last_used_at == START


async def test_what_cannot_be_saved_is_not_in_force(house):
    _, made = await house.accounts.create_user("alice", ROOT)
    house.store.fail = "disk full"
    for change in (
        house.accounts.create_user("bob", ROOT),
        house.accounts.revoke_key(made.key.id, ROOT),
        house.accounts.update_user("alice", ROOT, UserChange(status="suspended")),
    ):
        with pytest.raises(StoreError):
            await change
    assert house.accounts.identify(made.secret).user.status == "active"
    assert [user.user_id for user in house.accounts.users()] == ["alice"]
    assert house.ended == []


async def test_a_change_whose_caller_leaves_is_made_all_the_same(house):
    _, made = await house.accounts.create_user("alice", ROOT)
    slow = SlowAccounts(house.store._tables)
    house.accounts._store = slow
    leaving = asyncio.create_task(house.accounts.revoke_key(made.key.id, ROOT))
    await slow.saved.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    slow.done.set()
    await house.accounts.create_key("alice", ROOT)  # its turn is after the other's
    with pytest.raises(InvalidKey):
        house.accounts.identify(made.secret)


async def test_every_change_is_in_the_audit_log(house):
    alice = Actor("alice", "10.0.0.9")
    _, made = await house.accounts.create_user("alice", ROOT, role="admin")
    await house.accounts.update_user("alice", alice, UserChange(password="looking-glass", name="A"))
    second = await house.accounts.create_key("alice", alice, name="laptop")
    third = await house.accounts.rotate_key(second.key.id, alice, grace_seconds=5)
    await house.accounts.revoke_key(third.key.id, alice)
    await house.accounts.close_user("alice", ROOT)
    entries = (await house.audit())[::-1]
    assert [(entry.actor, entry.action, entry.target, entry.address) for entry in entries] == [
        ("@bootstrap", "user.create", "alice", "127.0.0.1"),
        ("alice", "user.update", "alice", "10.0.0.9"),
        ("alice", "key.create", second.key.id, "10.0.0.9"),
        ("alice", "key.rotate", third.key.id, "10.0.0.9"),
        ("alice", "key.revoke", third.key.id, "10.0.0.9"),
        ("@bootstrap", "user.close", "alice", "127.0.0.1"),
    ]
    told = "".join(entry.detail for entry in entries)
    assert '"password":"changed"' in told
    for secret in ("looking-glass", made.secret, second.secret, third.secret):
        assert secret not in told


class OtherWriter(MemoryAccounts):
    """Before each save but `left`, another writer saves the same user, under another name each time."""

    left = 0

    async def save(
        self,
        *,
        users: Sequence[User] = (),
        keys: Sequence[Key] = (),
        forgotten: Collection[str] = (),
        ended: Collection[str] = (),
        linked: Sequence[ExternalIdentity] = (),
        audit: AuditEntry,
        also: Sequence[AuditEntry] = (),
        events: Sequence[Event] = (),
    ) -> tuple[list[User], list[Key]]:
        if self.left and users:
            self.left -= 1
            [there] = [user for user in (await self.load())[0] if user.user_id == users[0].user_id]
            await super().save(users=[replace(there, name=f"other {self.left}")], audit=ROOT.entry(0, "x", "x"))
        return await super().save(
            users=users,
            keys=keys,
            forgotten=forgotten,
            ended=ended,
            linked=linked,
            audit=audit,
            also=also,
            events=events,
        )


async def test_a_change_is_decided_anew_on_what_another_writer_left(house):
    await house.accounts.create_user("alice", ROOT, name="Alice")
    house.store.accounts = store = OtherWriter(house.store._tables)
    accounts = house.again()
    await accounts.load()
    store.left = 1
    user = await accounts.update_user("alice", ROOT, UserChange(role="admin"))
    # Neither change is lost.
    assert (user.name, user.role) == ("other 0", "admin")
    assert accounts.user("alice") == user == (await store.load())[0][0]


async def test_a_change_that_others_keep_coming_before_is_refused_and_may_be_tried_again(house):
    await house.accounts.create_user("alice", ROOT, name="Alice")
    house.store.accounts = store = OtherWriter(house.store._tables)
    accounts = house.again()
    await accounts.load()
    store.left = 1000
    with pytest.raises(Conflict, match="Somebody else") as caught:
        await accounts.update_user("alice", ROOT, UserChange(role="admin"))
    assert (caught.value.status, caught.value.code) == (409, "changed_meanwhile")
    assert 0 < 1000 - store.left < 10
    assert (await store.load())[0][0].role == "user"
    store.left = 0
    assert (await accounts.update_user("alice", ROOT, UserChange(role="admin"))).role == "admin"


async def test_what_another_writer_forgot_is_gone(house):
    _, made = await house.accounts.create_user("alice", ROOT)
    other = house.again()
    await other.load()
    extra = await other.create_key("alice", ROOT)
    await house.store.accounts.save(forgotten=[made.key.id], audit=ROOT.entry(0, "x", "x"))
    await other.update_user("alice", ROOT, UserChange(name="first"))
    await house.accounts.update_user("alice", ROOT, UserChange(role="admin"))
    assert [key.id for key in house.accounts.keys_of("alice")] == [extra.key.id]
    assert house.accounts.user("alice").name == "first"
    with pytest.raises(InvalidKey):
        house.accounts.identify(made.secret)


async def test_what_another_writer_saved_has_all_that_follows_from_it(house):
    """Its limits begin with their past, and nothing runs on under what lost its access."""
    _, made = await house.accounts.create_user("alice", ROOT)
    spare = await house.accounts.create_key("alice", ROOT)
    await house.accounts.create_user("bob", ROOT)
    other = house.again()
    await other.load()
    await other.set_limits("alice", ROOT, {"requests_total": 5})
    await other.revoke_key(made.key.id, ROOT)
    await other.update_user("bob", ROOT, UserChange(status="suspended"))
    house.ended.clear()
    house.limited.clear()
    await house.accounts.update_user("alice", ROOT, UserChange(name="Alice"))
    assert {owner.scope for owner in house.limited} == {("user", "alice"), ("key", made.key.id), ("user", "bob")}
    assert dict(house.limited[0].limits.counts) == {"requests_total": 5}
    assert house.ended == ["bob", made.key.id]
    assert house.accounts.identify(spare.secret).user.name == "Alice"
    with pytest.raises(InvalidKey):
        house.accounts.identify(made.secret)
