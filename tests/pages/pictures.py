"""Pictures of the pages for the documents: `scripts/pictures`.

The demo runs as ever, but its clock starts some weeks ago and is moved on from day to day: so its charts have a
month of requests to show, each of them real, within a few minutes, and the month before this one is closed and billed.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

import httpx2 as httpx
import uvloop
from playwright.sync_api import Page, sync_playwright
from rich.console import Console

from tests.pages.conftest import ALONE, CHROMIUM
from tollkeeper.app.build import now_ms
from tollkeeper.app.process import serve
from tollkeeper.cli.demo.backends import start_backends
from tollkeeper.cli.demo.command import demo_settings
from tollkeeper.cli.demo.prepare import prepare
from tollkeeper.cli.demo.samples import USERS
from tollkeeper.cli.demo.texts import SAMPLE_IMAGE

DAY_MS = 86_400_000
DAYS = 40
"""So many that some of them lie in the month before this one, whatever the day is."""
PRICES = {"llama3.2:1b": ("15", "60"), "moondream:latest": ("20", "80")}
"""A small model's answers at a large one's price, in US dollars per million tokens of input and output: else all sums
are of a hundredth of a cent."""
SELLER = {
    "TOLLKEEPER_INVOICE_SELLER_NAME": "Example Labs GmbH",
    "TOLLKEEPER_INVOICE_SELLER_ADDRESS": "Schleusenweg 4\n20095 Hamburg\nGermany",
    "TOLLKEEPER_INVOICE_SELLER_TAX_ID": "DE123456789",
    "TOLLKEEPER_INVOICE_TAX": "VAT=19%",
    "TOLLKEEPER_INVOICE_AFTER_DAYS": "0",
}
PAYERS = {
    "alice": {
        "name": "Alice Adebayo",
        "address": "12 River Lane\nOxford OX1 2AB\nUnited Kingdom",
        "tax_id": "GB 123 4567 89",
    },
    "bob": {"name": "Bob Brandt"},
    "charlie": {"name": "Charlie Chen"},
}
QUESTIONS = (
    "What is a toll?",
    "Name three bridges that were paid for by tolls.",
    "Write a haiku about a river.",
    "How do I reverse a list in Python?",
    "Explain a ledger to a child.",
)
KEYS = {user.user_id: user.key for user in USERS}
PASSWORDS = {user.user_id: user.password for user in USERS}
LIMITS: dict[str, dict[str, Any]] = {
    "alice": {"cost_usd_per_month": 0.5, "tokens_per_day": 20_000, "requests_per_minute": 30},
    "bob": {"tokens_per_month": 6_000, "max_concurrent_requests": 4},
    "charlie": {"cost_usd_total": 2, "requests_per_day": 200},
}


def main(weights: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="tollkeeper-pictures-") as folder,
        demo(Path(folder), weights) as (url, ago),
    ):
        for user_id, limits in LIMITS.items():
            change("PUT", url, f"/admin/users/{user_id}/limits", limits)
        for user_id, facts in PAYERS.items():
            change("PATCH", url, f"/admin/users/{user_id}", facts)
        for model, (asked, answered) in PRICES.items():
            price = {"model": model, "input_usd_per_mtok": asked, "output_usd_per_mtok": answered}
            change("PUT", url, "/admin/prices", price)
        live(url, ago)
        close_last_month(url)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ALONE)
            for take in TAKES:
                context = chromium.new_context(
                    base_url=url, viewport={"width": take.width, "height": take.height}, color_scheme=take.scheme
                )
                page = context.new_page()
                sign_in(page, take.who)
                with ThreadPoolExecutor(6) as pool:  # so that there is something to see on what is live
                    busy = [pool.submit(ask, url, who, QUESTIONS[0], False) for who in ("bob", "charlie") * 20]
                    take.pose(page)
                    page.screenshot(path=target / f"{take.name}.png")
                    for request in busy:
                        request.result()
                context.close()
            chromium.close()


@contextmanager
def demo(folder: Path, weights: Path) -> Iterator[tuple[str, Synchronized[int]]]:
    """The demo as a process; its address, and by how many milliseconds its clock is behind."""
    spawn = multiprocessing.get_context("spawn")
    ago = spawn.Value("q", DAYS * DAY_MS)
    told, tell = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_demo, args=(folder, weights, ago, tell))
    process.start()
    try:
        yield told.recv(), ago
    finally:
        process.terminate()
        process.join()


def _demo(folder: Path, weights: Path, ago: Synchronized[int], tell: Any) -> None:
    async def run() -> None:
        settings = demo_settings(folder, "127.0.0.1", 0)
        async with start_backends(settings.ollama_base_url, folder, weights, Console(stderr=True)) as backends:
            await serve(
                settings,
                upstreams=backends.upstreams,
                prepare=prepare,
                started=tell.send,
                now=lambda: now_ms() - ago.value,
            )

    os.chdir(folder)
    os.environ.update(SELLER)
    uvloop.run(run())


def live(url: str, ago: Synchronized[int]) -> None:
    """Some weeks of three people's requests; fewer at the week's end."""
    chance = random.Random(7)
    with ThreadPoolExecutor(4) as pool:
        for day in range(DAYS, -1, -1):
            ago.value = day * DAY_MS
            busy = 3 if day % 7 in (1, 2) else chance.randint(6, 14)
            asked = [
                pool.submit(
                    ask, url, chance.choice(["alice", "alice", "bob", "charlie"]), question, chance.random() < 0.3
                )
                for question in chance.choices(QUESTIONS, k=busy)
            ]
            for request in asked:
                request.result()


def ask(url: str, who: str, question: str, picture: bool) -> None:
    content: Any = question
    if picture:
        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{SAMPLE_IMAGE}"}}
        content = [{"type": "text", "text": question}, image]
    body = {
        "model": "moondream" if picture else "llama3.2",
        "messages": [{"role": "user", "content": content}],
        "max_tokens": 24,
        "stream": True,
    }
    headers = {"authorization": f"Bearer {KEYS[who]}"}
    # A budget may refuse one: that is a part of the picture.
    httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=120, verify=False)


def close_last_month(url: str) -> None:
    """Of its invoices one is paid."""
    month = f"{datetime.now(UTC).replace(day=1) - timedelta(days=1):%Y-%m}"
    for invoice in change("POST", url, "/admin/invoices/finalize", {"month": month})["data"]:
        if invoice["payer"]["user_id"] == "charlie":
            change("POST", url, f"/admin/invoices/{invoice['id']}/pay", {"reference": "bank 4711"})


def change(method: str, url: str, path: str, body: object) -> Any:
    headers = {"authorization": f"Bearer {KEYS['admin']}"}
    answer = httpx.request(method, url + path, json=body, headers=headers, timeout=60, verify=False)
    return answer.raise_for_status().json()


def sign_in(page: Page, who: str) -> None:
    page.goto("/login")
    page.get_by_label("Username").fill(who)
    page.get_by_label("Password").fill(PASSWORDS[who])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation", name="Pages", exact=True).wait_for()


def settled(page: Page, path: str) -> None:
    page.goto(f"/ui/{path}")
    page.get_by_role("heading", level=1).wait_for()
    page.locator("[aria-busy=true]").first.wait_for(state="detached")


def overview(page: Page) -> None:
    settled(page, "admin?period=30d")
    page.wait_for_timeout(8_000)  # some seconds of what is live


def last_month(page: Page) -> None:
    settled(page, "admin/billing")
    page.get_by_role("table", name="Months").get_by_role("row").nth(2).get_by_role("link").click()
    page.get_by_role("button", name="Verify").click()
    page.get_by_text("there is no difference").wait_for()
    page.mouse.move(0, 0)


def invoice(page: Page) -> None:
    settled(page, "invoices")
    page.get_by_role("link", name="Invoice TK-").first.click()
    page.get_by_role("article").wait_for()


def first_call(page: Page) -> None:
    settled(page, "admin/calls?status=completed")
    page.locator("tbody a").first.click()
    page.get_by_role("dialog").get_by_text("completed").first.wait_for()
    page.wait_for_timeout(300)


def chat(page: Page) -> None:
    settled(page, "chat")
    page.get_by_label("Message").fill("Explain in two sentences what a toll bridge is.")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Stop").wait_for()
    page.get_by_role("button", name="Stop").wait_for(state="detached", timeout=120_000)
    page.wait_for_timeout(1_000)


class Take:
    """One picture: who looks, at what, how large."""

    def __init__(
        self, name: str, who: str, pose: Any, width: int = 1280, height: int = 840, scheme: Any = "light"
    ) -> None:
        self.name = name
        self.who = who
        self.pose = pose
        self.width = width
        self.height = height
        self.scheme = scheme


TAKES = (
    Take("overview", "admin", overview),
    Take("overview-dark", "admin", overview, scheme="dark"),
    Take("users", "admin", lambda page: settled(page, "admin/users")),
    Take("user", "admin", lambda page: settled(page, "admin/users/alice?period=30d")),
    Take("usage", "admin", lambda page: settled(page, "admin/usage?period=30d&group_by=user,model")),
    Take("call", "admin", first_call),
    Take("month", "admin", last_month),
    Take("invoice", "alice", invoice, height=1000),
    Take("home", "alice", lambda page: settled(page, "home?period=30d")),
    Take("chat", "alice", chat),
    Take("home-narrow", "alice", lambda page: settled(page, "home?period=30d"), width=360, height=780, scheme="dark"),
)

if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
