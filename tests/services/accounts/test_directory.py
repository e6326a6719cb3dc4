"""Who a key is, and which keys are dead."""

from __future__ import annotations

import pytest

from tests.services.in_memory import BOOTSTRAP, ROOT, START
from tollkeeper.rules.errors import Forbidden, InvalidKey, NotFound
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.accounts.acting import ActingChange
from tollkeeper.services.accounts.changes.keys import KeyChange
from tollkeeper.services.accounts.keys import key_status


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


async def test_users_are_found_whatever_the_case(house):
    user, _ = await house.accounts.create_user("Alice", ROOT)
    assert house.accounts.user("aLICE") is user
    with pytest.raises(NotFound):
        house.accounts.user("bob")


@pytest.mark.parametrize(
    ("secret", "shown", "hidden"),
    [
        ("sk-alice-" + "x" * 10 + "12345678", "sk-ali…5678", "12345678"),
        ("sk-alice-123", "sk-…", "alice"),
        ("k" * 10_000, "kkkkkk…kkkk", "k" * 11),
    ],
)
async def test_an_unknown_key_is_refused_and_hardly_shown(house, secret, shown, hidden):
    with pytest.raises(InvalidKey) as refused:
        house.accounts.identify(secret)
    assert refused.value.status == 401
    assert refused.value.message.startswith(f"Incorrect API key provided: {shown}. ")
    assert hidden not in refused.value.message


async def test_a_key_is_known_whatever_it_opens(house):
    _, alive = await house.accounts.create_user("alice", ROOT)
    revoked = await house.accounts.create_key("alice", ROOT)
    await house.accounts.revoke_key(revoked.key.id, ROOT)
    expired = await house.accounts.create_key("alice", ROOT, expires_at=START + 1)
    house.clock.ms += 1
    _, suspended = await house.accounts.create_user("bob", ROOT)
    await house.accounts.update_user("bob", ROOT, UserChange(status="suspended"))
    _, closed = await house.accounts.create_user("carol", ROOT)
    await house.accounts.close_user("carol", ROOT)
    for made in (alive, revoked, expired, suspended, closed):
        assert house.accounts.knows(made.secret)
        assert house.again().knows(made.secret) is False
    assert house.accounts.knows(BOOTSTRAP)
    for nobodys in ("", "ollama", "none", alive.secret[:-1]):
        assert not house.accounts.knows(nobodys)
    assert house.accounts.key(alive.key.id).last_used_at is None, "to be known is no use"


@pytest.mark.parametrize("end", ["revoked", "expired", "closed"])
async def test_a_dead_key_is_hardly_shown_and_its_end_is_told(house, end):
    _, made = await house.accounts.create_user("alice", ROOT)
    caller = house.accounts.identify(made.secret)
    if end == "revoked":
        await house.accounts.revoke_key(made.key.id, ROOT)
    elif end == "expired":
        await house.accounts.update_key(made.key.id, ROOT, KeyChange(expires_at=START + 1))
        house.clock.ms += 1
    else:
        await house.accounts.update_user("alice", ROOT, UserChange(status="closed"))
    shown = f"{made.secret[:6]}…{made.secret[-4:]}"
    for ask in (lambda: house.accounts.identify(made.secret), lambda: house.accounts.refresh(caller)):
        with pytest.raises(InvalidKey) as refused:
            ask()
        assert refused.value.message.startswith(f"Incorrect API key provided: {shown}. ")
        assert {"revoked": "was revoked", "expired": "expired at", "closed": "revoked"}[end] in refused.value.message


async def test_keys_that_no_key_can_be_are_refused_too(house):
    for secret in ("\udc80\udcff" * 20, "\x00check", "\x1b[31m" + "a" * 40):
        with pytest.raises(InvalidKey) as refused:
            house.accounts.identify(secret)
        assert refused.value.message.isprintable()


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


async def test_the_owners_of_use_are_those_whose_limits_counted_it(house):
    accounts = house.accounts
    for team in ("blue", "red"):
        await accounts.teams.create(team, ROOT)
    _, made = await accounts.create_user("ann", ROOT, team="blue")
    key = await accounts.create_key("ann", ROOT, acting=ActingChange(acts_for="users"))
    end_user = await accounts.end_users.named("ann", "pat", key.key.acting)
    await accounts.update_user("ann", ROOT, UserChange(team="red"))  # while it ran
    found = await accounts.owners_of_use("ann", made.key.id, "blue", end_user.id)
    assert [owner.scope for owner in found] == [
        ("user", "ann"),
        ("key", made.key.id),
        ("team", "blue"),
        ("end_user", end_user.id),
    ]
    assert [owner.scope for owner in await accounts.owners_of_use("ann", None, None, None)] == [("user", "ann")]
    assert await accounts.owners_of_use("bob", "key_none", "green", "eu_none") == ()


async def test_a_key_that_was_rotated_is_one_owner_with_the_limits_of_the_newest(house):
    accounts = house.accounts
    await accounts.create_user("ann", ROOT)
    old = await accounts.create_key("ann", ROOT, limits={"requests_per_day": 5})
    house.clock.ms += 1
    new = await accounts.rotate_key(old.key.id, ROOT, grace_seconds=60)
    await accounts.update_key(new.key.id, ROOT, KeyChange(limits={"requests_per_day": 7}))
    for key_id in (old.key.id, new.key.id):
        [_, owner] = await accounts.owners_of_use("ann", key_id, None, None)
        assert (owner.id, owner.keys[-1]) == (old.key.id, new.key.id)
        assert owner.limits.counts == {"requests_per_day": 7}


async def test_who_is_gone_owns_no_limits(house):
    accounts = house.accounts
    await accounts.teams.create("blue", ROOT)
    _, made = await accounts.create_user("ann", ROOT)
    await accounts.revoke_key(made.key.id, ROOT)
    assert await accounts.limit_owner("key", made.key.id, "ann") is None
    await accounts.close_user("ann", ROOT)
    assert await accounts.limit_owner("user", "ann", "ann") is None
    await accounts.teams.close("blue", ROOT)
    assert await accounts.limit_owner("team", "blue", None) is None


async def test_mail_about_a_team_goes_to_its_admins(house):
    accounts = house.accounts
    for team in ("blue", "red"):
        await accounts.teams.create(team, ROOT)
        await accounts.create_user(f"{team}.boss", ROOT, team=team, team_admin=True, email=f"{team}@example.com")
    await accounts.create_user("ann", ROOT, team="blue", email="ann@example.com")
    await accounts.create_user("silent", ROOT, team="blue", team_admin=True)
    assert accounts.addresses_of(None, "blue") == ["blue@example.com"]
    assert accounts.addresses_of("ann", None) == ["ann@example.com"]
    await accounts.update_user("blue.boss", ROOT, UserChange(status="suspended"))
    await accounts.close_user("ann", ROOT)
    assert accounts.addresses_of("ann", "blue") == []
    assert accounts.addresses_of("nobody", "green") == []
    assert accounts.addresses_of(None, None) == []
