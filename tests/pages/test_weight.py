"""How much comes over the line before one can sign in."""

from __future__ import annotations

from playwright.sync_api import Page, expect

MOST_BYTES = 250_000


def test_the_sign_in_page_is_light(page: Page) -> None:
    tools = page.context.new_cdp_session(page)
    tools.send("Network.enable")
    names: dict[str, str] = {}
    sizes: dict[str, float] = {}
    tools.on("Network.requestWillBeSent", lambda told: names.update({told["requestId"]: told["request"]["url"]}))
    tools.on("Network.loadingFinished", lambda told: sizes.update({told["requestId"]: told["encodedDataLength"]}))
    page.goto("/ui/login", wait_until="networkidle")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert page.evaluate("document.fonts.ready.then(fonts => [...fonts].some(font => font.status === 'loaded'))")
    loaded = {names[request].rpartition("/")[2]: size for request, size in sizes.items()}
    assert {name.rpartition(".")[2] for name in loaded} >= {"js", "css", "woff2", "svg"}
    assert sum(loaded.values()) < MOST_BYTES, loaded
