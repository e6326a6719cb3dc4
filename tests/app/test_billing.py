"""Billing as the settings have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tollkeeper.app.build import open_gateway
from tollkeeper.config import load_settings
from tollkeeper.rules.errors import NotFound
from tollkeeper.rules.invoices import PayerId, Seller
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.billing.parties import Terms

BY = Actor("test")


async def test_the_terms_are_those_of_the_settings(tmp_path: Path) -> None:
    settings = load_settings(
        database_path=tmp_path / "t.db",
        invoice_seller_name="The Lab",
        invoice_seller_address="2 Toll Road",
        invoice_seller_tax_id="GB456",
        invoice_prefix="LAB",
        invoice_due_days=30,
        invoice_tax="VAT=19%",
        invoice_after_days=5,
    )
    async with open_gateway(settings, []) as gateway:
        seller = Seller("The Lab", "2 Toll Road", "GB456")
        assert gateway.billing.terms == Terms(seller, "LAB", 30, {"VAT": 190_000}, 5)


async def test_payers_are_the_accounts_by_their_exact_ids(tmp_path: Path) -> None:
    async with open_gateway(load_settings(database_path=tmp_path / "t.db"), []) as gateway:
        accounts = gateway.context.accounts
        await accounts.create_user("Ann", BY, name="Ann Lee")
        await accounts.teams.create("Blue", BY, name="The Blues")
        await accounts.update_user("Ann", BY, UserChange(address="1 Main Street", tax_id="DE1"))
        ann = (await gateway.billing.draft(PayerId("user", "Ann"))).payer
        assert (ann.name, ann.address, ann.tax_id) == ("Ann Lee", "1 Main Street", "DE1")
        assert (await gateway.billing.draft(PayerId("team", "Blue"))).payer.name == "The Blues"
        for name in ("user-Ann", "team-Blue"):
            assert (await gateway.billing.get(f"draft-2026-10-{name}")).lines == ()
        for name in ("user-ann", "team-blue", "user-Blue", "user-nobody"):
            with pytest.raises(NotFound):
                await gateway.billing.get(f"draft-2026-10-{name}")
