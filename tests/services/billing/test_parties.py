"""The payer as an invoice names it."""

from __future__ import annotations

from tests.services.billing.house import ANN, TEAM, Named
from tests.store.values import ANN as USER
from tollkeeper.rules.invoices import Payer
from tollkeeper.services.billing.parties import payer_now


def test_a_payer_is_named_as_it_is_now() -> None:
    assert payer_now(ANN, {ANN: Named("Ann", "A Street", "DE2")}.get) == Payer(
        user_id="ann", name="Ann", address="A Street", tax_id="DE2"
    )
    assert payer_now(TEAM, {TEAM: Named("Blue")}.get) == Payer(team_id="team_1", name="Blue")


def test_what_a_user_or_team_does_not_have_is_left_open() -> None:
    assert payer_now(ANN, lambda _: USER) == Payer(user_id="ann", name="Ann")
    assert payer_now(ANN, lambda _: None) == Payer(user_id="ann")
