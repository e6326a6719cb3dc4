"""What every engine keeps of who is signed in."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.store.engines import Engine
from tests.store.values import ANN, AUDIT, NOON, saved
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.sessions import Session
from tollkeeper.store.ports.store import Store

FIRST = Session("a" * 64, "ann", NOON, NOON)
SECOND = Session("b" * 64, "bob", NOON + 1, NOON + 2, "https://op.example", "sub-1", "sid-1")
THIRD = Session("c" * 64, "ann", NOON + 2, NOON + 2)


async def actions(store: Store) -> list[str]:
    return [entry.action for entry in await store.audit.entries(limit=10, after=None)]


async def test_what_is_saved_is_loaded_oldest_first(store: Store) -> None:
    await store.sessions.save(begun=[THIRD, FIRST], audit=replace(AUDIT, action="user.sign_in"))
    await store.sessions.save(begun=[SECOND])
    assert await store.sessions.load() == [FIRST, SECOND, THIRD]
    assert await actions(store) == ["user.sign_in"]


async def test_some_end_in_the_transaction_in_which_others_begin(store: Store) -> None:
    await store.sessions.save(begun=[FIRST, SECOND])
    await store.sessions.save(begun=[THIRD], ended=[FIRST.id, "d" * 64])
    assert await store.sessions.load() == [SECOND, THIRD]


async def test_they_end_with_a_change_of_their_user(store: Store) -> None:
    await store.sessions.save(begun=[FIRST, SECOND, THIRD])
    changed = replace(ANN, password_hash="another")
    await store.accounts.save(users=[changed], ended=[FIRST.id, THIRD.id], audit=AUDIT)
    assert await store.sessions.load() == [SECOND]
    assert await store.accounts.load() == ([saved(changed)], [])


async def test_touch_notes_when_they_were_used_and_ignores_unknown_ones(store: Store) -> None:
    await store.sessions.save(begun=[FIRST, SECOND])
    await store.sessions.touch({})
    await store.sessions.touch({FIRST.id: NOON + 5, "d" * 64: NOON})
    assert await store.sessions.load() == [replace(FIRST, last_used_at=NOON + 5), SECOND]


async def test_what_cannot_be_written_changes_nothing(engine: Engine, store: Store) -> None:
    await store.sessions.save(begun=[FIRST])
    engine.break_it()
    for change in (store.sessions.save(begun=[SECOND], ended=[FIRST.id]), store.sessions.touch({FIRST.id: NOON + 5})):
        with pytest.raises(StoreError):
            await change
    with pytest.raises(StoreError):
        await store.accounts.save(ended=[FIRST.id], audit=AUDIT)
    engine.mend_it()
    assert await store.sessions.load() == [FIRST]
