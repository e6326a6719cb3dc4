"""Who issues invoices, and who pays them: as the settings and the accounts have them at that moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct

from tollkeeper.rules.invoices import Payer, PayerId, Seller


class Party(Protocol):
    """A user or a team, as far as invoices name it. Users and teams fit as they are."""

    @property
    def name(self) -> str | None: ...


Parties = Callable[[PayerId], Party | None]
"""Finds a user or team by its id; None: it is no longer known."""


class Terms(Struct, frozen=True):
    """The terms of invoices, from the settings `invoice_*`. `prefix` begins numbers; `due_days` is the time for
    payment; `tax` is the rate of each tax by its name, in millionths; `after_days`: days after its end at which a month
    is finalized by itself, 0: never."""

    seller: Seller = Seller()
    prefix: str = "TK"
    due_days: int = 14
    tax: Mapping[str, int] = {}
    after_days: int = 3


def payer_now(payer: PayerId, parties: Parties) -> Payer:
    """The payer with name, address and tax id as they are now."""
    party = parties(payer)
    return Payer.of(
        payer,
        getattr(party, "name", None),
        getattr(party, "address", None),
        getattr(party, "tax_id", None),
    )
