"""The life of models by clicks alone: on a real Ollama that pulls from a registry of the test's own, and on a scripted
one where the real one cannot be made to."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.ollama.registry import Registry
from tests.ollama.rig import Ollama, serving
from tests.pages.conftest import NewWindow
from tests.pages.test_words_of_others import scripted_upstream
from tests.pages.visitor import ADMIN, ADMIN_PASSWORD, Visitor
from tests.process.served import Served, served
from tests.scripted import Conn, Gate, Request, ScriptedUpstream
from tests.shapes import json_response, ndjson, tag

MB = 1_000_000
FIRST, SECOND = "sha256:" + "a" * 64, "sha256:" + "b" * 64
OLD, NEW = "1" * 64, "2" * 64


class Shop:
    """The registry, in a thread of its own: here nothing else runs an event loop."""

    def __init__(self, registry: Registry, loop: asyncio.AbstractEventLoop) -> None:
        self.registry = registry
        self._loop = loop

    def hold_at(self, byte: int) -> None:
        self._loop.call_soon_threadsafe(self.registry.hold_at, byte)

    def go(self) -> None:
        self._loop.call_soon_threadsafe(self.registry.go.set)


@contextmanager
def shop_of(models: Path) -> Iterator[Shop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    registry = Registry(models)
    try:
        asyncio.run_coroutine_threadsafe(registry.__aenter__(), loop).result()
        yield Shop(registry, loop)
        asyncio.run_coroutine_threadsafe(registry.__aexit__(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def shop(ollama: Ollama) -> Iterator[Shop]:
    with shop_of(ollama.models) as shop:
        yield shop


@pytest.fixture
def boss_of(window: NewWindow) -> Callable[[Served], Visitor]:
    """`boss_of(gateway)` is its admin, in a browser of their own."""

    def boss(gateway: Served) -> Visitor:
        gateway.admin("POST", "/admin/users", {"user_id": ADMIN, "role": "admin", "password": ADMIN_PASSWORD})
        return Visitor(gateway, window(at=gateway.url), ADMIN, "", ADMIN_PASSWORD)

    return boss


@pytest.fixture
def boss(tmp_path: Path, boss_of: Callable[[Served], Visitor]) -> Iterator[Visitor]:
    """The admin of a gateway before an Ollama that has no model."""
    machine = tmp_path / "machine"
    machine.mkdir()
    with serving(machine, machine / "models") as empty, served(tmp_path, empty.url) as gateway:
        visitor = boss_of(gateway)
        yield visitor
        visitor.leave()


@pytest.fixture
def rack() -> Iterator[ScriptedUpstream]:
    with scripted_upstream("small:latest", "big:latest") as up:
        yield up


@pytest.fixture
def keeper(tmp_path: Path, rack: ScriptedUpstream, boss_of: Callable[[Served], Visitor]) -> Iterator[Visitor]:
    """The admin of a gateway before the scripted one."""
    with served(tmp_path, rack.url) as gateway:
        visitor = boss_of(gateway)
        yield visitor
        visitor.leave()


def row_of(page: Page, model: str) -> Locator:
    """In the table of models."""
    return page.get_by_role("table", name="Models").get_by_role("row").filter(has_text=model)


def do(page: Page, model: str, what: str) -> Locator:
    """Choose something to do with a model; gives the dialog, where one opens."""
    page.get_by_role("button", name=f"More to do with {model}").click()
    page.get_by_role("menuitem", name=what, exact=True).click()
    return page.get_by_role("dialog")


def pull(page: Page, model: str, *, insecure: bool = False) -> Locator:
    """By the form; gives the job in the list."""
    form = page.get_by_role("dialog", name="Pull a model")
    form.get_by_label("Model", exact=True).fill(model)
    form.get_by_label("Insecure registry").set_checked(insecure)
    form.get_by_role("button", name="Pull", exact=True).click()
    expect(form).to_be_hidden()
    return job_of(page, model)


def job_of(page: Page, model: str) -> Locator:
    return page.get_by_role("list", name="Pulls", exact=True).get_by_role("listitem").filter(has_text=model).first


def share_of(bar: Locator) -> int:
    return int(bar.get_attribute("aria-valuenow") or -1)


def test_a_model_from_its_pull_to_its_end(boss: Visitor, shop: Shop) -> None:
    name, listed = shop.registry.name("tiny"), shop.registry.listed("tiny:latest")
    page = boss.page
    boss.sign_in()
    boss.rail.get_by_role("link", name="Models").click()
    expect(page.get_by_text("No models")).to_be_visible()
    shop.hold_at(200_000)
    page.get_by_role("button", name="Pull a model").last.click()
    job = pull(page, name, insecure=True)
    whole = job.get_by_role("progressbar", name=f"Pull of {name}")
    expect(whole).to_have_attribute("aria-valuenow", re.compile("^[1-9]"))
    assert 0 < share_of(whole) < 100
    expect(job).to_contain_text("pulling")
    layers = job.get_by_role("list", name="Layers at default").get_by_role("progressbar")
    expect(layers.first).to_have_attribute("aria-valuenow", re.compile("^[1-9]"))

    # It goes on when the page is left.
    boss.rail.get_by_role("link", name="Upstreams").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Upstreams")
    boss.rail.get_by_role("link", name="Models").click()
    expect(job_of(page, name)).to_contain_text("pulling")
    shop.go()
    expect(boss.notices).to_contain_text(f"{name} is pulled.")
    expect(job_of(page, name)).to_contain_text("succeeded")
    expect(row_of(page, listed)).to_contain_text("llama")

    do(page, listed, "Load")
    expect(boss.notices).to_contain_text(f"{listed} is in memory at default.")
    expect(row_of(page, listed)).to_contain_text("leaves in")
    do(page, listed, "Unload")
    expect(row_of(page, listed)).not_to_contain_text("leaves in")

    dialog = do(page, listed, "Pin")
    dialog.get_by_label("Keep it in memory").check()
    dialog.get_by_role("button", name="Pin", exact=True).click()
    expect(row_of(page, listed)).to_contain_text("in memory")
    dialog = do(page, listed, "Delete")
    expect(dialog).to_contain_text("It is pinned.")
    expect(dialog).to_contain_text("No one can use it any longer")
    expect(dialog.get_by_role("button", name=f"Delete {listed}")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name=f"More to do with {listed}")).to_be_focused()
    dialog = do(page, listed, "Change the pin")
    dialog.get_by_label("Keep it in memory").uncheck()
    dialog.get_by_role("button", name="Unpin").click()
    expect(boss.notices).to_contain_text(f"{listed} is not pinned any longer.")

    dialog = do(page, listed, "Copy")
    dialog.get_by_label("New name").fill("ours")
    dialog.get_by_role("button", name="Copy").click()
    expect(row_of(page, "ours:latest")).to_be_visible()
    do(page, listed, "Delete").get_by_role("button", name=f"Delete {listed}").click()
    expect(row_of(page, listed)).to_have_count(0)
    expect(row_of(page, "ours:latest")).to_be_visible()

    page.get_by_role("button", name="Evict unused").click()
    dialog = page.get_by_role("dialog", name="Evict unused models")
    dialog.get_by_label("Not used for").fill("0")
    boss.choose("What happens to them", "They are deleted from disk")
    dialog.get_by_role("button", name="Show what would go").click()
    expect(dialog).to_contain_text("ours:latest at default, last used never")
    expect(row_of(page, "ours:latest")).to_have_count(1)
    dialog.get_by_role("button", name="Delete 1 model").click()
    expect(boss.notices).to_contain_text("1 model is deleted.")
    expect(page.get_by_text("No models")).to_be_visible()


def test_a_pull_that_fails_says_why_and_one_that_is_cancelled_can_be_begun_again(boss: Visitor, shop: Shop) -> None:
    page = boss.page
    boss.arrive("/admin/models?pull=%20")
    unknown = shop.registry.name("nope")
    job = pull(page, unknown, insecure=True)
    expect(job).to_contain_text("failed")
    expect(job).to_contain_text("The registry has no model of this name and tag.")
    expect(boss.notices).to_contain_text(f"{unknown} could not be pulled.")
    job.get_by_role("button", name=f"Pull again: {unknown}").click()
    form = page.get_by_role("dialog", name="Pull a model")
    expect(form.get_by_label("Model", exact=True)).to_have_value(unknown)

    name = shop.registry.name("tiny")
    shop.hold_at(200_000)
    job = pull(page, name, insecure=True)
    expect(job.get_by_role("list", name="Layers at default")).to_be_visible()
    job.get_by_role("button", name=f"Cancel the pull of {name}").click()
    expect(boss.notices).to_contain_text(f"The pull of {name} is cancelled.")
    expect(job).to_contain_text("cancelled")
    shop.go()
    job.get_by_role("button", name=f"Pull again: {name}").click()
    job = pull(page, name, insecure=True)
    expect(row_of(page, shop.registry.listed("tiny:latest"))).to_be_visible()
    expect(page.get_by_role("list", name="Pulls", exact=True).locator("> li")).to_have_count(3)


def test_progress_by_layer_and_a_full_disk(keeper: Visitor, rack: ScriptedUpstream) -> None:
    def layer(digest: str, completed: int) -> dict[str, Any]:
        return {"status": f"pulling {digest[7:19]}", "digest": digest, "total": 400 * MB, "completed": completed}

    told = [{"status": "pulling manifest"}, layer(FIRST, 400 * MB), layer(SECOND, 100 * MB)]
    full = ndjson({"error": "write /models/blobs/x: no space left on device"})
    steps = Gate([ndjson(*told, end=False), full.partition(b"\r\n\r\n")[2]])
    rack.route("POST /api/pull", steps)
    page = keeper.page
    keeper.arrive("/admin/models")
    page.get_by_role("button", name="Pull a model").click()
    job = pull(page, "large")
    expect(job).to_contain_text("size not known yet")
    steps.open()
    expect(job).to_contain_text("500 MB of 800 MB")
    expect(job.get_by_role("progressbar", name="Pull of large")).to_have_attribute("aria-valuenow", "62")
    expect(job).to_contain_text("pulling bbbbbbbbbbbb")
    bars = job.get_by_role("list", name="Layers at default").get_by_role("progressbar")
    assert [share_of(bar) for bar in bars.all()] == [100, 25]
    steps.open()
    expect(job).to_contain_text("failed")
    expect(job).to_contain_text("Delete models there")
    assert rack.calls("POST /api/pull")[0].json == {"model": "large", "insecure": False, "stream": True}


def test_what_stands_in_the_way_of_a_deletion(keeper: Visitor, rack: ScriptedUpstream) -> None:
    answering = Gate([json_response({"choices": []})])
    rack.route("POST /v1/chat/completions", answering)
    rack.route("GET /api/ps", json_response({"models": []}))

    async def delete(conn: Conn, request: Request) -> None:
        rack.models.pop(request.json["model"])
        await conn.send(json_response({}))

    rack.route("DELETE /api/delete", delete)
    key = keeper.gateway.new_user("ann")
    page = keeper.page
    keeper.arrive("/admin/models/small:latest")
    panel = page.get_by_role("dialog", name="small:latest")
    place = panel.get_by_role("region", name="At default")
    expect(place).to_contain_text("0 requests")
    with ThreadPoolExecutor() as pool:
        asked = {"model": "small", "messages": [{"role": "user", "content": "Hi"}]}
        answer = pool.submit(keeper.gateway.ask, key, "POST", "/v1/chat/completions", asked)
        expect(place).to_contain_text("1 request")
        place.get_by_role("button", name="Delete at default").click()
        dialog = page.get_by_role("dialog", name="Delete small:latest?")
        expect(dialog).to_contain_text("1 request runs on it now, and would fail.")
        button = dialog.get_by_role("button", name="Delete small:latest")
        expect(button).to_be_disabled()
        assert rack.calls("DELETE /api/delete") == []
        dialog.get_by_label("Delete it all the same").check()
        button.click()
        expect(keeper.notices).to_contain_text("small:latest is deleted at default.")
        answering.open()
        answer.exception()
    # Nothing is left to show the details of.
    keeper.is_at("/admin/models")
    expect(row_of(page, "small:latest")).to_have_count(0)
    assert rack.calls("DELETE /api/delete")[0].json == {"model": "small:latest"}


def test_a_name_that_is_pinned_to_a_digest_and_stands_for_another(keeper: Visitor, rack: ScriptedUpstream) -> None:
    rack.route("GET /api/tags", json_response({"models": [tag("small:latest") | {"digest": OLD}]}))
    page = keeper.page
    keeper.arrive("/admin/models")
    expect(row_of(page, "big:latest")).to_have_count(0)
    dialog = do(page, "small:latest", "Pin")
    keeper.choose("Digest", OLD[:12])
    dialog.get_by_role("button", name="Pin", exact=True).click()
    expect(row_of(page, "small:latest")).to_contain_text("one digest")
    rack.route("GET /api/tags", json_response({"models": [tag("small:latest") | {"digest": NEW}]}))
    expect(row_of(page, "small:latest")).to_contain_text("changed")
    page.get_by_role("link", name="small:latest").click()
    panel = page.get_by_role("dialog", name="small:latest")
    expect(panel).to_contain_text(f"Its name is pinned to {OLD[:12]}")
    panel.get_by_role("button", name="Accept the new digest").click()
    dialog = page.get_by_role("dialog", name="Pin small:latest")
    expect(dialog).to_contain_text(f"stands for {NEW[:12]}, not {OLD[:12]}")
    dialog.get_by_role("button", name="Accept the digest").click()
    # The question leads back to the panel it came from.
    expect(panel).to_be_visible()
    expect(panel.get_by_role("button", name="Accept the new digest")).to_have_count(0)
    expect(panel).to_contain_text("one digest")
