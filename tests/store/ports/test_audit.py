"""The audit log of every engine: newest first, in pages."""

import pytest
from msgspec.structs import replace

from tests.store.values import ANN, AUDIT, NOON
from tollkeeper.store.ports.audit import SIGN_IN_ACTIONS, AuditFilter
from tollkeeper.store.ports.store import Store


async def test_entries_come_newest_first_and_go_on_behind_the_last_one_seen(store: Store) -> None:
    for number in range(5):
        user = replace(ANN, user_id=f"ann{number}")
        await store.accounts.save(users=[user], audit=replace(AUDIT, at=NOON - number, target=user.user_id))
    entries = await store.audit.entries(limit=10, after=None)
    assert [entry.target for entry in entries] == ["ann4", "ann3", "ann2", "ann1", "ann0"], "by id, not by the clock"
    assert [replace(entry, id=0, at=NOON, target="ann") for entry in entries] == [AUDIT] * 5
    first = await store.audit.entries(limit=2, after=None)
    assert first == entries[:2]
    assert await store.audit.entries(limit=10, after=first[-1].id) == entries[2:]
    assert await store.audit.entries(limit=10, after=entries[-1].id) == []


async def filled(store: Store) -> None:
    """Entries number 1 to 6, a millisecond apart, by two admins, of which half are sign-ins."""
    for number, action in enumerate(["user.limits", "user.sign_in", "key.create", *SIGN_IN_ACTIONS[1:]]):
        actor = "root" if number % 2 else "ops"
        target = "ann" if number < 4 else "bob"
        await store.audit.add(replace(AUDIT, at=NOON + number, actor=actor, action=action, target=target))


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (AuditFilter(), [6, 5, 4, 3, 2, 1]),
        (AuditFilter(actor="root"), [6, 4, 2]),
        (AuditFilter(action="key.create"), [3]),
        (AuditFilter(action="key"), []),
        (AuditFilter(targets=("bob",)), [6, 5]),
        (AuditFilter(of_class="sign_in"), [6, 5, 4, 2]),
        (AuditFilter(of_class="change"), [3, 1]),
        (AuditFilter(since=NOON + 1, until=NOON + 3), [3, 2]),
        (AuditFilter(actor="root", targets=("Ann", "ann"), of_class="sign_in", since=NOON + 2), [4]),
        (AuditFilter(actor="nobody"), []),
    ],
)
async def test_entries_are_found_by_actor_action_object_class_and_period(
    store: Store, which: AuditFilter, found: list[int]
) -> None:
    await filled(store)
    assert [entry.id for entry in await store.audit.entries(limit=10, after=None, which=which)] == found
    pages = [entry.id for entry in await store.audit.entries(limit=1, after=None, which=which)]
    pages += [entry.id for entry in await store.audit.entries(limit=10, after=(pages or [0])[0], which=which)]
    assert pages == found
