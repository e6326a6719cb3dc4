from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.redaction import Person, redacted, redacted_json

ALICE = Person("Alice", {"key_1"}, "usr_0")


def entry(detail: Any = None, **fields: Any) -> AuditEntry:
    made = AuditEntry(1, "root", "user.update", "bob", json.dumps(detail or {}), "192.0.2.7", 5)
    return replace(made, **fields)


def test_an_entry_about_others_stays() -> None:
    other = entry({"name": "Bob", "user_id": "bob", "limits": {"tokens_per_day": 5}})
    assert redacted(other, ALICE) == replace(other, detail=redacted_json(other.detail, ALICE))
    assert json.loads(redacted(other, ALICE).detail) == json.loads(other.detail)


@pytest.mark.parametrize("target", ["Alice", "alice", "ALICE"])
def test_of_an_entry_about_the_person_no_text_stays_that_may_describe_them(target: str) -> None:
    detail = {
        "name": "Alice Doe", "role": "admin", "has_password": True, "cost_usd": "-1.5", "reason": "to Alice",
        "limits": {"tokens_per_day": 7, "allowed_models": ["tiny"]}, "notes": ["born 1990"], "nested": {"name": "A"},
    }  # fmt: skip
    left = redacted(entry(detail, target=target), ALICE)
    assert (left.target, left.actor, left.address, left.id) == ("usr_0", "root", "192.0.2.7", 5)
    assert json.loads(left.detail) == {
        "name": None, "role": "admin", "has_password": True, "cost_usd": "-1.5", "reason": None,
        "limits": {"tokens_per_day": 7, "allowed_models": ["tiny"]}, "notes": [None], "nested": {"name": None},
    }  # fmt: skip


def test_of_an_entry_by_the_person_the_address_goes() -> None:
    left = redacted(entry({"name": "Bob"}, actor="alice"), ALICE)
    assert (left.actor, left.address, json.loads(left.detail)) == ("usr_0", None, {"name": "Bob"})


def test_of_an_entry_that_their_sign_in_by_a_provider_made_the_address_goes() -> None:
    """The provider is the actor, but the address is the person's."""
    made = entry({"issuer": "https://op.example", "subject": "248289761001"}, actor="@oidc/corp", action="user.create")
    left = redacted(replace(made, target="alice"), ALICE)
    assert (left.actor, left.target, left.address) == ("@oidc/corp", "usr_0", None)
    assert json.loads(left.detail) == {"issuer": None, "subject": None}
    assert redacted(made, ALICE).address == "192.0.2.7"


def test_of_a_sign_in_that_failed_the_address_goes() -> None:
    """Nobody had proved who they are, but most who type a password wrong are the person."""
    failed = entry({"code": "invalid_credentials"}, actor="@unknown", action="user.sign_in_failed", target="alice")
    left = redacted(failed, ALICE)
    assert (left.actor, left.target, left.address) == ("@unknown", "usr_0", None)
    assert json.loads(left.detail) == {"code": "invalid_credentials"}
    assert redacted(replace(failed, target="bob"), ALICE).address == "192.0.2.7"


@pytest.mark.parametrize(
    ("target", "detail"),
    [
        ("key_1", {"name": "laptop", "prefix": "sk-al"}),
        ("key_9", {"name": "mine", "prefix": "s", "user_id": "alice"}),
    ],
)
def test_keys_are_the_persons_by_their_id_or_their_user(target: str, detail: Any) -> None:
    left = json.loads(redacted(entry(detail, target=target), ALICE).detail)
    assert (left["name"], left["prefix"], left.get("user_id")) == (None, None, "usr_0" if target == "key_9" else None)


def test_the_id_is_replaced_in_any_place_but_not_within_a_word() -> None:
    text = json.dumps({"members": ["alice", "alicea"], "alice": 1, "by": "ALICE", "n": 10**30})
    assert json.loads(redacted_json(text, ALICE)) == {
        "members": ["usr_0", "alicea"], "usr_0": 1, "by": "usr_0", "n": 10**30,
    }  # fmt: skip
