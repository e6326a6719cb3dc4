from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from tests.services.house import BOOTSTRAP, ROOT, START, AccountsHouse
from tollkeeper.rules.errors import AccountSuspended, Conflict, Forbidden, InvalidKey, NotFound, Unprocessable
from tollkeeper.rules.limits import NO_LIMITS
from tollkeeper.services.accounts import KeyChange, UserChange
from tollkeeper.services.audit import Actor
from tollkeeper.services.keys import key_status
from tollkeeper.services.limit_changes import MOST_MODELS
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.accounts import MemoryAccounts
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports import AuditEntry, Key, User


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
        ended: Collection[str] = (),
        audit: AuditEntry,
    ) -> None:
        await super().save(users=users, keys=keys, ended=ended, audit=audit)
        self.saved.set()
        await self.done.wait()


@pytest.fixture
async def house() -> AccountsHouse:
    return AccountsHouse()


async def test_a_new_user_is_known_at_once_by_their_key(house):
    user, made = await house.accounts.create_user("alice", ROOT, name="Alice")
    caller = house.accounts.identify(made.secret)
    assert caller.user == user == User("alice", "user", "active", "Alice", START)
    assert made.secret.startswith("sk-alice-")
    assert len(made.secret) - len("sk-alice-") >= 22  # 128 bits in base 64
    assert made.key.prefix == f"{made.secret[:6]}...{made.secret[-4:]}"


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


async def test_limits_are_in_force_at_once_and_after_a_start(house):
    _, made = await house.accounts.create_user("alice", ROOT, limits={"tokens_per_day": 5})
    await house.accounts.set_limits("ALICE", ROOT, {"tokens_per_day": None, "cost_usd_total": "0.1"})
    await house.accounts.update_key(made.key.id, ROOT, KeyChange(limits={"requests_total": 0}))
    await house.accounts.set_default_limits(ROOT, {"models": {"Tiny": {"tokens_total": 3}}, "cost_usd_per_day": 2})
    again = house.again()
    await again.load()
    for accounts in (house.accounts, again):
        caller = accounts.identify(made.secret)
        assert caller.user.limits.counts == {"cost_usd_total": 10**11}
        assert caller.key.limits.counts == {"requests_total": 0}
        assert accounts.default_limits().body() == house.accounts.default_limits().body()
        assert accounts.default_limits().models == {"tiny": {"tokens_total": 3}}


async def test_windows_are_prepared_before_limits_are_saved_and_in_force(house):
    _, made = await house.accounts.create_user("alice", ROOT)
    seen = []

    async def prepare(changed: User | Key) -> None:
        [users, keys] = await house.store.accounts.load()
        saved = users[0] if isinstance(changed, User) else keys[0]
        seen.append((saved.limits == NO_LIMITS, house.accounts.identify(made.secret).limits == (saved.limits,) * 2))

    house.accounts._limits_changed = prepare
    await house.accounts.update_key(made.key.id, ROOT, KeyChange(limits={"tokens_per_day": 6}))
    assert seen == [(True, True)]
    await house.accounts.update_key(made.key.id, ROOT, KeyChange(limits=None))
    await house.accounts.set_limits("alice", ROOT, {"tokens_per_day": 5})
    assert seen[2:] == [(True, True)]


async def test_limits_whose_windows_cannot_be_prepared_are_neither_saved_nor_in_force(house):
    await house.accounts.create_user("alice", ROOT)

    async def fail(_: User | Key) -> None:
        raise StoreError("no")

    house.accounts._limits_changed = fail
    with pytest.raises(StoreError):
        await house.accounts.set_limits("alice", ROOT, {"requests_total": 0})
    [[saved], _] = await house.store.accounts.load()
    assert house.accounts.user("alice").limits == saved.limits == NO_LIMITS
    assert [entry.action for entry in await house.audit()] == ["user.create"]


@pytest.mark.parametrize("grace", [0, 60])
async def test_a_rotated_key_is_counted_as_the_first_of_its_line(house, grace):
    _, made = await house.accounts.create_user("alice", ROOT)
    second = await house.accounts.rotate_key(made.key.id, ROOT, grace_seconds=grace)
    third = await house.accounts.rotate_key(second.key.id, ROOT, grace_seconds=grace)
    other = await house.accounts.create_key("alice", ROOT)
    keys = (made.key, second.key, third.key, other.key)
    assert [key.counted_as for key in keys] == [made.key.id] * 3 + [other.key.id]
    again = house.again()
    await again.load()
    assert [again.key(key.id).counted_as for key in keys] == [key.counted_as for key in keys]


async def test_revoking_cuts_what_runs_under_a_key_whose_grace_is_over(house):
    _, made = await house.accounts.create_user("alice", ROOT)
    other = await house.accounts.create_key("alice", ROOT)
    for key in (made.key, other.key):
        await house.accounts.rotate_key(key.id, ROOT, grace_seconds=1)
    house.clock.ms += 2000
    assert house.cut == []
    await house.accounts.revoke_key(made.key.id, ROOT)
    assert house.cut == [made.key.id]
    entries = len(await house.audit())
    await house.accounts.revoke_key(made.key.id, ROOT)
    assert (len(house.cut), len(await house.audit())) == (1, entries), "once more changes nothing"
    await house.accounts.close_user("alice", ROOT)
    assert other.key.id in house.cut[1:]


@pytest.mark.parametrize("how", ["revoke", "rotate", "close", "revoke after its grace"])
async def test_a_clock_that_is_set_back_revives_no_key(house, how):
    _, made = await house.accounts.create_user("alice", ROOT)
    if how == "rotate":
        await house.accounts.rotate_key(made.key.id, ROOT)
    elif how == "close":
        await house.accounts.close_user("alice", ROOT)
    else:
        if how != "revoke":
            await house.accounts.rotate_key(made.key.id, ROOT, grace_seconds=1)
            house.clock.ms += 2000
        await house.accounts.revoke_key(made.key.id, ROOT)
    house.clock.ms -= 3_600_000
    with pytest.raises(InvalidKey):
        house.accounts.identify(made.secret)
    assert key_status(house.accounts.key(made.key.id), house.clock.ms) == "revoked"


async def test_an_empty_change_of_limits_changes_none(house):
    await house.accounts.create_user("alice", ROOT)
    made = await house.accounts.create_key("alice", ROOT, limits={"requests_total": 1, "allowed_models": ["a"]})
    key = await house.accounts.update_key(made.key.id, ROOT, KeyChange(limits={}))
    assert key.limits == made.key.limits != NO_LIMITS
    key = await house.accounts.update_key(made.key.id, ROOT, KeyChange(limits=None))
    assert key.limits == NO_LIMITS


async def test_who_is_told_of_limits(house):
    user, made = await house.accounts.create_user("alice", ROOT)
    key = await house.accounts.create_key("alice", ROOT, limits={"requests_total": 1})
    rotated = await house.accounts.rotate_key(key.key.id, ROOT)
    assert house.limited == [user, key.key, rotated.key]
    assert rotated.key.limits == key.key.limits
    house.limited.clear()
    await house.accounts.update_user("alice", ROOT, UserChange(name="A"))
    await house.accounts.update_key(made.key.id, ROOT, KeyChange(name="A"))
    await house.accounts.update_key(made.key.id, ROOT, KeyChange(limits=None))
    assert [changed.limits for changed in house.limited] == [made.key.limits]


async def test_limits_that_cannot_be_saved_are_not_in_force(house):
    await house.accounts.create_user("alice", ROOT)
    house.store.fail = "disk full"
    for change in (
        house.accounts.set_limits("alice", ROOT, {"requests_total": 0}),
        house.accounts.set_default_limits(ROOT, {"requests_total": 0}),
    ):
        with pytest.raises(StoreError):
            await change
    assert house.accounts.user("alice").limits == house.accounts.default_limits() == NO_LIMITS


async def test_limits_name_so_many_models_and_no_more(house):
    await house.accounts.create_user("alice", ROOT)
    many: dict[str, object] = {f"m{number}": {"tokens_total": 1} for number in range(MOST_MODELS)}
    await house.accounts.set_limits("alice", ROOT, {"models": many, "allowed_models": list(many)})
    for change, param in (
        ({"models": {"x": {"tokens_total": 1}}}, "models"),
        ({"allowed_models": [*many, "x"]}, "allowed_models"),
    ):
        with pytest.raises(Unprocessable) as refused:
            await house.accounts.set_limits("alice", ROOT, change)
        assert refused.value.param == param


async def test_users_are_found_whatever_the_case(house):
    user, _ = await house.accounts.create_user("Alice", ROOT)
    assert house.accounts.user("aLICE") is user
    with pytest.raises(NotFound):
        house.accounts.user("bob")


@pytest.mark.parametrize(
    ("secret", "shown", "hidden"),
    [
        ("sk-alice-" + "x" * 10 + "12345678", "sk-ali...5678", "12345678"),
        ("sk-alice-123", "sk-...", "alice"),
        ("k" * 10_000, "kkkkkk...kkkk", "k" * 11),
    ],
)
async def test_an_unknown_key_is_refused_and_hardly_shown(house, secret, shown, hidden):
    with pytest.raises(InvalidKey) as refused:
        house.accounts.identify(secret)
    assert refused.value.status == 401
    assert shown in refused.value.message
    assert hidden not in refused.value.message


async def test_no_key_at_all(house):
    with pytest.raises(InvalidKey, match="No API key"):
        house.accounts.identify("")


async def test_keys_that_no_key_can_be_are_refused_too(house):
    for secret in ("\udc80\udcff" * 20, "\x00check", "\x1b[31m" + "a" * 40):
        with pytest.raises(InvalidKey) as refused:
            house.accounts.identify(secret)
        assert refused.value.message.isprintable()


async def test_suspending_is_in_force_at_once_and_can_be_undone(house):
    _, made = await house.accounts.create_user("alice", ROOT)
    await house.accounts.update_user("alice", ROOT, UserChange(status="suspended"))
    with pytest.raises(AccountSuspended) as refused:
        house.accounts.identify(made.secret)
    assert refused.value.status == 403
    assert house.cut == [made.key.id]
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
    assert sorted(house.cut) == sorted([first.key.id, second.key.id])
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


async def test_a_rotated_key_dies_at_once_by_default(house):
    _, old = await house.accounts.create_user("alice", ROOT)
    new = await house.accounts.rotate_key(old.key.id, ROOT)
    with pytest.raises(InvalidKey):
        house.accounts.identify(old.secret)
    assert house.accounts.identify(new.secret).key.name == old.key.name == "default"
    assert house.cut == [old.key.id]
    with pytest.raises(Conflict):
        await house.accounts.rotate_key(old.key.id, ROOT)


async def test_a_grace_period_lets_both_keys_open_until_it_ends(house):
    _, old = await house.accounts.create_user("alice", ROOT)
    new = await house.accounts.rotate_key(old.key.id, ROOT, grace_seconds=60)
    house.clock.ms += 59_999
    assert house.accounts.identify(old.secret).user.user_id == "alice"
    house.clock.ms += 1
    with pytest.raises(InvalidKey):
        house.accounts.identify(old.secret)
    assert house.accounts.identify(new.secret).user.user_id == "alice"
    assert house.cut == []


async def test_rotating_again_never_lengthens_a_grace_period(house):
    _, old = await house.accounts.create_user("alice", ROOT)
    await house.accounts.rotate_key(old.key.id, ROOT, grace_seconds=60)
    await house.accounts.rotate_key(old.key.id, ROOT, grace_seconds=3600)
    house.clock.ms += 60_000
    with pytest.raises(InvalidKey):
        house.accounts.identify(old.secret)


async def test_a_key_expires_at_its_moment(house):
    await house.accounts.create_user("alice", ROOT)
    made = await house.accounts.create_key("alice", ROOT, expires_at=START + 10)
    house.clock.ms = START + 9
    house.accounts.identify(made.secret)
    house.clock.ms = START + 10
    with pytest.raises(InvalidKey, match=r"expired at 2026-11-20T12:00:00\.133Z"):
        house.accounts.identify(made.secret)
    await house.accounts.update_key(made.key.id, ROOT, KeyChange(expires_at=None))
    house.accounts.identify(made.secret)


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


async def test_admins_are_the_bootstrap_key_and_admins_keys(house):
    _, admin = await house.accounts.create_user("root", ROOT, role="admin")
    _, user = await house.accounts.create_user("alice", ROOT)
    assert house.accounts.identify_admin(BOOTSTRAP) == "@bootstrap"
    assert house.accounts.identify_admin(admin.secret) == "root"
    assert house.accounts.identify(admin.secret).user.user_id == "root"
    with pytest.raises(Forbidden) as refused:
        house.accounts.identify_admin(user.secret)
    assert refused.value.code == "forbidden"
    with pytest.raises(InvalidKey):
        house.accounts.identify_admin("sk-nobody")
    await house.accounts.update_user("root", ROOT, UserChange(role="user"))
    with pytest.raises(Forbidden):
        house.accounts.identify_admin(admin.secret)


async def test_the_bootstrap_key_has_no_user(house):
    with pytest.raises(Forbidden, match="/admin/usage"):
        house.accounts.identify(BOOTSTRAP)


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
    assert house.cut == []


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
