"""The pool by clicks alone: from an empty page to upstreams, an alias of two of them, and answers in the chat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages.conftest import NewWindow
from tests.pages.test_words_of_others import scripted_upstream
from tests.pages.visitor import ADMIN, ADMIN_PASSWORD, PASSWORD, Visitor
from tests.process.served import Served, served
from tests.scripted import ScriptedUpstream, chat_chunks, json_response, sse, streamed

SECRET = "sk-of-the-rack-1848"
MISSING = "http://127.0.0.1:9"
"""Where nothing listens."""


@pytest.fixture
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway whose only upstream, that of the settings, is not there; with an admin and a user."""
    with served(tmp_path_factory.mktemp("bare"), MISSING) as running:
        running.admin("POST", "/admin/users", {"user_id": ADMIN, "role": "admin", "password": ADMIN_PASSWORD})
        running.admin("POST", "/admin/users", {"user_id": "ann", "password": PASSWORD})
        yield running


@pytest.fixture
def boss(bare: Served, window: NewWindow) -> Visitor:
    return Visitor(bare, window(at=bare.url), ADMIN, "", ADMIN_PASSWORD)


@pytest.fixture
def ann(bare: Served, window: NewWindow) -> Visitor:
    return Visitor(bare, window(at=bare.url), "ann", "")


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    """Closes what is entered, at the end or before."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def attic(closing: ExitStack) -> ScriptedUpstream:
    """An Ollama, until `closing` is closed."""
    up = closing.enter_context(scripted_upstream("small:latest"))
    up.route("POST /v1/chat/completions", says("The attic answers.", "small:latest"))
    return up


@pytest.fixture
def rack() -> Iterator[ScriptedUpstream]:
    """One that is OpenAI-compatible."""
    with scripted_upstream() as up:
        up.route("GET /v1/models", json_response({"object": "list", "data": [{"id": "big", "object": "model"}]}))
        up.route("POST /v1/chat/completions", says("The rack answers.", "big"))
        yield up


@pytest.fixture
def shed() -> Iterator[ScriptedUpstream]:
    with scripted_upstream("spare:latest") as up:
        yield up


def says(text: str, model: str) -> bytes:
    return streamed(*sse(*chat_chunks([text], model=model)))


def row_of(page: Page, upstream: str) -> Locator:
    """In the open table of upstreams."""
    return page.get_by_role("table", name="Upstreams").get_by_role("row").filter(has_text=upstream)


def take_out(page: Page, upstream: str, way: str) -> Locator:
    """Choose a way out of service; gives the dialog that names what stops."""
    page.get_by_role("button", name=f"More to do with {upstream}").click()
    page.get_by_role("menuitem", name=way).click()
    return page.get_by_role("dialog", name=f"{way} {upstream}?")


def add(admin: Visitor, name: str, kind: str, address: str, **fields: str) -> Locator:
    """Fill in the form of a new upstream; gives its panel."""
    panel = admin.page.get_by_role("dialog", name="Add an upstream")
    panel.get_by_label("Name", exact=True).fill(name)
    admin.choose("Kind", kind)
    panel.get_by_label("Address").fill(address)
    for label, text in fields.items():
        panel.get_by_label(label, exact=True).fill(text)
    return panel


def check(panel: Locator) -> Locator:
    """Have the settings tried; gives where the result is said."""
    panel.get_by_role("button", name="Check").click()
    return panel.get_by_role("status")


def save(panel: Locator) -> None:
    panel.get_by_role("button", name="Add the upstream").click()
    expect(panel).to_be_hidden()


def shown(page: Page) -> str:
    """All that the page holds: its elements, and what stands in fields."""
    typed = page.evaluate("[...document.querySelectorAll('input, textarea')].map(field => field.value).join('\\n')")
    return f"{page.content()}\n{typed}"


def asked(page: Page, text: str) -> Locator:
    """Send a question in the open conversation; gives its answer."""
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_label("Message", exact=True).press("Enter")
    return page.get_by_role("log").get_by_role("article").last


def test_from_an_empty_page_to_an_alias_that_outlives_an_upstream(
    boss: Visitor,
    ann: Visitor,
    attic: ScriptedUpstream,
    rack: ScriptedUpstream,
    shed: ScriptedUpstream,
    closing: ExitStack,
    faults: list[str],
) -> None:
    boss.sign_in()
    page = boss.page
    boss.rail.get_by_role("link", name="Upstreams").click()
    take_out(page, "default", "Remove").get_by_role("button", name="Remove default").click()

    page.get_by_role("button", name="Add an upstream").click()
    panel = add(boss, "attic", "Ollama", attic.url)
    expect(check(panel)).to_contain_text("It has 1 model")
    save(panel)
    expect(row_of(page, "attic")).to_contain_text("up")

    page.get_by_role("button", name="Add upstream").click()
    panel = add(boss, "rack", "OpenAI-compatible", f"{rack.url}/v1", Secret=SECRET)
    panel.get_by_label("Open to every user").check()
    expect(check(panel)).to_contain_text("It has 1 model")
    save(panel)
    expect(row_of(page, "rack")).to_contain_text("up")
    assert rack.requests[-1].header("authorization") == f"Bearer {SECRET}".encode()
    # It was needed here once, and is never shown again.
    assert SECRET not in shown(page)
    page.get_by_role("link", name="rack").click()
    panel = page.get_by_role("dialog", name="rack")
    expect(panel.get_by_label("Secret", exact=True)).to_have_value("")
    expect(panel).to_contain_text("One is stored, and is never shown.")
    panel.get_by_role("button", name="More settings").click()
    assert SECRET not in shown(page)
    assert SECRET not in page.request.get(f"{boss.gateway.url}/admin/upstreams/rack").text()
    panel.get_by_role("button", name="Cancel").click()

    page.get_by_role("button", name="Add upstream").click()
    panel = add(boss, "shed", "Ollama", MISSING)
    expect(check(panel)).to_contain_text("No connection to the upstream can be made")
    panel.get_by_label("Address").fill(shed.url)
    expect(check(panel)).to_contain_text("It has 1 model")
    save(panel)
    expect(page.get_by_role("table", name="Upstreams").get_by_role("row")).to_have_count(4)

    boss.rail.get_by_role("link", name="Models").click()
    page.get_by_role("button", name="Add an alias").click()
    form = page.get_by_role("dialog", name="Add an alias")
    form.get_by_label("Alias", exact=True).fill("best")
    for model in ("small:latest", "big"):
        form.get_by_role("combobox", name="Another model").click()
        page.get_by_role("option", name=model, exact=True).click()
    form.get_by_role("button", name="Add the alias").click()
    expect(page.get_by_role("table", name="Aliases")).to_contain_text("small:latest, then big")

    ann.sign_in()
    ann.rail.get_by_role("link", name="Chat").click()
    picker = ann.page.get_by_role("combobox", name="Model", exact=True)
    picker.fill("best")
    ann.page.get_by_role("option", name="best").click()
    answer = asked(ann.page, "Who is there?")
    expect(answer).to_contain_text("The attic answers.")
    expect(answer).to_contain_text("total")
    closing.close()
    answer = asked(ann.page, "And now?")
    expect(answer).to_contain_text("The rack answers.")
    expect(answer).to_contain_text("total")
    assert faults == []

    boss.rail.get_by_role("link", name="Upstreams").click()
    dialog = take_out(page, "rack", "Drain")
    expect(dialog).to_contain_text("No one can use big any longer")
    dialog.get_by_role("button", name="Drain rack").click()
    expect(row_of(page, "rack")).to_contain_text("disabled")
    assert faults == []
    answered = len(rack.calls("POST /v1/chat/completions"))
    refusal = asked(ann.page, "Still there?")
    expect(refusal).to_contain_text("The model cannot be reached")
    expect(refusal.get_by_role("button", name="Try again")).to_be_visible()
    assert len(rack.calls("POST /v1/chat/completions")) == answered
    # It comes in the stream, if the request waited before.
    faults[:] = [fault for fault in faults if "status of 503" not in fault]
