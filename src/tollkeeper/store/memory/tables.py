"""Tables of the memory store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from tollkeeper.rules.invoices import Invoice, PayerId
from tollkeeper.rules.pricing import Price
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.accounts import Key, User
from tollkeeper.store.ports.alerts import Alert, AlertKey
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.end_users import EndUser
from tollkeeper.store.ports.events import Delivery, Event
from tollkeeper.store.ports.external_identities import ExternalIdentity
from tollkeeper.store.ports.idempotency import Claim
from tollkeeper.store.ports.invoices import CoveredRange, CreditEntry
from tollkeeper.store.ports.jobs import StoredJob
from tollkeeper.store.ports.limit_templates import LimitTemplate
from tollkeeper.store.ports.pins import Pin
from tollkeeper.store.ports.records import Intent, Record
from tollkeeper.store.ports.refusals import RefusalKey
from tollkeeper.store.ports.second_factors import StoredFactor
from tollkeeper.store.ports.sessions import Session
from tollkeeper.store.ports.teams import Team
from tollkeeper.store.ports.upstreams import StoredUpstream
from tollkeeper.store.ports.webhooks import StoredWebhook


class KeptInvoice(Struct, frozen=True):
    """An invoice, whose it is now, its place among those of its year, and the ranges of records that it covers while it
    `holds` them."""

    invoice: Invoice
    payer: PayerId
    year: int
    serial: int
    ranges: tuple[CoveredRange, ...]
    holds: bool


class Tables:
    """All stored values, by id where they have one; `claims` by user and key. `pruned` are deleted records, which only
    sums still count; `erased` the ids that are left of persons who were forgotten. `fail` is the reason why nothing can
    be written, or None."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.keys: dict[str, Key] = {}
        self.end_users: dict[str, EndUser] = {}
        self.sessions: dict[str, Session] = {}
        self.external_identities: dict[tuple[str, str], ExternalIdentity] = {}
        self.second_factors: dict[str, StoredFactor] = {}
        self.teams: dict[str, Team] = {}
        self.prices: list[Price] = []
        self.aliases: dict[str, tuple[str, ...]] = {}
        self.upstreams: dict[str, StoredUpstream] = {}
        self.jobs: dict[str, StoredJob] = {}
        self.pins: dict[str, Pin] = {}
        self.model_colors: dict[str, None] = {}
        self.limit_templates: dict[str, LimitTemplate] = {}
        self.values: dict[str, bytes] = {}
        self.audit: list[AuditEntry] = []
        self.events: dict[str, Event] = {}
        self.unplanned: set[str] = set()
        self.deliveries: dict[str, Delivery] = {}
        self.alerts: dict[AlertKey, Alert] = {}
        self.webhooks: dict[str, StoredWebhook] = {}
        self.intents: dict[str, Intent] = {}
        self.claims: dict[tuple[str, bytes], Claim] = {}
        self.records: dict[str, Record] = {}
        self.pruned: list[Record] = []
        self.refusals: Counter[RefusalKey] = Counter()
        self.invoices: list[KeptInvoice] = []
        self.credits: list[CreditEntry] = []
        self.erased: set[str] = set()
        self.fail: str | None = None

    def chain(self) -> Iterator[Record]:
        """All records, the pruned ones included, in the order of their numbers, which begin with 1."""
        yield from self.pruned
        yield from self.records.values()

    def must_be_writable(self) -> None:
        """Raise StoreError when nothing can be written."""
        if self.fail is not None:
            raise StoreError(f"the database cannot be written: {self.fail}")
