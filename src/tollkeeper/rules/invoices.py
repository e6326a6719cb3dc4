"""An invoice: what one payer owes for one calendar month (UTC), and the states that it goes through.

    draft ──finalize──▶ finalized ──pay──▶ paid
                            └──void──▶ void

A draft is computed whenever it is looked at. Finalizing freezes it: from then on nothing in it changes but `status`,
`paid_at`, `reference` and `reason`, which its hash leaves out. A paid invoice is never voided: a credit note, an
invoice of its own number, takes all of it back.

These values have the form in which clients see them: money as exact decimal strings of dollars, times as RFC 3339. An
invoice is a document that the law has kept for years: it holds name, address and tax id of its payer as they were then,
also after that user has been erased.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from msgspec import UNSET, Struct, UnsetType, field

Status = Literal["draft", "finalized", "paid", "void"]
Action = Literal["finalize", "pay", "void"]
PayerKind = Literal["user", "team"]

STATES: Mapping[Status, Mapping[Action, Status]] = {
    "draft": {"finalize": "finalized"},
    "finalized": {"pay": "paid", "void": "void"},
    "paid": {},
    "void": {},
}
"""What may be done to an invoice in each state, and the state that follows."""

UNHASHED = ("sha256", "status", "paid_at", "reference", "reason")
"""Fields that the hash of an invoice leaves out."""


class PayerId(NamedTuple):
    """Who pays: a team for its members' requests, the user for all others."""

    kind: PayerKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Payer(Struct, frozen=True):
    """The payer as it was when the invoice was issued. It has either `user_id` or `team_id`."""

    user_id: str | UnsetType = UNSET
    team_id: str | UnsetType = UNSET
    name: str | None = None
    address: str | None = None
    tax_id: str | None = None

    @classmethod
    def of(cls, payer: PayerId, name: str | None, address: str | None, tax_id: str | None) -> Payer:
        return cls(**{f"{payer.kind}_id": payer.id}, name=name, address=address, tax_id=tax_id)

    @property
    def ref(self) -> PayerId:
        if isinstance(self.team_id, str):
            return PayerId("team", self.team_id)
        return PayerId("user", str(self.user_id))


class Seller(Struct, frozen=True):
    """Who issues the invoice, from the settings."""

    name: str | None = None
    address: str | None = None
    tax_id: str | None = None


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a payer used of one class of one model, by upstream and version of the price. What is not counted in tokens
    has `units` (requests, images, milliseconds of audio, characters), and `unit_price_usd` of a request, an image, a
    minute or a million characters. A cost without a unit price is one that an upstream reported."""

    model: str
    upstream: str
    price_id: int | None
    class_: str = field(name="class")
    tokens: int
    unit_price_usd_per_mtok: str | None
    cost_exact_usd: str
    units: int = 0
    unit_price_usd: str | None = None


class LateLine(Line, frozen=True, kw_only=True, omit_defaults=True):
    """A line of an earlier month, "2026-09": of records that were settled after that month was finalized, or that a
    voided invoice has reopened."""

    month: str


class AdjustmentItem(Struct, frozen=True):
    """A correction or refund: a record of the ledger. `month` is that in which it was made."""

    id: str
    month: str
    created_at: str
    user_id: str
    reason: str
    cost_exact_usd: str


class TaxItem(Struct, frozen=True):
    """One tax on lines, late items and adjustments. `rate` is a fraction: "0.19"; `amount_usd` is rounded to the cent,
    half to even."""

    name: str
    rate: str
    amount_usd: str


class ChainPosition(Struct, frozen=True):
    """The last record of a journal's chain that the invoice takes into account, and its hash in hex digits."""

    journal: str
    seq: int
    hash: str


class Invoice(Struct, frozen=True, kw_only=True):
    """An invoice, or the draft of one (`number`, `issued_at`, `due_at` and `sha256` are None then). `corrects` is the
    number of the paid invoice that a credit note takes back. `total_exact_usd` is lines, late items, adjustments and
    taxes less credit, exactly; `total_usd` the same, rounded once to the cent, half to even."""

    id: str
    number: str | None
    payer: Payer
    seller: Seller
    month: str
    status: Status
    issued_at: str | None
    due_at: str | None
    currency: Literal["usd"] = "usd"
    lines: tuple[Line, ...] = ()
    late: tuple[LateLine, ...] = ()
    adjustments: tuple[AdjustmentItem, ...] = ()
    credit_exact_usd: str = "0"
    tax: tuple[TaxItem, ...] = ()
    total_exact_usd: str = "0"
    total_usd: str = "0.00"
    corrects: str | None = None
    chains: tuple[ChainPosition, ...] = ()
    as_of: str
    sha256: str | None = None
    paid_at: str | None = None
    reference: str | None = None
    reason: str | None = None


def after(status: Status, action: Action) -> Status | None:
    """The state that follows an action; None: it may not be done in this state."""
    return STATES[status].get(action)
