"""docs/alerts.md has every event, with the fields that it has."""

from __future__ import annotations

import msgspec

from tests.docs.tables import code, rows, section, text
from tests.services.alerts.rig import USD, Budgets
from tests.services.in_memory import ROOT, InMemoryAccounts
from tollkeeper.rules.events import EVENT_TYPES, MAILED
from tollkeeper.rules.retries import LONGEST_MS, TRIED_FOR_MS, next_try
from tollkeeper.services.accounts.accounts import UserChange

TABLE = {code(name)[0]: code(data) for name, _, data in rows(section("docs/alerts.md", "Events"), first="type")}


def test_every_event_is_there_and_no_other() -> None:
    assert tuple(TABLE) == EVENT_TYPES


def test_what_is_mailed() -> None:
    assert set(EVENT_TYPES) & set(code(section("docs/alerts.md", "E-mail"))) == MAILED


async def test_fields_of_events_of_accounts() -> None:
    house = InMemoryAccounts()
    _, made = await house.accounts.create_user("alice", ROOT)
    await house.accounts.revoke_key(made.key.id, ROOT)
    await house.accounts.update_user("alice", ROOT, UserChange(status="suspended"))
    for event in await house.store.events.events(limit=9):
        assert [*msgspec.json.decode(event.data)] == TABLE[event.type]


async def test_fields_of_events_of_budgets() -> None:
    budgets = Budgets()
    await budgets.use(10 * USD)
    await budgets.told()
    [(_, data), _] = await budgets.data()
    said = TABLE["budget.threshold"]
    assert [*data] == [name for name in said if name not in ("user", "key", "team", "end_user", "everyone")]


def test_the_intervals_are_those_of_the_rules() -> None:
    first = [next_try(tries, 0, 0, 0.5) for tries in (1, 2, 3)]
    assert first == [5_000, 15_000, 45_000]
    assert (LONGEST_MS, TRIED_FOR_MS) == (4 * 3_600_000, 24 * 3_600_000)
    assert "after 5 s, 15 s, 45 s, and so on up to 4 hours, for a\n  day" in text("docs/alerts.md")
