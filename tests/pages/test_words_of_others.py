"""Names and answers that are made to break out of the page stay text."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import NewWindow, furnish
from tests.pages.test_chat import ask
from tests.pages.visitor import ADMIN, ADMIN_PASSWORD, PASSWORD, Visitor
from tests.process.served import Served, served
from tests.scripted import ScriptedUpstream, chat_chunks, sse, streamed

HOSTILE = """<script>window.broken=1</script><img src=x onerror="window.broken=1">"""
ODD_MODEL = "<img/src=x/onerror=window.broken=1>:latest"
ODDLY = ["a</title><script>window.broken=1</script>", "{{constructor.constructor('window.broken=1')()}}", "__proto__"]
ANSWER = """# <img src=x onerror="window.broken=1">

<script>window.broken=1</script>
<iframe src="javascript:parent.broken=1"></iframe>
<a href="javascript:window.broken=1" onclick="window.broken=1">raw link</a>
<style>body { opacity: 0.1 }</style>

[scripted](javascript:window.broken=1) [upper](JaVaScRiPt:window.broken=1) [tabbed](java&#9;script:window.broken=1)
[data](data:text/html,<script>window.broken=1</script>) [vb](vbscript:x) [file](file:///etc/passwd)
[bare](//evil.example)
[honest](https://example.com/page) <javascript:window.broken=1> [by name][ref]

[ref]: javascript:window.broken=1

![remote](https://evil.example/beacon.png) ![local](/auth/logout) ![quoted](x" onerror="window.broken=1)

| <b onmouseover="window.broken=1">head</b> |
| --- |
| ![cell](https://evil.example/cell.png) |

```html
<script>window.broken=1</script>
```

The end.
"""


@contextmanager
def scripted_upstream(*models: str) -> Iterator[ScriptedUpstream]:
    """One with a thread to itself: here nothing else runs an event loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    upstream = ScriptedUpstream(dict.fromkeys(models, ("completion",)))
    try:
        asyncio.run_coroutine_threadsafe(upstream.__aenter__(), loop).result()
        yield upstream
        asyncio.run_coroutine_threadsafe(upstream.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with scripted_upstream("tiny:latest", ODD_MODEL, *(f"{name}:latest" for name in ODDLY)) as up:
        yield up


@pytest.fixture(scope="module")
def odd(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway where every name that somebody can choose is hostile."""
    with served(tmp_path_factory.mktemp("odd"), upstream.url) as running:
        furnish(running)
        for user_id in ("mallory", "trent"):
            form = {"user_id": user_id, "name": HOSTILE, "password": PASSWORD}
            key = running.admin("POST", "/admin/users", form)["api_key"]
        running.ask(key, "POST", "/me/keys", {"name": HOSTILE})
        for model in [ODD_MODEL, *ODDLY]:
            price = {"model": model, "input_usd_per_mtok": "1", "output_usd_per_mtok": "2"}
            running.admin("PUT", "/admin/prices", price)
            asked = {"model": model, "messages": [{"role": "user", "content": HOSTILE}]}
            running.ask(key, "POST", "/v1/chat/completions", asked)
        running.admin("PUT", "/admin/users/trent/limits", {"models": {ODD_MODEL: {"requests_per_day": 10}}})
        running.admin("POST", "/admin/adjustments", {"user_id": "trent", "cost_usd": "-0.01", "reason": HOSTILE})
        yield running


@pytest.fixture
def trent(odd: Served, window: NewWindow) -> Visitor:
    return Visitor(odd, window(at=odd.url), "trent", "")


@pytest.fixture
def boss(odd: Served, window: NewWindow) -> Visitor:
    return Visitor(odd, window(at=odd.url), ADMIN, "", ADMIN_PASSWORD)


def unharmed(page: Page) -> None:
    assert page.evaluate("window.broken") is None
    expect(page.locator("img[src='x'], main script, main iframe, main style")).to_have_count(0)
    assert page.evaluate("getComputedStyle(document.body).opacity") == "1"


ADMIN_PAGES = {
    "/admin": [ODD_MODEL, "trent"],
    "/admin/users": [HOSTILE],
    "/admin/users/trent": [HOSTILE, ODD_MODEL],
    "/admin/users/trent?limits=1": [ODD_MODEL],
    "/admin/calls": [ODD_MODEL, *(f"{name}:latest" for name in ODDLY)],
    "/admin/models": [ODD_MODEL, *(f"{name}:latest" for name in ODDLY)],
    "/admin/billing": [ODD_MODEL],
    "/admin/audit": [],
}
USER_PAGES = {"/home": [ODD_MODEL], "/calls": [ODD_MODEL], "/keys": [HOSTILE], "/chat": []}


def test_names_are_text_on_every_page_of_the_admin(boss: Visitor) -> None:
    boss.arrive("/admin")
    for path, texts in ADMIN_PAGES.items():
        boss.open(path)
        for text in texts:
            expect(boss.page.get_by_text(text).first).to_be_attached()
        unharmed(boss.page)


def test_names_are_text_on_every_page_of_the_user(trent: Visitor) -> None:
    trent.arrive("/home")
    expect(trent.page.get_by_role("button", name="Account of ")).to_contain_text(HOSTILE)
    for path, texts in USER_PAGES.items():
        trent.open(path)
        for text in texts:
            expect(trent.page.get_by_text(text).first).to_be_attached()
        unharmed(trent.page)


def test_an_answer_is_text_and_links_that_lead_out(trent: Visitor, upstream: ScriptedUpstream) -> None:
    pieces = [ANSWER[at : at + 7] for at in range(0, len(ANSWER), 7)]
    upstream.answer(streamed(*sse(*chat_chunks(pieces, include_usage=True))))
    trent.arrive("/chat")
    page = trent.page
    answer = ask(page, HOSTILE)
    expect(answer).to_contain_text("The end.")
    expect(answer).to_contain_text("first token")
    expect(answer.get_by_role("link", name="honest")).to_be_visible()
    expect(answer).to_contain_text("<script>window.broken=1</script>")
    expect(answer.locator("img")).to_have_count(0)
    unharmed(page)
    # All but our own, to the answer's call.
    links = answer.get_by_role("link").and_(page.locator(":not([aria-label='The call of this answer'])")).all()
    targets = [link.get_attribute("href") or "" for link in links]
    assert "https://example.com/page" in targets
    assert [target for target in targets if not target.startswith("https://")] == []
    assert all(link.get_attribute("rel") == "noopener noreferrer" for link in links)
    for text in ("scripted", "upper", "tabbed", "data", "vb", "file", "bare", "by name"):
        answer.get_by_text(text, exact=True).first.click()
    assert page.url.startswith(f"{trent.gateway.url}/ui/chat")
    unharmed(page)
    # The conversation's title is the question's.
    expect(page.get_by_role("navigation", name="Conversations")).to_contain_text("<script>")


def test_a_title_of_the_users_own_is_text(trent: Visitor) -> None:
    trent.arrive("/keys")
    page = trent.page
    row = page.get_by_role("row").filter(has_text=HOSTILE)
    row.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("dialog")).to_contain_text(HOSTILE)
    unharmed(page)
    page.get_by_role("button", name="Revoke the key").click()
    expect(trent.notices).to_contain_text(HOSTILE)
    unharmed(page)
