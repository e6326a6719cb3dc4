"""Which user a person at a provider is."""

from __future__ import annotations

import pytest

from tests.services.in_memory import ROOT, InMemoryAccounts
from tollkeeper.rules.errors import Conflict, NotFound
from tollkeeper.services.accounts.external_identities import MOST_OF_A_USER, ExternalIdentities, id_of
from tollkeeper.services.accounts.sessions import ExternalSession

HERE, THERE = "https://a.example", "https://b.example"


@pytest.fixture
async def house() -> InMemoryAccounts:
    house = InMemoryAccounts()
    for name in ("alice", "bob"):
        await house.accounts.create_user(name, ROOT)
    return house


async def test_a_person_is_one_user_and_survives_a_restart(house):
    identity = await house.identities.link("Alice", HERE, "sub-1", ROOT)
    assert await house.identities.link("alice", HERE, "sub-1", ROOT) == identity
    with pytest.raises(Conflict, match="'alice'"):
        await house.identities.link("bob", HERE, "sub-1", ROOT)
    await house.identities.link("bob", THERE, "sub-1", ROOT)
    again = ExternalIdentities(house.store.external_identities, house.accounts, house.clock)
    await again.load()
    for identities in (house.identities, again):
        assert identities.user_of(HERE, "sub-1") == house.accounts.user("alice")
        assert identities.user_of(THERE, "sub-1") == house.accounts.user("bob")
        assert identities.user_of(HERE, "sub-2") is None
        assert identities.of("alice") == [identity]
    assert [entry.action for entry in await house.audit()][:2] == ["user.link", "user.link"]


async def test_removing_one_ends_its_sessions_only(house):
    first = await house.identities.link("alice", HERE, "sub-1", ROOT)
    await house.identities.link("alice", THERE, "sub-1", ROOT)
    sessions = house.accounts.sessions
    for external in (ExternalSession(HERE, "sub-1"), ExternalSession(THERE, "sub-1"), None):
        await sessions.begin("alice", ROOT, still=lambda: None, external=external)
    house.clock.ms -= 60_000  # the clock was set back meanwhile
    assert await house.identities.unlink("alice", id_of(first), ROOT) == first
    assert {session.issuer for session in sessions.of("alice")} == {THERE, None}
    assert house.identities.user_of(HERE, "sub-1") is None
    with pytest.raises(NotFound):
        await house.identities.unlink("alice", id_of(first), ROOT)


async def test_one_of_somebody_else_looks_as_if_it_were_not_there(house):
    of_bob = await house.identities.link("bob", HERE, "sub-1", ROOT)
    with pytest.raises(NotFound):
        await house.identities.unlink("alice", id_of(of_bob), ROOT)
    assert house.identities.of("bob") == [of_bob]


async def test_a_closed_account_and_one_with_too_many_get_no_more(house):
    for n in range(MOST_OF_A_USER):
        await house.identities.link("alice", HERE, f"sub-{n}", ROOT)
    with pytest.raises(Conflict):
        await house.identities.link("alice", HERE, "another", ROOT)
    await house.accounts.close_user("bob", ROOT)
    with pytest.raises(Conflict):
        await house.identities.link("bob", HERE, "another", ROOT)
    with pytest.raises(NotFound):
        await house.identities.link("nobody", HERE, "another", ROOT)


async def test_what_is_not_saved_does_not_count(house):
    house.store.fail = "disk full"
    for call in (
        house.identities.link("alice", HERE, "sub-1", ROOT),
        house.identities.create_user(["ann"], HERE, "sub-2", ROOT, role="user", name=None),
    ):
        with pytest.raises(Exception, match="disk full"):
            await call
    assert house.identities.user_of(HERE, "sub-1") is None
    assert house.identities.user_of(HERE, "sub-2") is None
    assert [user.user_id for user in house.accounts.users()] == ["alice", "bob"]


async def test_a_newcomer_gets_the_first_id_that_is_free(house):
    made = await house.identities.create_user(["ALICE", "bob", "carol"], HERE, "sub-3", ROOT, role="user", name="Carol")
    assert (made.user_id, made.name) == ("carol", "Carol")
    with pytest.raises(Conflict):
        await house.identities.create_user(["alice"], HERE, "sub-4", ROOT, role="user", name=None)
