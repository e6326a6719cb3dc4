from __future__ import annotations

import pytest

from tests.services.in_memory import ROOT, Clock
from tollkeeper.rules.errors import Conflict, NotFound, Unprocessable
from tollkeeper.rules.limits import NO_LIMITS
from tollkeeper.services.limits.templates import MOST, LimitTemplates
from tollkeeper.store.memory.store import MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def templates(store) -> LimitTemplates:
    return LimitTemplates(store.limit_templates, Clock())


async def test_a_template_is_found_in_any_case_and_its_id_is_taken(templates):
    made = await templates.create("Students", None, {"tokens_per_day": 5}, ROOT)
    assert await templates.get("students") == made
    with pytest.raises(Conflict):
        await templates.create("STUDENTS", None, {}, ROOT)


async def test_a_change_is_merged_and_in_the_audit_log(store, templates):
    await templates.create("students", "Students", {"tokens_per_day": 5}, ROOT)
    changed = await templates.update("Students", ROOT, limits={"requests_per_day": 7})
    assert changed.limits == NO_LIMITS.merged({"tokens_per_day": 5, "requests_per_day": 7})
    assert (await templates.update("students", ROOT, name=None)).name is None
    await templates.delete("students", ROOT)
    entries = await store.audit.entries(limit=9, after=None)
    assert [(entry.action.split(".")[1], entry.target) for entry in entries] == [
        (what, "students") for what in ("delete", "update", "update", "create")
    ]
    assert entries[2].detail == '{"name":"Students","limits":{"requests_per_day":7,"tokens_per_day":5}}'


async def test_what_is_not_there_or_no_limit_is_refused(templates):
    with pytest.raises(NotFound):
        await templates.update("nobodys", ROOT)
    with pytest.raises(NotFound):
        await templates.delete("nobodys", ROOT)
    with pytest.raises(Unprocessable) as caught:
        await templates.create("students", None, {"tokens_per_century": 5}, ROOT)
    assert caught.value.param == "limits.tokens_per_century"


async def test_there_are_only_so_many(templates):
    for number in range(MOST):
        await templates.create(f"t{number}", None, {}, ROOT)
    with pytest.raises(Conflict):
        await templates.create("one-more", None, {}, ROOT)
