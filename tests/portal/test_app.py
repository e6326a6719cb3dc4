"""The built pages, served: with the policy that keeps foreign code out, and only what was built."""

import re

import httpx2 as httpx

from tollkeeper.portal.app import Portal


def sources(answer, directive):
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    return policy[directive].split(" ")


async def test_every_page_is_the_one_page(browser):
    for path in ("/ui/", "/ui/login", "/ui/admin/users/alice@example.com", "/ui/admin/users/a.b.c", "/ui/index.html"):
        answer = await browser.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"


async def test_the_bare_folder_leads_into_it(browser):
    answer = await browser.get("/ui")
    assert (answer.status_code, answer.headers["location"]) == (307, "/ui/")


async def test_the_policy_allows_nothing_unsafe_and_nobody_else(browser):
    answer = await browser.get("/ui/login")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert sources(answer, "default-src") == ["'none'"]
    assert sources(answer, "script-src") == ["'self'"]
    assert sources(answer, "frame-ancestors") == ["'none'"]
    assert sources(answer, "connect-src") == ["'self'"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_each_page_has_a_nonce_of_its_own_for_its_styles(browser):
    first, second = [await browser.get("/ui/login") for _ in range(2)]
    nonces = [set(re.findall(r'nonce="([^"]+)"', answer.text)) for answer in (first, second)]
    assert all(len(found) == 1 for found in nonces)
    assert nonces[0] != nonces[1]
    assert sources(first, "style-src") == ["'self'", f"'nonce-{nonces[0].pop()}'"]


async def test_pages_are_only_read(browser):
    assert (await browser.post("/ui/login")).status_code == 405
    answer = await browser.head("/ui/login")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_missing_build_is_said_in_words(tmp_path):
    portal = Portal(tmp_path / "nothing")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(portal), base_url="http://localhost") as browser:
        answer = await browser.get("/ui/home")
    assert answer.status_code == 503
    assert "The pages are not built" in answer.text
    assert "scripts/demo" in answer.text
    assert "unsafe" not in answer.headers["content-security-policy"]
