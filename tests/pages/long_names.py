"""A gateway in which every name is as long as the API lets it be, or as long as names are where many people share one:
users, keys, teams, models, upstreams, addresses, and what is on invoices.

    with long_named(folder) as named:
        named.gateway.url
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from tests.pages.conftest import PRICE
from tests.pages.test_words_of_others import scripted_upstream
from tests.pages.visitor import ADMIN, ADMIN_PASSWORD, PASSWORD
from tests.process.clock import Clock
from tests.process.served import Served, served
from tollkeeper.app.build import now_ms

MODEL = "registry.example.com/some-organisation/very-long-model-name-with-many-parts:70b-instruct-q4_k_m"
OTHER_MODEL = MODEL.replace("many-parts", "many-other-parts")
USER = "bartholomew.featherstonehaugh-cholmondeley@department.example.or"
TEAM = "the-department-of-everything-that-has-no-department-of-its-own-x"
UPSTREAM = "the-machine-in-the-cellar-under-the-northern-stairs.example.intr"
NOWHERE = "http://a-machine-of-a-long-name.that-is-not-there.example.internal.invalid:11434/some/path"
RECEIVER = "https://hooks.example.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX/tollkeeper/budgets"
NAME = "Bartholomew Featherstonehaugh-Cholmondeley of Upper and Lower Slaughter in the County of Gloucester"
KEY = "The nightly report of the finance department, as its head wished it to be called when it was made 1"
REASON = "A gift of the department of everything that has no department of its own, for the long wait of last month"
MEMBERS = 14
assert (len(USER), len(TEAM), len(UPSTREAM), len(NAME), len(KEY)) == (64, 64, 64, 99, 99)


SETTINGS: dict[str, Any] = {
    "invoice_seller_name": NAME,
    "invoice_seller_address": "The House With No Number, Long Lane, Upper Slaughter, Gloucestershire",
    "invoice_after_days": 0,
    "smtp_host": "127.0.0.1",
    "smtp_port": 9,
    "smtp_tls": "none",
    "smtp_from": "tollkeeper@example.com",
    "alert_emails": "operators-on-duty-of-the-northern-hemisphere@mail.department-of-operations.example.com",
}


class LongNamed(NamedTuple):
    """`call` is the id of a request of the user's, `invoice` that of an invoice of theirs, `month` the month before."""

    gateway: Served
    call: str
    invoice: str
    month: str


@contextmanager
def long_named(folder: Path) -> Iterator[LongNamed]:
    """One with an admin, a user who has used it last month and this one, and their team; one upstream is down."""
    now = datetime.fromtimestamp(now_ms() / 1000, UTC)
    before = now.replace(day=1, hour=0, minute=0) - timedelta(minutes=30)
    clock = Clock.at(folder / "clock", int(before.timestamp() * 1000))
    with (
        scripted_upstream(MODEL, OTHER_MODEL) as upstream,
        served(folder, upstream.url, clock=clock, **SETTINGS) as gateway,
    ):
        admin = gateway.admin
        admin("POST", "/admin/users", {"user_id": ADMIN, "role": "admin", "name": NAME, "password": ADMIN_PASSWORD})
        key = _make_accounts(gateway)
        _make_pool(gateway, upstream.url)
        for model in (MODEL, OTHER_MODEL):
            chat(gateway, key, model)
        clock.set(now_ms())
        issued = admin("POST", "/admin/invoices/finalize", {"month": f"{before:%Y-%m}"})["data"]
        for model in (MODEL, OTHER_MODEL):
            chat(gateway, key, model)
        admin("PATCH", f"/admin/users/{USER}", {"team": TEAM, "team_admin": True})
        chat(gateway, key, metadata={"project": "x" * 200, "a long name of a thing": "y" * 300})
        _limit(gateway)
        calls = admin("GET", f"/admin/users/{USER}/usage?limit=20")["data"]
        yield LongNamed(gateway, calls[0]["request_id"], issued[0]["id"], f"{before:%Y-%m}")


def chat(gateway: Served, key: str, model: str = MODEL, **fields: Any) -> None:
    asked = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 6} | fields
    gateway.ask(key, "POST", "/v1/chat/completions", asked)


def _make_accounts(gateway: Served) -> str:
    """The team, its members, and the keys of the user; gives one."""
    admin = gateway.admin
    form = {"user_id": USER, "name": NAME, "password": PASSWORD}
    key: str = admin("POST", "/admin/users", form)["api_key"]
    admin("PATCH", f"/admin/users/{USER}", {"address": NAME, "tax_id": "X" * 64, "email": f"{'e' * 60}@example.com"})
    admin("POST", "/admin/teams", {"team_id": TEAM, "name": NAME})
    for number in range(MEMBERS):
        member = f"{number:02}.{USER}"[:64]
        admin("POST", "/admin/users", {"user_id": member, "name": NAME, "team": TEAM})
    admin("PATCH", f"/admin/users/{member}", {"status": "suspended"})
    admin(
        "POST",
        f"/admin/users/{USER}/keys",
        {"name": KEY, "limits": {"requests_per_day": 1000, "tokens_per_day": 10_000}},
    )
    acting = admin("POST", f"/admin/users/{USER}/keys", {"name": KEY, "acts_for": "users", "acts_from": "body"})
    chat(gateway, acting["api_key"], user="x" * 200)
    admin("POST", "/admin/adjustments", {"user_id": USER, "cost_usd": "-0.01", "reason": REASON})
    return key


def _make_pool(gateway: Served, url: str) -> None:
    """Prices, aliases, a webhook, and upstreams of which one is not there."""
    admin = gateway.admin
    for model in (MODEL, OTHER_MODEL, f"{MODEL[:80]}*"):
        admin("PUT", "/admin/prices", {"model": model, **PRICE})
    admin("POST", "/admin/upstreams", {"id": UPSTREAM, "kind": "ollama", "base_url": url})
    admin(
        "POST",
        "/admin/upstreams",
        {"id": UPSTREAM.replace("cellar", "attic.")[:64], "kind": "ollama", "base_url": NOWHERE},
    )
    admin("PUT", "/admin/aliases", {f"alias.{number}.of.{MODEL}"[:80]: [MODEL, OTHER_MODEL] for number in range(3)})
    admin("POST", "/admin/webhooks", {"url": RECEIVER, "description": REASON})
    admin("POST", "/admin/models/pin", {"model": MODEL, "digest": "current", "loaded": False})
    admin("POST", "/admin/models/pull", {"model": f"{NOWHERE}/{'a' * 60}:latest", "insecure": True})


def _limit(gateway: Served) -> None:
    limits = {
        "requests_per_day": 5,
        "tokens_per_day": 100_000,
        "cost_usd_per_month": 5,
        "requests_per_minute": 0,
        "models": {MODEL: {"tokens_per_day": 1000}},
    }
    for path in (f"/admin/users/{USER}", f"/admin/teams/{TEAM}", f"/admin/users/00.{USER}"[:77]):
        gateway.admin("PUT", f"{path}/limits", limits)
