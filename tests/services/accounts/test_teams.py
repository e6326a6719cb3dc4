"""Teams, and the users in them."""

from __future__ import annotations

import asyncio

import pytest

from tests.services.in_memory import ROOT, START
from tollkeeper.rules.errors import Conflict, NotFound, Unprocessable
from tollkeeper.rules.limits import Limits
from tollkeeper.rules.owners import KEY, TEAM, USER, Owner
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.accounts.teams import TeamChange
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.teams import Team


async def test_a_new_team_is_there_and_has_its_limits(house):
    made = await house.accounts.teams.create("blue", ROOT, name="Blue", limits={"tokens_per_day": 5})
    assert made == Team("blue", "Blue", START, limits=Limits({"tokens_per_day": 5}), version=1)
    assert house.accounts.teams.team("BLUE") == made
    assert [(owner.scope, owner.teams) for owner in house.limited] == [(("team", "blue"), ("blue",))]
    assert await house.store.teams.load() == [made]


@pytest.mark.parametrize("taken", ["blue", "BLUE"])
async def test_a_team_id_is_unique_whatever_its_case_and_for_good(house, taken):
    await house.accounts.teams.create("blue", ROOT)
    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            await house.accounts.teams.create(taken, ROOT)
        assert (refused.value.status, refused.value.param) == (409, "team_id")
        await house.accounts.teams.close("blue", ROOT)


@pytest.mark.parametrize("team_id", ["", "-a", "a b", "a/b", "ä", "a\n", "a" * 65])
async def test_a_team_id_that_is_none(house, team_id):
    with pytest.raises(Unprocessable) as refused:
        await house.accounts.teams.create(team_id, ROOT)
    assert refused.value.param == "team_id"


async def test_a_member_s_requests_have_the_team_as_an_owner_of_limits(house):
    await house.accounts.teams.create("blue", ROOT)
    _, made = await house.accounts.create_user("ann", ROOT, team="BLUE")
    caller = house.accounts.identify(made.secret)
    assert (caller.user.team_id, caller.team_id) == ("blue", "blue")
    assert [owner.kind for owner in caller.owners] == [USER, KEY, TEAM]
    assert caller.owners[2] is house.accounts.teams.owner("blue")
    assert [owner.scope for owner in house.accounts.owners_of("ann")] == [("user", "ann"), ("team", "blue")]
    assert house.accounts.teams.members("blue") == ["ann"]


async def test_new_limits_of_a_team_are_in_force_at_its_members_next_request(house):
    await house.accounts.teams.create("blue", ROOT)
    _, made = await house.accounts.create_user("ann", ROOT, team="blue")
    await house.accounts.teams.set_limits("blue", ROOT, {"requests_per_day": 0})
    assert house.accounts.identify(made.secret).owners[2].limits.counts == {"requests_per_day": 0}
    assert house.accounts.owners_of("ann")[1].limits.counts == {"requests_per_day": 0}


async def test_a_change_to_a_large_team_lets_others_have_their_turn(house):
    await house.accounts.teams.create("blue", ROOT)
    _, made = await house.accounts.create_user("ann", ROOT, team="blue")
    house.accounts._put([User(f"u{n}", "user", "active", None, START, team_id="blue", version=1) for n in range(2_000)])
    turns = 0
    changing = asyncio.ensure_future(house.accounts.teams.set_limits("blue", ROOT, {"requests_per_day": 0}))
    while not changing.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns >= 2_000 // 200
    owners = {house.accounts.owners_of(user.user_id)[1] for user in house.accounts.users()}
    assert owners == {house.accounts.teams.owner("blue")}
    assert house.accounts.identify(made.secret).owners[2] in owners


async def test_moving_a_user_is_in_force_at_the_next_request(house):
    for name in ("blue", "red"):
        await house.accounts.teams.create(name, ROOT)
    _, made = await house.accounts.create_user("ann", ROOT, team="blue")
    second = await house.accounts.create_key("ann", ROOT)
    team: str | None
    for team in ("red", None):
        user = await house.accounts.update_user("ann", ROOT, UserChange(team=team))
        assert user.team_id == team
        for secret in (made.secret, second.secret):
            caller = house.accounts.identify(secret)
            assert caller.team_id == team
            assert [owner.id for owner in caller.owners[2:]] == ([] if team is None else [team])
        assert house.accounts.teams.members("blue") == []
        assert house.accounts.teams.members("red") == (["ann"] if team == "red" else [])


async def test_a_request_under_way_keeps_the_owners_that_it_began_with(house):
    await house.accounts.teams.create("blue", ROOT)
    _, made = await house.accounts.create_user("ann", ROOT, team="blue")
    caller = house.accounts.identify(made.secret)
    await house.accounts.update_user("ann", ROOT, UserChange(team=None))
    assert (caller.team_id, caller.owners[2].id) == ("blue", "blue")


async def test_an_unknown_team_is_refused_and_so_is_a_closed_one(house):
    await house.accounts.teams.create("blue", ROOT)
    await house.accounts.teams.close("blue", ROOT)
    await house.accounts.create_user("ann", ROOT)
    for team, error in (("green", Unprocessable), ("blue", Conflict)):
        with pytest.raises(error):
            await house.accounts.update_user("ann", ROOT, UserChange(team=team))
        with pytest.raises(error):
            await house.accounts.create_user("bob", ROOT, team=team)
    for change in (
        house.accounts.teams.update("blue", ROOT, TeamChange(name="x")),
        house.accounts.teams.set_limits("blue", ROOT, {}),
    ):
        with pytest.raises(Conflict, match="closed"):
            await change
    with pytest.raises(NotFound):
        house.accounts.teams.team("green")


async def test_a_team_with_members_is_not_closed_and_closed_accounts_are_none(house):
    await house.accounts.teams.create("blue", ROOT)
    await house.accounts.create_user("ann", ROOT, team="blue")
    with pytest.raises(Conflict) as refused:
        await house.accounts.teams.close("blue", ROOT)
    assert (refused.value.status, refused.value.code) == (409, "team_has_members")
    await house.accounts.close_user("ann", ROOT)
    assert house.accounts.user("ann").team_id == "blue"
    assert (await house.accounts.teams.close("blue", ROOT)).closed_at == START
    changes = len(await house.audit())
    assert (await house.accounts.teams.close("blue", ROOT)).closed_at == START
    assert len(await house.audit()) == changes


async def test_an_admin_of_a_team_is_in_one_and_is_its_admin_no_longer_once_elsewhere(house):
    for team in ("blue", "red"):
        await house.accounts.teams.create(team, ROOT)
    with pytest.raises(Unprocessable) as refused:
        await house.accounts.create_user("ann", ROOT, team_admin=True)
    assert refused.value.param == "team_admin"
    user, _ = await house.accounts.create_user("ann", ROOT, team="blue", team_admin=True)
    assert user.team_admin
    assert (await house.accounts.update_user("ann", ROOT, UserChange(team="Blue"))).team_admin
    assert not (await house.accounts.update_user("ann", ROOT, UserChange(team="red"))).team_admin
    assert (await house.accounts.update_user("ann", ROOT, UserChange(team="blue", team_admin=True))).team_admin
    assert not (await house.accounts.update_user("ann", ROOT, UserChange(team=None))).team_admin
    with pytest.raises(Unprocessable):
        await house.accounts.update_user("ann", ROOT, UserChange(team_admin=True))


async def test_everything_is_there_after_a_start(house):
    await house.accounts.teams.create("blue", ROOT, limits={"requests_per_day": 7})
    _, made = await house.accounts.create_user("ann", ROOT, team="blue")
    started = house.again()
    await started.load()
    caller = started.identify(made.secret)
    assert (caller.team_id, caller.owners[2].limits.counts) == ("blue", {"requests_per_day": 7})
    assert started.teams.members("blue") == ["ann"]
    assert [owner.scope for owner in started.owners()][:2] == [("user", "ann"), ("team", "blue")]


async def test_what_cannot_be_saved_is_not_in_force(house):
    await house.accounts.teams.create("blue", ROOT)
    house.store.fail = "disk full"
    for change in (
        house.accounts.teams.create("red", ROOT),
        house.accounts.teams.set_limits("blue", ROOT, {"requests_per_day": 0}),
        house.accounts.teams.close("blue", ROOT),
    ):
        with pytest.raises(StoreError):
            await change
    assert [team.status for team in house.accounts.teams.all()] == ["active"]
    assert house.accounts.teams.owner("blue").limits == Limits()


async def test_what_another_writer_did_to_teams_is_seen_where_both_change_the_same(house):
    await house.accounts.teams.create("blue", ROOT)
    _, made = await house.accounts.create_user("ann", ROOT, team="blue")
    other = house.again()
    await other.load()
    await other.teams.set_limits("blue", ROOT, {"requests_per_day": 1})
    await other.teams.create("red", ROOT)
    await other.update_user("ann", ROOT, UserChange(team="red"))
    await other.teams.close("blue", ROOT)
    with pytest.raises(Conflict, match="closed"):
        await house.accounts.teams.set_limits("blue", ROOT, {"tokens_per_day": 2})
    assert house.accounts.identify(made.secret).team_id == "red"


async def test_a_user_is_not_moved_into_a_team_that_another_writer_has_closed(house):
    await house.accounts.teams.create("blue", ROOT)
    await house.accounts.create_user("ann", ROOT)
    other = house.again()
    await other.load()
    await other.teams.close("blue", ROOT)
    with pytest.raises(Conflict, match="closed"):
        await house.accounts.update_user("ann", ROOT, UserChange(team="blue"))
    assert house.accounts.user("ann").team_id is None


async def test_every_change_is_in_the_audit_log(house):
    await house.accounts.teams.create("blue", ROOT, name="Blue", tax_id="XX-1", limits={"requests_per_day": 3})
    await house.accounts.teams.update("blue", ROOT, TeamChange(address="1 Sea Road"))
    await house.accounts.teams.update("blue", ROOT, TeamChange())
    await house.accounts.teams.set_limits("blue", ROOT, {"requests_per_day": 4})
    await house.accounts.create_user("ann", ROOT, team="blue", email="ann@example.com")
    await house.accounts.update_user("ann", ROOT, UserChange(team=None))
    await house.accounts.teams.close("blue", ROOT)
    entries = [(entry.action, entry.target, entry.detail) for entry in (await house.audit())[::-1]]
    assert [entry[:2] for entry in entries] == [
        ("team.create", "blue"),
        ("team.update", "blue"),
        ("team.limits", "blue"),
        ("user.create", "ann"),
        ("user.update", "ann"),
        ("team.close", "blue"),
    ]
    assert entries[0][2] == '{"name":"Blue","address":null,"tax_id":"XX-1","limits":{"requests_per_day":3}}'
    assert entries[1][2] == '{"address":"1 Sea Road"}'
    assert '"team_id":"blue"' in entries[3][2]
    assert entries[4][2] == '{"team_id":null,"team_admin":false}'


async def test_the_share_of_the_line_is_the_user_s_own_or_else_the_team_s(house):
    await house.accounts.teams.create("blue", ROOT, limits={"queue_weight": 5})
    _, made = await house.accounts.create_user("ann", ROOT, team="blue")
    assert house.accounts.identify(made.secret).queue_weight == 5
    await house.accounts.set_limits("ann", ROOT, {"queue_weight": 2})
    assert house.accounts.identify(made.secret).queue_weight == 2
    await house.accounts.update_user("ann", ROOT, UserChange(team=None))
    await house.accounts.set_limits("ann", ROOT, {"queue_weight": None})
    assert house.accounts.identify(made.secret).queue_weight == 1


async def test_limits_that_were_saved_are_told_and_nothing_else(house):
    told: list[Owner] = []
    house.accounts.teams.on_limits_saved.append(told.append)
    await house.accounts.teams.create("blue", ROOT)
    await house.accounts.teams.set_limits("blue", ROOT, {"tokens_per_day": 5})
    await house.accounts.teams.update("blue", ROOT, TeamChange(name="Blue"))
    assert [(owner.scope, dict(owner.limits.counts)) for owner in told] == [
        (("team", "blue"), {}),
        (("team", "blue"), {"tokens_per_day": 5}),
    ]
