"""What is reported of upstreams, and to whom mail goes, as the settings have it."""

from __future__ import annotations

from pathlib import Path

from tollkeeper.app.build import Gateway, open_gateway
from tollkeeper.config import load_settings
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.alerts.conditions import Condition
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.registry import Fault
from tollkeeper.store.ports.events import Event

BY = Actor("test")
UPSTREAM = UpstreamConfig("gpu", OLLAMA, "http://127.0.0.1:9")


async def test_an_upstream_is_down_by_its_list_or_by_its_health_once_it_was_asked(tmp_path: Path) -> None:
    async with open_gateway(load_settings(database_path=tmp_path / "t.db"), [UPSTREAM]) as gateway:
        [upstream] = gateway.context.registry
        assert condition(gateway) == Condition(None), "it was not asked yet"
        upstream.fault = Fault("its list is empty")
        assert condition(gateway) == Condition("down", "its list is empty")
        upstream.fault = None
        assert condition(gateway) == Condition("up")
        upstream.health.probed(gateway.context.clock(), "it fails its probe")
        assert condition(gateway) == Condition("down", "it fails its probe")


def condition(gateway: Gateway) -> Condition:
    return gateway.alerts.conditions._upstreams()["gpu"]


async def test_mail_goes_to_the_operators_and_what_is_about_a_users_budget_to_the_user(tmp_path: Path) -> None:
    mail = {"smtp_host": "mail.example", "smtp_from": "gateway@example.com", "alert_emails": "ops@example.com"}
    async with open_gateway(load_settings(database_path=tmp_path / "t.db", **mail), [UPSTREAM]) as gateway:
        mailer, accounts = gateway.alerts.deliveries._mail, gateway.context.accounts
        assert mailer is not None
        await accounts.create_user("ann", BY, email="ann@example.com")
        budget = Event("evt_1", 1, "budget.threshold", "{}", "ann", None)
        assert [*mailer.recipients(budget)] == ["ops@example.com", "ann@example.com"]
        assert [*mailer.recipients(Event("evt_2", 1, "upstream.down", "{}"))] == ["ops@example.com"]
        await accounts.update_user("ann", BY, UserChange(email=None))
        assert [*mailer.recipients(budget)] == ["ops@example.com"]


async def test_no_mail_is_sent_without_a_server(tmp_path: Path) -> None:
    async with open_gateway(load_settings(database_path=tmp_path / "t.db"), [UPSTREAM]) as gateway:
        assert gateway.alerts.deliveries._mail is None
