"""The states of an invoice, as the table has them, and who pays."""

from __future__ import annotations

import msgspec
import pytest

from tollkeeper.rules.invoices import STATES, UNHASHED, Action, Invoice, Line, Payer, PayerId, Status, after


@pytest.mark.parametrize(
    ("status", "action", "then"),
    [
        ("draft", "finalize", "finalized"),
        ("draft", "pay", None),
        ("draft", "void", None),
        ("finalized", "finalize", None),
        ("finalized", "pay", "paid"),
        ("finalized", "void", "void"),
        ("paid", "finalize", None),
        ("paid", "pay", None),
        ("paid", "void", None),
        ("void", "finalize", None),
        ("void", "pay", None),
        ("void", "void", None),
    ],
)
def test_each_state_allows_what_the_table_says(status: Status, action: Action, then: Status | None) -> None:
    assert after(status, action) == then


def test_every_state_that_follows_is_in_the_table() -> None:
    assert {then for actions in STATES.values() for then in actions.values()} <= set(STATES)


def test_a_payer_is_a_user_or_a_team_and_is_written_as_such() -> None:
    user, team = PayerId("user", "ann"), PayerId("team", "team_1")
    assert Payer.of(user, "Ann", None, None).ref == user
    assert Payer.of(team, None, "A Street", "DE2").ref == team
    assert msgspec.to_builtins(Payer.of(team, None, "A Street", "DE2")) == {
        "team_id": "team_1", "name": None, "address": "A Street", "tax_id": "DE2",
    }  # fmt: skip


def test_a_line_of_tokens_has_the_fields_of_one_and_no_others() -> None:
    line = Line(model="m", upstream="u", price_id=1, class_="input", tokens=5, unit_price_usd_per_mtok="1",
                cost_exact_usd="0.000005")  # fmt: skip
    assert list(msgspec.to_builtins(line)) == [
        "model", "upstream", "price_id", "class", "tokens", "unit_price_usd_per_mtok", "cost_exact_usd",
    ]  # fmt: skip


def test_what_the_hash_leaves_out_are_fields() -> None:
    assert set(UNHASHED) <= set(Invoice.__struct_fields__)
