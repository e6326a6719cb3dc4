"""The audit log of every engine: newest first, in pages."""

from msgspec.structs import replace

from tests.store.values import ANN, AUDIT, NOON
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
