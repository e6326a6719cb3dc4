"""An open store: one attribute for each seam."""

from __future__ import annotations

from typing import Literal, Protocol

from tollkeeper.store.ports.accounts import AccountStore
from tollkeeper.store.ports.alerts import AlertStore
from tollkeeper.store.ports.aliases import AliasStore
from tollkeeper.store.ports.audit import Audit
from tollkeeper.store.ports.buckets import Buckets
from tollkeeper.store.ports.end_users import EndUserStore
from tollkeeper.store.ports.erasure import Erasure
from tollkeeper.store.ports.events import EventStore
from tollkeeper.store.ports.explorer import Explorer
from tollkeeper.store.ports.external_identities import ExternalIdentityStore
from tollkeeper.store.ports.idempotency import IdempotencyStore
from tollkeeper.store.ports.installation import Installation
from tollkeeper.store.ports.invoices import InvoiceStore
from tollkeeper.store.ports.jobs import JobStore
from tollkeeper.store.ports.ledger import Ledger
from tollkeeper.store.ports.pins import PinStore
from tollkeeper.store.ports.prices import PriceStore
from tollkeeper.store.ports.refusals import RefusalStore
from tollkeeper.store.ports.reports import Reports
from tollkeeper.store.ports.second_factors import SecondFactorStore
from tollkeeper.store.ports.sessions import SessionStore
from tollkeeper.store.ports.teams import TeamStore
from tollkeeper.store.ports.upstreams import UpstreamStore
from tollkeeper.store.ports.webhooks import WebhookStore

Durability = Literal["process", "power"]
"""What a durable commit survives: the end of the process, or a power failure too (an fsync per commit)."""


class Store(Protocol):
    """An open store, made by the engine's `open_store`; `close` flushes, then releases everything."""

    ledger: Ledger
    refusals: RefusalStore
    reports: Reports
    explorer: Explorer
    buckets: Buckets
    accounts: AccountStore
    erasure: Erasure
    end_users: EndUserStore
    sessions: SessionStore
    external_identities: ExternalIdentityStore
    second_factors: SecondFactorStore
    teams: TeamStore
    prices: PriceStore
    aliases: AliasStore
    upstreams: UpstreamStore
    pins: PinStore
    jobs: JobStore
    idempotency: IdempotencyStore
    installation: Installation
    invoices: InvoiceStore
    audit: Audit
    events: EventStore
    webhooks: WebhookStore
    alerts: AlertStore

    async def close(self) -> None: ...
