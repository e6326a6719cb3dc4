"""What every engine keeps of limit templates."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.store.engines import Engine
from tests.store.values import AUDIT, NOON
from tollkeeper.rules.limits import NO_LIMITS
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.limit_templates import LimitTemplate
from tollkeeper.store.ports.store import Store

LIMITS = NO_LIMITS.merged({"cost_usd_total": "1000000000", "models": {"tiny": {"requests_total": 1}}})
STUDENTS, GUESTS = LimitTemplate("students", "Students", NOON, LIMITS), LimitTemplate("guests", None, NOON)


async def test_an_id_has_one_template(store: Store) -> None:
    for template in (STUDENTS, GUESTS, replace(STUDENTS, name=None)):
        await store.limit_templates.save(template, AUDIT)
    assert await store.limit_templates.load() == [GUESTS, replace(STUDENTS, name=None)]
    await store.limit_templates.delete("guests", AUDIT)
    assert await store.limit_templates.load() == [replace(STUDENTS, name=None)]
    assert len(await store.audit.entries(limit=10, after=None)) == 4


async def test_what_cannot_be_written_changes_nothing(store: Store, engine: Engine) -> None:
    await store.limit_templates.save(STUDENTS, AUDIT)
    engine.break_it()
    with pytest.raises(StoreError):
        await store.limit_templates.save(GUESTS, AUDIT)
    with pytest.raises(StoreError):
        await store.limit_templates.delete("students", AUDIT)
    engine.mend_it()
    assert await store.limit_templates.load() == [STUDENTS]
