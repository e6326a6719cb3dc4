"""What admins, and admins of a team, may see and limit."""

from __future__ import annotations

import pytest

from tests.services.in_memory import BOOTSTRAP, ROOT, InMemoryAccounts
from tollkeeper.rules.errors import Forbidden, NotFound, Unprocessable
from tollkeeper.rules.limits import Limits
from tollkeeper.services.accounts.accounts import Accounts, UserChange
from tollkeeper.services.accounts.managers import Manager, identify_manager

BOSS = Manager("boss", of_team=True)


@pytest.fixture
async def accounts(house: InMemoryAccounts) -> Accounts:
    """boss is an admin of blue, where ann, deputy (another admin of it) and root (an admin of all) are; bob is in red,
    eve in none."""
    made = house.accounts
    for team in ("blue", "red"):
        await made.teams.create(team, ROOT, limits={"tokens_per_day": 100})
    await made.create_user("ann", ROOT, team="blue")
    await made.create_user("bob", ROOT, team="red")
    await made.create_user("eve", ROOT)
    for user_id in ("boss", "deputy"):
        await made.create_user(user_id, ROOT, team="blue", team_admin=True)
    await made.create_user("root", ROOT, role="admin", team="blue")
    return made


async def test_keys_of_admins_of_a_team_open_what_is_for_managers_and_those_of_others_do_not(house, accounts):
    secrets = {user_id: (await accounts.create_key(user_id, ROOT)).secret for user_id in ("ann", "boss", "root")}
    assert identify_manager(accounts, BOOTSTRAP) == Manager("@bootstrap")
    assert identify_manager(accounts, secrets["root"]) == Manager("root")
    assert identify_manager(accounts, secrets["boss"]) == BOSS
    with pytest.raises(Forbidden):
        identify_manager(accounts, secrets["ann"])


async def test_an_admin_of_a_team_sees_its_members_but_for_admins_and_nobody_else(accounts):
    assert BOSS.team(accounts, "BLUE").team_id == "blue"
    assert {BOSS.member(accounts, name).user_id for name in ("ANN", "boss", "deputy")} == {"ann", "boss", "deputy"}
    refusals = set()
    for name in ("bob", "eve", "root", "nobody"):
        with pytest.raises(Forbidden) as refused:
            BOSS.member(accounts, name)
        refusals.add(refused.value.message)
    for name in ("red", "green"):
        with pytest.raises(Forbidden) as refused:
            BOSS.team(accounts, name)
        refusals.add(refused.value.message)
    # What is not theirs looks the same, whether or not it exists.
    assert len(refusals) == 1


async def test_an_admin_sees_everything_and_is_told_what_does_not_exist(accounts):
    root = Manager("root")
    assert root.team(accounts, "red").team_id == "red"
    assert root.member(accounts, "eve").user_id == "eve"
    for find in (root.team, root.member):
        with pytest.raises(NotFound):
            find(accounts, "nobody")


async def test_limits_of_a_member_go_up_to_the_team_s_and_an_admin_s_beyond(accounts):
    ann = accounts.user("ann")
    BOSS.check_limits(accounts, ann, Limits({"tokens_per_day": 100}))
    with pytest.raises(Unprocessable, match=r"at most 100\D.*not 101"):
        BOSS.check_limits(accounts, ann, Limits({"tokens_per_day": 101}))
    Manager("root").check_limits(accounts, ann, Limits({"tokens_per_day": 101}))


@pytest.mark.parametrize("name", ["boss", "deputy", "root", "bob", "eve"])
async def test_nobody_s_limits_but_those_of_plain_members_are_a_team_admin_s_to_set(accounts, name):
    with pytest.raises(Forbidden):
        BOSS.check_limits(accounts, accounts.user(name), Limits())


@pytest.mark.parametrize("change", [UserChange(team="red"), UserChange(team_admin=False), UserChange(team=None)])
async def test_one_who_is_no_longer_an_admin_of_the_team_sees_nothing_of_it(accounts, change):
    await accounts.update_user("boss", ROOT, change)
    with pytest.raises(Forbidden):
        BOSS.team(accounts, "blue")
    with pytest.raises(Forbidden):
        BOSS.member(accounts, "ann")
    with pytest.raises(Forbidden):
        BOSS.check_limits(accounts, accounts.user("ann"), Limits())
