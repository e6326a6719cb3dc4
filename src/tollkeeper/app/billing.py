"""Billing, as the settings have it."""

from __future__ import annotations

from collections.abc import Callable

from tollkeeper.config import Settings
from tollkeeper.rules.errors import NotFound
from tollkeeper.rules.invoices import PayerId, Seller
from tollkeeper.services.accounts.accounts import Accounts
from tollkeeper.services.billing.billing import Billing
from tollkeeper.services.billing.parties import Party, Terms
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.store import Store


def create_billing(
    settings: Settings, store: Store, accounts: Accounts, outbox: Outbox, now: Callable[[], int]
) -> Billing:
    """Billing of the users and teams of `accounts`. `now` is milliseconds since the epoch."""
    terms = Terms(
        seller=Seller(settings.invoice_seller_name, settings.invoice_seller_address, settings.invoice_seller_tax_id),
        prefix=settings.invoice_prefix,
        due_days=settings.invoice_due_days,
        tax=settings.invoice_taxes,
        after_days=settings.invoice_after_days,
    )

    def find(payer: PayerId) -> Party | None:
        try:
            found = accounts.user(payer.id) if payer.kind == "user" else accounts.teams.team(payer.id)
        except NotFound:
            return None
        # Payers are named exactly, though accounts are found whatever the case of their ids.
        return found if payer.id == (found.user_id if isinstance(found, User) else found.team_id) else None

    return Billing(store, terms, find, now, outbox=outbox)
