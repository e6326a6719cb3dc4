"""Events of changes to accounts, saved with the change."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.services.in_memory import ROOT, START, InMemoryAccounts
from tollkeeper.rules.times import format_time
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.accounts.changes.keys import KeyChange
from tollkeeper.store.errors import StoreError


@pytest.fixture
async def house() -> InMemoryAccounts:
    return InMemoryAccounts()


async def happened(house: InMemoryAccounts) -> list[tuple[str, str | None, dict[str, Any]]]:
    """Oldest first."""
    events = sorted(await house.store.events.events(limit=99), key=lambda event: (event.at, event.type))
    return [(event.type, event.user_id, msgspec.json.decode(event.data)) for event in events]


async def test_a_new_key_is_reported_without_its_secret(house: InMemoryAccounts) -> None:
    _, made = await house.accounts.create_user("alice", ROOT)
    [(event_type, user_id, data)] = await happened(house)
    assert (event_type, user_id) == ("key.created", "alice")
    assert data == {
        "key_id": made.key.id,
        "user_id": "alice",
        "name": "default",
        "prefix": made.key.prefix,
        "by": "@bootstrap",
        "created_at": format_time(START),
        "expires_at": None,
        "replaces": None,
        "replaced_until": None,
    }


async def test_a_revoked_key_is_reported_once(house: InMemoryAccounts) -> None:
    _, made = await house.accounts.create_user("alice", ROOT)
    house.clock.ms += 1
    for _ in range(2):
        await house.accounts.revoke_key(made.key.id, ROOT)
    _, (event_type, _, data) = await happened(house)
    assert event_type == "key.revoked"
    assert data == {
        "key_id": made.key.id,
        "user_id": "alice",
        "name": "default",
        "prefix": made.key.prefix,
        "by": "@bootstrap",
        "revoked_at": format_time(START + 1),
    }


async def test_a_rotation_names_the_key_that_is_replaced(house: InMemoryAccounts) -> None:
    _, made = await house.accounts.create_user("alice", ROOT)
    house.clock.ms += 1
    second = await house.accounts.rotate_key(made.key.id, ROOT, grace_seconds=60)
    house.clock.ms += 1
    await house.accounts.rotate_key(second.key.id, ROOT)
    _, (graceful, _, first), (created, _, data), (revoked, _, ended) = await happened(house)
    assert (graceful, created, revoked) == ("key.created", "key.created", "key.revoked")
    assert (first["replaces"], first["replaced_until"]) == (made.key.id, format_time(START + 60_001))
    assert (data["replaces"], data["replaced_until"]) == (second.key.id, format_time(START + 2))
    assert ended["key_id"] == second.key.id


async def test_closing_an_account_revokes_its_keys(house: InMemoryAccounts) -> None:
    await house.accounts.create_user("alice", ROOT)
    await house.accounts.create_key("alice", ROOT)
    house.clock.ms += 1
    await house.accounts.close_user("alice", ROOT)
    assert [event_type for event_type, _, _ in await happened(house)] == ["key.created"] * 2 + ["key.revoked"] * 2


async def test_a_suspension_is_reported_when_it_begins(house: InMemoryAccounts) -> None:
    await house.accounts.create_user("alice", ROOT, name="Alice")
    house.clock.ms += 1
    for status in ("suspended", "suspended", "active"):
        await house.accounts.update_user("alice", ROOT, UserChange(status=status))
    _, suspended = await happened(house)
    assert suspended == ("user.suspended", "alice", {"user_id": "alice", "name": "Alice", "by": "@bootstrap"})


async def test_other_changes_are_no_events(house: InMemoryAccounts) -> None:
    _, made = await house.accounts.create_user("alice", ROOT)
    await house.accounts.update_user("alice", ROOT, UserChange(name="A"))
    await house.accounts.update_key(made.key.id, ROOT, KeyChange(name="k"))
    await house.accounts.set_limits("alice", ROOT, {"tokens_total": 5})
    assert len(await happened(house)) == 1


async def test_what_could_not_be_saved_did_not_happen(house: InMemoryAccounts) -> None:
    house.store.fail = "disk full"
    with pytest.raises(StoreError):
        await house.accounts.create_user("alice", ROOT)
    house.store.fail = None
    assert await happened(house) == []
