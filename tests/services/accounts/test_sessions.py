"""When sessions begin, end, and what is left of them where nobody should look."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.services.in_memory import ROOT, START, InMemoryAccounts
from tollkeeper.rules.errors import AccountSuspended, GatewayError, InvalidKey, NotSignedIn
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.accounts.directory import admin
from tollkeeper.services.accounts.sessions import (
    IDLE_MS,
    LONGEST_MS,
    MOST,
    ExternalSession,
    NewSession,
    ends_at,
)
from tollkeeper.services.audit.actor import Actor
from tollkeeper.store.errors import StoreError

ALICE = Actor("alice", "192.0.2.7")


@pytest.fixture
async def house() -> InMemoryAccounts:
    house = InMemoryAccounts()
    await house.accounts.create_user("alice", ROOT, password="wonderland")
    await house.accounts.create_user("bob", ROOT, password="builder")
    return house


async def begin(house: InMemoryAccounts, user_id: str = "alice", **given: Any) -> NewSession:
    return await house.accounts.sessions.begin(user_id, ALICE, still=lambda: None, **given)


def opens(house: InMemoryAccounts, new: NewSession) -> bool:
    try:
        return house.accounts.identify_session(new.token).user.user_id == new.session.user_id
    except NotSignedIn:
        return False


async def test_who_is_signed_in_and_without_a_key(house):
    new = await begin(house)
    caller = house.accounts.identify_session(new.token)
    assert (caller.user.user_id, caller.key_id, caller.credential) == ("alice", None, new.session.id)
    assert house.accounts.refresh(caller) == caller


async def test_the_secret_is_random_and_not_what_is_stored(house):
    news = [await begin(house) for _ in range(3)]
    tokens = {new.token for new in news}
    assert len(tokens) == 3
    assert all(len(token) >= 43 for token in tokens)  # 256 bits, 6 in each character
    stored = repr([vars(house.store._tables)])
    for new in news:
        assert new.token not in stored
        assert new.token not in repr(new)
        assert house.accounts.sessions.csrf_token(new.token) not in stored


@pytest.mark.parametrize("guess", ["", "x", "\x00session x"])
async def test_a_guess_opens_nothing(house, guess):
    await begin(house)
    with pytest.raises(NotSignedIn):
        house.accounts.identify_session(guess)


async def test_neither_the_stored_id_nor_a_key_is_a_session_nor_a_session_a_key(house):
    new = await begin(house)
    made = await house.accounts.create_key("alice", ROOT)
    for wrong in (new.session.id, made.secret):
        with pytest.raises(NotSignedIn):
            house.accounts.identify_session(wrong)
    for wrong in (new.token, f"\0session {new.token}", new.session.id):
        with pytest.raises(InvalidKey):
            house.accounts.identify(wrong)


async def test_a_day_without_use_ends_it(house):
    new = await begin(house)
    for _ in range(3):
        house.clock.ms += IDLE_MS - 1
        assert opens(house, new)
    house.clock.ms += IDLE_MS
    assert not opens(house, new)


async def test_a_week_ends_it_however_it_is_used(house):
    new = await begin(house)
    while house.clock.ms + IDLE_MS // 2 < START + LONGEST_MS:
        house.clock.ms += IDLE_MS // 2
        assert opens(house, new)
    house.clock.ms = START + LONGEST_MS - 1
    assert opens(house, new)
    caller = house.accounts.identify_session(new.token)
    assert caller.session is not None
    assert ends_at(caller.session) == START + LONGEST_MS
    house.clock.ms += 1
    assert not opens(house, new)
    with pytest.raises(NotSignedIn):
        house.accounts.refresh(caller)


async def test_looking_again_is_no_use(house):
    caller = house.accounts.identify_session((await begin(house)).token)
    house.clock.ms += IDLE_MS - 1
    house.accounts.refresh(caller)
    house.clock.ms += 1
    with pytest.raises(NotSignedIn):
        house.accounts.refresh(caller)


async def test_it_outlives_a_restart_with_when_it_was_used(house):
    new = await begin(house)
    house.clock.ms += IDLE_MS - 1
    assert opens(house, new)
    await house.accounts.sessions.tidy()
    house.accounts = house.again()
    await house.accounts.load()
    house.clock.ms += IDLE_MS - 1
    assert opens(house, new)


async def test_what_is_over_is_swept_from_memory_and_store(house):
    old = await begin(house)
    house.clock.ms += IDLE_MS - 1
    young = await begin(house, "bob")
    house.clock.ms += 1
    await house.accounts.sessions.tidy()
    assert await house.store.sessions.load() == [young.session]
    assert house.accounts.sessions.ids_of("alice") == []
    assert house.ended == [old.session.id]
    assert opens(house, young)


async def test_what_could_not_be_saved_is_saved_later(house):
    new = await begin(house)
    house.clock.ms += 5
    assert opens(house, new)
    house.store.fail = "disk full"
    with pytest.raises(StoreError):
        await house.accounts.sessions.tidy()
    house.store.fail = None
    await house.accounts.sessions.tidy()
    [kept] = await house.store.sessions.load()
    assert kept.last_used_at == START + 5


async def test_the_session_that_the_browser_had_ends_whosever_it_was(house):
    planted = await begin(house, "bob")
    new = await begin(house, "alice", replaces=planted.token)
    assert new.token != planted.token
    assert not opens(house, planted)
    assert opens(house, new)
    assert house.ended == [planted.session.id]
    await begin(house, "alice", replaces="never was one")
    assert opens(house, new)


async def test_of_too_many_the_one_that_is_used_least_recently_ends(house):
    news = []
    for _ in range(MOST):
        house.clock.ms += 1
        news.append(await begin(house))
    other = await begin(house, "bob")
    house.clock.ms += 1
    assert opens(house, news[0])
    news.append(await begin(house))
    assert [opens(house, new) for new in news] == [True, False, *[True] * (MOST - 1)]
    assert opens(house, other)
    assert house.ended == [news[1].session.id]
    assert len(await house.store.sessions.load()) == MOST + 1


async def test_signing_out_ends_that_one(house):
    first, second = await begin(house), await begin(house)
    await house.accounts.sessions.end(first.session.id, ALICE)
    entry = (await house.audit())[0]
    assert (entry.action, entry.actor, entry.target) == ("user.sign_out", "alice", "alice")
    assert (opens(house, first), opens(house, second)) == (False, True)
    assert house.ended == [first.session.id]
    assert await house.store.sessions.load() == [second.session]


async def test_a_way_in_that_is_turned_off_lets_nobody_stay(house):
    here, there = ExternalSession("https://op.example", "sub-1"), ExternalSession("https://gone.example", "sub-1")
    by_password, by_provider, by_another = [await begin(house, external=each) for each in (None, here, there)]
    await house.accounts.sessions.end_unless(lambda issuer: issuer == here.issuer)
    assert [opens(house, each) for each in (by_password, by_provider, by_another)] == [False, True, False]
    assert await house.store.sessions.load() == [by_provider.session]
    assert sorted(house.ended) == sorted([by_password.session.id, by_another.session.id])


async def test_signing_out_everywhere_ends_all_of_that_user(house):
    mine, others = [await begin(house) for _ in range(3)], await begin(house, "bob")
    await house.accounts.sessions.end_all("alice", ALICE)
    assert not any(opens(house, new) for new in mine)
    assert opens(house, others)
    assert sorted(house.ended) == sorted(new.session.id for new in mine)
    newest = (await house.audit())[0]
    assert (newest.actor, newest.action, newest.target) == ("alice", "user.sign_out_everywhere", "alice")
    assert newest.detail == '{"sessions":3}'


@pytest.mark.parametrize(
    ("change", "ends"),
    [
        (UserChange(password="looking-glass"), True),
        (UserChange(password=None), True),
        (UserChange(role="admin"), True),
        (UserChange(status="closed"), True),
        (UserChange(role="user"), False),
        (UserChange(name="Alice"), False),
        (UserChange(status="active"), False),
    ],
    ids=str,
)
async def test_what_admins_change_ends_sessions(house, change, ends):
    mine, others = await begin(house), await begin(house, "bob")
    await house.accounts.update_user("alice", ROOT, change)
    assert opens(house, mine) is not ends
    assert opens(house, others)
    assert (mine.session.id in house.ended) is ends
    assert len(await house.store.sessions.load()) == (1 if ends else 2)
    started = house.again()
    await started.load()
    assert len(started.sessions.ids_of("alice")) == (0 if ends else 1)


async def test_closing_an_account_ends_its_sessions(house):
    new = await begin(house)
    await house.accounts.close_user("alice", ROOT)
    assert not opens(house, new)
    assert await house.store.sessions.load() == []


async def test_the_suspended_are_refused_as_long_as_they_are_and_what_they_run_is_cut(house):
    new = await begin(house)
    caller = house.accounts.identify_session(new.token)
    await house.accounts.update_user("alice", ROOT, UserChange(status="suspended"))
    for refused in (lambda: house.accounts.identify_session(new.token), lambda: house.accounts.refresh(caller)):
        with pytest.raises(AccountSuspended):
            refused()
    assert "alice" in house.ended
    await house.accounts.update_user("alice", ROOT, UserChange(status="active"))
    assert opens(house, new)


async def test_a_role_counts_at_once(house):
    caller = house.accounts.identify_session((await begin(house)).token)
    with pytest.raises(GatewayError, match="needs an admin"):
        admin(caller)
    await house.accounts.update_user("alice", ROOT, UserChange(role="admin"))
    assert admin(house.accounts.identify_session((await begin(house)).token)) == "alice"


async def test_a_session_that_cannot_be_saved_does_not_begin_and_one_that_cannot_be_ended_goes_on(house):
    new = await begin(house)
    house.store.fail = "disk full"
    with pytest.raises(StoreError):
        await begin(house)
    with pytest.raises(StoreError):
        await house.accounts.sessions.end(new.session.id, ROOT)
    assert house.accounts.sessions.ids_of("alice") == [new.session.id]
    assert opens(house, new)


async def test_what_began_is_in_the_audit_log(house):
    await begin(house)
    newest = (await house.audit())[0]
    told = (newest.actor, newest.action, newest.target, newest.address)
    assert told == ("alice", "user.sign_in", "alice", "192.0.2.7")


async def test_what_was_verified_is_looked_at_again_in_its_turn(house):
    """A change of password that came first wins."""

    def still() -> None:
        raise NotSignedIn("Not any more.")

    with pytest.raises(NotSignedIn):
        await house.accounts.sessions.begin("alice", ALICE, still=still)
    assert house.accounts.sessions.ids_of("alice") == []


async def test_many_at_once_keep_to_the_bound(house):
    await asyncio.gather(*(begin(house) for _ in range(3 * MOST)))
    assert len(house.accounts.sessions.ids_of("alice")) == len(await house.store.sessions.load()) == MOST
