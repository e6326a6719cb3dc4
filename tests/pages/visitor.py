"""Somebody before a browser."""

from __future__ import annotations

import re
import time
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.process.served import PATIENCE, Served

PASSWORD = "opensesame-1"
ADMIN = "boss"
ADMIN_PASSWORD = "opensesame-2"


class Visitor:
    """`key` is "" for the admin, who has a password only."""

    def __init__(self, gateway: Served, page: Page, user_id: str, key: str, password: str = PASSWORD) -> None:
        self.gateway = gateway
        self.page = page
        self.user_id = user_id
        self.key = key
        self.password = password

    def leave(self) -> None:
        """Close the browser: it complains of a gateway that ends while one of its pages still asks for something."""
        self.page.context.close()

    def fill_in(self, user_id: str, password: str) -> None:
        """The sign-in form, and its button."""
        self.page.get_by_label("Username").fill(user_id)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def sign_in(self, at: str = "/login") -> None:
        """By the form, and wait for the page it leads to."""
        self.page.goto(at)
        self.fill_in(self.user_id, self.password)
        expect(self.rail).to_be_visible()

    def arrive(self, at: str) -> None:
        """Signed in without the form, at a page below /ui."""
        given = {"username": self.user_id, "password": self.password}
        answer = self.page.request.post(
            f"{self.gateway.url}/auth/login", data=given, headers={"origin": self.gateway.url}
        )
        assert answer.ok, answer.text()
        self.open(at)

    def open(self, at: str) -> None:
        self.page.goto(f"{self.gateway.url}/ui{at}")
        expect(self.rail).to_be_visible()

    def is_at(self, path: str) -> None:
        """`path` is below /ui; what stands in the query does not matter."""
        expect(self.page).to_have_url(re.compile(rf"^{re.escape(self.gateway.url)}/ui{re.escape(path)}(\?.*)?$"))

    def choose(self, label: str, option: str) -> None:
        """In a list that opens."""
        self.page.get_by_role("combobox", name=label, exact=True).click()
        self.page.get_by_role("option", name=option).click()

    @property
    def rail(self) -> Locator:
        return self.page.get_by_role("navigation", name="Pages", exact=True)

    @property
    def notices(self) -> Locator:
        """Where it is said what was done."""
        return self.page.locator('[role="status"][aria-live="polite"]')

    def bill(self, usd: str) -> None:
        """Add so much to what they owe."""
        correction = {"user_id": self.user_id, "cost_usd": usd, "reason": "a test"}
        self.gateway.admin("POST", "/admin/adjustments", correction)

    def call(self, **fields: Any) -> Any:
        """A request by the visitor's key, not by the browser."""
        ask = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 8} | fields
        return self.gateway.ask(self.key, "POST", "/v1/chat/completions", ask)

    def records(self, count: int) -> list[dict[str, Any]]:
        """Theirs, newest first, once there are `count`: what was cancelled is recorded a moment later."""
        deadline = time.monotonic() + PATIENCE
        path = f"/admin/users/{self.user_id}/usage?limit=1000"
        while len(found := self.gateway.admin("GET", path)["data"]) < count:
            assert time.monotonic() < deadline, f"{len(found)} records instead of {count}"
            time.sleep(0.02)
        assert len(found) == count
        return list(found)

    def limit(self, **limits: object) -> None:
        self.gateway.admin("PUT", f"/admin/users/{self.user_id}/limits", limits)
