"""How much comes over the line before one can sign in, and before an admin sees the first page."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.pages.visitor import Visitor

LOGIN_BYTES = 150_000
DASHBOARD_BYTES = 250_000


class Scales:
    """What a page has loaded, by the name of each file: bytes as they came, heads of responses included."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._names: dict[str, str] = {}
        self._sizes: dict[str, float] = {}
        tools = page.context.new_cdp_session(page)
        tools.send("Network.enable")
        tools.on(
            "Network.requestWillBeSent", lambda told: self._names.update({told["requestId"]: told["request"]["url"]})
        )
        tools.on(
            "Network.loadingFinished", lambda told: self._sizes.update({told["requestId"]: told["encodedDataLength"]})
        )

    @property
    def loaded(self) -> dict[str, float]:
        letters = "document.fonts.ready.then(fonts => [...fonts].some(font => font.status === 'loaded'))"
        assert self._page.evaluate(letters)
        loaded = {self._names[request].rpartition("/")[2]: size for request, size in self._sizes.items()}
        assert {name.rpartition(".")[2] for name in loaded} >= {"js", "css", "woff2", "svg"}
        return loaded


def test_the_sign_in_page_is_light(page: Page) -> None:
    scales = Scales(page)
    page.goto("/ui/login", wait_until="networkidle")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    loaded = scales.loaded
    assert [name for name in loaded if "inter" in name] == [name for name in loaded if "inter-core" in name]
    assert sum(loaded.values()) < LOGIN_BYTES, loaded


def test_the_first_page_of_an_admin_is_light(admin: Visitor) -> None:
    scales = Scales(admin.page)
    admin.arrive("/admin")
    expect(admin.page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(admin.page.locator("[aria-busy=true]")).to_have_count(0)
    loaded = scales.loaded
    assert sum(loaded.values()) < DASHBOARD_BYTES, loaded
