"""The parts that report what happens, as the settings have them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tollkeeper.config import Settings
from tollkeeper.rules.breaker import State as BreakerState
from tollkeeper.rules.money import PICO_PER_USD
from tollkeeper.services.accounts.accounts import Accounts
from tollkeeper.services.alerts.book import AlertBook
from tollkeeper.services.alerts.budgets import BudgetAlerts
from tollkeeper.services.alerts.conditions import Condition, Conditions
from tollkeeper.services.events.deliveries import Deliveries
from tollkeeper.services.events.mail import Mailer, SmtpServer
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.services.events.post import Poster
from tollkeeper.services.events.webhooks import Webhooks
from tollkeeper.services.keyring.master_key import MasterKey
from tollkeeper.services.limits.usage import LimitUsage
from tollkeeper.services.upstreams.registry import NOT_ASKED, Registry, Upstream
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.ports.store import Store


@dataclass(frozen=True, slots=True)
class AlertServices:
    """The parts that report what happens."""

    outbox: Outbox
    webhooks: Webhooks
    deliveries: Deliveries
    book: AlertBook
    budgets: BudgetAlerts
    conditions: Conditions


async def create_alerts(
    settings: Settings,
    store: Store,
    outbox: Outbox,
    master_key: MasterKey,
    accounts: Accounts,
    registry: Registry,
    limit_usage: LimitUsage,
    now: Callable[[], int],
) -> AlertServices:
    """Create them, and load what they have in the store. `now` is milliseconds since the epoch."""
    webhooks = Webhooks(store.webhooks, master_key, Poster(settings.webhook_allow), now)
    await webhooks.load()
    deliveries = Deliveries(store.events, webhooks, _mailer(settings, accounts), now)
    outbox.on_saved.append(deliveries.wake)
    book = AlertBook(store.alerts, outbox)
    await book.load()

    async def spent(since: int) -> int:
        return sum(totals.cost_pico for _, totals in await store.reports.summary(Filter(since=since), []))

    def upstreams() -> dict[str, Condition]:
        at = time.monotonic()
        return {upstream.config.id: _condition(upstream, at) for upstream in registry.active()}

    budgets = BudgetAlerts(
        book,
        outbox,
        limit_usage,
        accounts,
        now,
        default=settings.alerts,
        whole_budget=None if settings.budget_per_month is None else int(settings.budget_per_month * PICO_PER_USD),
        spent=spent,
    )
    budgets.touch_all([*accounts.owners(), *await accounts.end_users.owners()])
    conditions = Conditions(book, outbox, lambda: store.ledger.failing, upstreams, deliveries.send_unsaved)
    return AlertServices(outbox, webhooks, deliveries, book, budgets, conditions)


def _condition(upstream: Upstream, at: float) -> Condition:
    fault, health = upstream.fault, upstream.health
    if fault is NOT_ASKED:
        return Condition(None)
    reason = health.why_down(at) if fault is None else fault.reason
    if reason is None and health.operator_fault:
        reason = "it refuses the gateway's key, or its account cannot pay"
    if reason is not None:
        return Condition("down", reason)
    return Condition("up" if health.breaker(at) is BreakerState.CLOSED else None)


def _mailer(settings: Settings, accounts: Accounts) -> Mailer | None:
    if settings.smtp_host is None or settings.smtp_from is None:
        return None
    password = settings.smtp_password
    server = SmtpServer(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_from,
        settings.smtp_tls,
        settings.smtp_user,
        None if password is None else password.get_secret_value(),
    )

    return Mailer(server, settings.alert_emails, accounts.addresses_of)
