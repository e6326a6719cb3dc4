"""What every engine keeps of teams."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.store.values import ANN, AUDIT, NOON, saved
from tollkeeper.rules.limits import Limits
from tollkeeper.store.errors import StoreConflict, StoreError
from tollkeeper.store.ports.store import Store
from tollkeeper.store.ports.teams import Team

BLUE = Team("blue", "Blue", NOON, "1 Sea Road\nSeatown", "XX-1", Limits({"cost_usd_total": 10**27 + 1}))
RED = Team("red", None, NOON + 1, closed_at=NOON + 2)


def next_of(team: Team) -> Team:
    return replace(team, version=team.version + 1)


async def test_what_is_saved_is_loaded(store: Store) -> None:
    assert await store.teams.save(RED, AUDIT) == next_of(RED)
    await store.teams.save(BLUE, AUDIT)
    assert await store.teams.load() == [next_of(BLUE), next_of(RED)]
    assert len(await store.audit.entries(limit=10, after=None)) == 2


async def test_saving_again_replaces(store: Store) -> None:
    blue = await store.teams.save(BLUE, AUDIT)
    await store.teams.save(replace(blue, name=None), AUDIT)
    assert await store.teams.load() == [replace(blue, name=None, version=2)]


async def test_of_two_writers_who_read_the_same_the_second_is_refused_and_changes_nothing(store: Store) -> None:
    blue = await store.teams.save(BLUE, AUDIT)
    await store.teams.save(replace(blue, name="first"), AUDIT)
    kept = await store.teams.load()
    for late in (replace(blue, name="second"), BLUE, replace(BLUE, team_id="BLUE"), replace(RED, version=1)):
        with pytest.raises(StoreConflict):
            await store.teams.save(late, AUDIT)
    assert await store.teams.load() == kept
    assert len(await store.audit.entries(limit=10, after=None)) == 2


async def test_a_user_keeps_team_and_invoice_fields(store: Store) -> None:
    await store.teams.save(BLUE, AUDIT)
    ann = replace(ANN, team_id="blue", team_admin=True, address="a\nb", tax_id="t", email="ann@example.com")
    await store.accounts.save(users=[ann], audit=AUDIT)
    assert await store.accounts.load() == ([saved(ann)], [])


async def test_nobody_with_an_open_account_is_in_a_closed_team(store: Store) -> None:
    blue = await store.teams.save(BLUE, AUDIT)
    await store.teams.save(RED, AUDIT)
    for team in ("red", "green"):
        with pytest.raises(StoreConflict):
            await store.accounts.save(users=[replace(ANN, team_id=team)], audit=AUDIT)
    [ann], _ = await store.accounts.save(users=[replace(ANN, team_id="blue")], audit=AUDIT)
    with pytest.raises(StoreConflict):
        await store.teams.save(replace(blue, closed_at=NOON + 5), AUDIT)
    assert await store.teams.load() == [blue, next_of(RED)]
    [ann], _ = await store.accounts.save(users=[replace(ann, status="closed")], audit=AUDIT)
    closed = await store.teams.save(replace(blue, closed_at=NOON + 5), AUDIT)
    assert closed.status == "closed"
    # A closed account stays in the team that it was in.
    await store.accounts.save(users=[replace(ann, address="elsewhere")], audit=AUDIT)


async def test_nothing_changes_while_nothing_can_be_written(store: Store, engine) -> None:
    engine.break_it()
    with pytest.raises(StoreError):
        await store.teams.save(BLUE, AUDIT)
    engine.mend_it()
    assert await store.teams.load() == []
