"""Somebody before a browser."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.process.served import Served

PASSWORD = "opensesame-1"
ADMIN_PASSWORD = "opensesame-2"


class Visitor:
    def __init__(self, gateway: Served, page: Page, user_id: str, key: str) -> None:
        self.gateway = gateway
        self.page = page
        self.user_id = user_id
        self.key = key

    def sign_in(self, user_id: str | None = None, password: str = PASSWORD, at: str = "/login") -> None:
        """By the form, and wait for the page it leads to."""
        page = self.page
        page.goto(at)
        page.get_by_label("Username").fill(user_id or self.user_id)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("navigation", name="Pages")).to_be_visible()

    def sign_in_as_admin(self, at: str = "/login") -> None:
        self.sign_in("boss", ADMIN_PASSWORD, at)

    def call(self, **fields: Any) -> Any:
        """A request by the visitor's key, not by the browser."""
        ask = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 8} | fields
        return self.gateway.ask(self.key, "POST", "/v1/chat/completions", ask)
