"""Changes to how a key acts for others."""

from __future__ import annotations

import pytest
from msgspec import UNSET

from tests.services.in_memory import ROOT, InMemoryAccounts
from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.services.accounts.acting import ActingChange, audited_acting, changed_acting
from tollkeeper.services.accounts.changes.keys import KeyChange
from tollkeeper.store.ports.accounts import Acting

ACTS = ActingChange(acts_for="users")


def test_a_key_that_acts_has_a_default_for_all_else() -> None:
    assert changed_acting(None, ACTS) == Acting("headers", create=True, most=10_000, limits=NO_LIMITS)
    assert changed_acting(None, ActingChange()) is None


def test_what_is_absent_stays_and_null_ends_it() -> None:
    acting = changed_acting(None, ActingChange("users", "body", create=False, most=5, limits={"requests_total": 1}))
    assert acting == Acting("body", create=False, most=5, limits=Limits(counts={"requests_total": 1}))
    assert changed_acting(acting, ActingChange(most=6, limits={"tokens_total": 2})) == Acting(
        "body", create=False, most=6, limits=Limits(counts={"requests_total": 1, "tokens_total": 2})
    )
    assert changed_acting(acting, ActingChange(limits=None)) == Acting("body", create=False, most=5)
    assert changed_acting(acting, ActingChange(acts_for=None)) is None


@pytest.mark.parametrize(
    ("change", "param"),
    [
        (ActingChange(named_in="body"), "acts_from"),
        (ActingChange(create=False), "acts_for_create"),
        (ActingChange(acts_for=None, most=4), "acts_for_max"),
        (ActingChange(limits={}), "acts_for_limits"),
        (ActingChange("users", limits={"queue_weight": 2}), "acts_for_limits.queue_weight"),
        (ActingChange("users", limits={"requests_per_day": -1}), "acts_for_limits.requests_per_day"),
        (
            ActingChange("users", limits={"models": {f"m{n}": {"requests_total": 1} for n in range(11)}}),
            "acts_for_limits.models",
        ),
    ],
)
def test_a_change_that_has_no_sense_names_its_field(change: ActingChange, param: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        changed_acting(None, change)
    assert refused.value.param == param


async def test_a_key_keeps_it_through_changes_and_rotation(house: InMemoryAccounts) -> None:
    accounts = house.accounts
    await accounts.create_user("alice", ROOT)
    made = await accounts.create_key("alice", ROOT, acting=ACTS)
    assert accounts.identify(made.secret).acts_by == "headers"
    await accounts.update_key(made.key.id, ROOT, KeyChange(acting=ActingChange(named_in="body")))
    assert accounts.identify(made.secret).acts_by == "body"
    await accounts.update_key(made.key.id, ROOT, KeyChange(name="app"))
    turned = await accounts.rotate_key(made.key.id, ROOT)
    assert turned.key.acting == Acting("body")
    again = house.again()
    await again.load()
    assert again.identify(turned.secret).acts_by == "body"
    await accounts.update_key(turned.key.id, ROOT, KeyChange(acting=ActingChange(acts_for=None)))
    assert accounts.identify(turned.secret).acts_by is None
    details = [entry.detail for entry in await house.audit()]
    assert '"acts_from":"body"' in details[1]
    assert "acts_for" not in details[0]


def test_the_audit_log_says_all_of_it() -> None:
    assert audited_acting(None) == {}
    acting = changed_acting(None, ActingChange("users", "body", False, 7, {"requests_total": 1}))
    assert audited_acting(acting) == {
        "acts_for": "users",
        "acts_from": "body",
        "acts_for_create": False,
        "acts_for_max": 7,
        "acts_for_limits": {"requests_total": 1},
    }
    assert UNSET is ActingChange().limits


async def test_a_caller_keeps_the_person_it_acts_for_when_it_is_read_anew(house: InMemoryAccounts) -> None:
    accounts = house.accounts
    await accounts.create_user("alice", ROOT)
    made = await accounts.create_key("alice", ROOT, acting=ACTS)
    plain = accounts.identify(made.secret)
    mia = await accounts.act_for(plain, "mia")
    assert [owner.kind.name for owner in mia.owners] == ["user", "key", "end_user"]
    assert mia.end_user_id == mia.owners[-1].id
    await accounts.set_limits("alice", ROOT, {"requests_total": 9})
    await accounts.end_users.set_limits(mia.owners[-1].id, ROOT, {"requests_total": 3})
    anew = accounts.refresh(mia)
    assert [owner.limits.counts.get("requests_total") for owner in anew.owners] == [9, None, 3]
    assert anew.end_user_id == mia.end_user_id
    assert accounts.refresh(plain).end_user_id is None
    assert (await accounts.act_for(plain, "noa", make=False)) is plain
    assert (await accounts.act_for(plain, "mia", make=False)).end_user_id == mia.end_user_id
