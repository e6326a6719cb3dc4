"""Alerts and webhooks by clicks: what is wrong is seen, and sent to a receiver that is added here."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import NewWindow
from tests.pages.visitor import ADMIN, ADMIN_PASSWORD, PASSWORD, Visitor
from tests.process.served import Served, served

MISSING = "http://127.0.0.1:9"
"""Where nothing listens."""


class Receiver(ThreadingHTTPServer):
    """Answers `status` to every message."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.status = 200

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        assert isinstance(self.server, Receiver)
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def bare(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway whose only upstream is not there."""
    with served(tmp_path_factory.mktemp("bare"), MISSING, webhook_allow=receiver.address) as running:
        running.admin("POST", "/admin/users", {"user_id": ADMIN, "role": "admin", "password": ADMIN_PASSWORD})
        running.admin("POST", "/admin/users", {"user_id": "ann", "password": PASSWORD})
        yield running


@pytest.fixture
def boss(bare: Served, window: NewWindow) -> Visitor:
    return Visitor(bare, window(at=bare.url), ADMIN, "", ADMIN_PASSWORD)


def test_a_webhook_is_made_tried_rotated_and_removed(boss: Visitor, bare: Served, receiver: Receiver) -> None:
    boss.arrive("/admin/alerts")
    page = boss.page
    expect(page.get_by_role("table", name="Open alerts").get_by_text("upstream default")).to_be_visible()
    expect(page.get_by_role("table", name="Events").get_by_text("Upstream down")).to_be_visible()
    page.get_by_role("link", name="Webhooks").click()
    boss.is_at("/admin/webhooks")
    page.get_by_role("button", name="New webhook").click()
    page.get_by_label("Address").fill(f"http://{receiver.address}/hook")
    page.get_by_role("button", name="Make the webhook").click()
    secret = page.get_by_text(re.compile("^whsec_"))
    expect(secret).to_be_visible()
    first = secret.text_content()
    page.get_by_role("button", name="I have kept it").click()
    page.get_by_role("link", name=f"http://{receiver.address}/hook").click()
    panel = page.get_by_role("dialog")
    panel.get_by_role("button", name="Send a test").click()
    expect(boss.notices).to_contain_text("The test arrived")
    bare.admin("PATCH", "/admin/users/ann", {"status": "suspended"})
    expect(panel.get_by_text("User suspended")).to_be_visible()
    expect(panel.get_by_text("delivered")).to_be_visible()
    receiver.status = 500
    bare.admin("PATCH", "/admin/users/ann", {"status": "active"})
    bare.admin("POST", "/admin/users/ann/keys", {})
    expect(panel.get_by_text("it answered 500").first).to_be_visible()
    panel.get_by_role("button", name="Rotate the secret").click()
    page.get_by_role("button", name="Rotate", exact=True).click()
    expect(secret).to_be_visible()
    assert secret.text_content() != first
    page.get_by_role("button", name="I have kept it").click()
    expect(panel.get_by_text("Old secret ends")).to_be_visible()
    panel.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog", name="Remove the webhook").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("No webhooks yet")).to_be_visible()


def test_a_user_sees_at_home_that_a_budget_is_mostly_used(newcomer: Callable[..., Visitor]) -> None:
    visitor = newcomer()
    visitor.limit(cost_usd_per_month=10)
    visitor.bill("8.50")
    visitor.arrive("/home")
    expect(visitor.page.get_by_text("80 % of cost per month")).to_be_visible()
