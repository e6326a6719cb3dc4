"""The built pages, served: with the policy that keeps foreign code out, and only what was built."""

import gzip
import re

import httpx2 as httpx
import pytest

from tollkeeper.portal.app import Portal

INDEX = '<!doctype html><meta property="csp-nonce" nonce="__NONCE__"><script src="/ui/a.js" nonce="__NONCE__"></script>'
SCRIPT = "console.log(1);" * 200


@pytest.fixture
def root(tmp_path):
    (tmp_path / "pages/assets").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("not a page")
    (tmp_path / "pages/index.html").write_text(INDEX)
    (tmp_path / "pages/favicon.svg").write_text("<svg/>")
    (tmp_path / "pages/assets/a-1.js").write_text(SCRIPT)
    (tmp_path / "pages/assets/inter-1.woff2").write_bytes(bytes(5000))
    return tmp_path / "pages"


@pytest.fixture
async def browser(root):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Portal(root)), base_url="http://localhost") as client:
        yield client


async def nothing():
    raise AssertionError("a page has no body to read")


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


async def test_files_that_carry_their_hash_are_kept_for_good(browser):
    answer = await browser.get("/ui/assets/a-1.js")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert (await browser.get("/ui/favicon.svg")).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("offered", "packed"),
    [("gzip", True), ("br, GZIP;q=0.5", True), ("gzip;q=0", False), ("gzip; q=0.0", False), ("br", False), ("", False)],
)
async def test_files_are_packed_for_those_who_take_it(root, offered, packed):
    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/ui/assets/a-1.js",
        "headers": [(b"accept-encoding", offered.encode())],
    }
    await Portal(root)(scope, nothing, send)
    headers = dict(sent[0]["headers"])
    assert (headers.get(b"content-encoding") == b"gzip") is packed
    assert headers[b"vary"] == b"accept-encoding"
    content = sent[1]["body"]
    assert int(headers[b"content-length"]) == len(content)
    assert (gzip.decompress(content) if packed else content) == SCRIPT.encode()


async def test_what_is_packed_already_is_left_as_it_is(browser):
    answer = await browser.get("/ui/assets/inter-1.woff2", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    assert answer.content == bytes(5000)


@pytest.mark.parametrize(
    "path", ["/ui/../secret.txt", "/ui/%2e%2e/secret.txt", "/ui//etc/passwd", "/ui/assets/../../secret.txt"]
)
async def test_nothing_but_the_build_can_be_had(root, path):
    sent = []

    async def send(message):
        sent.append(message)

    await Portal(root)({"type": "http", "method": "GET", "path": path, "headers": []}, nothing, send)
    assert b"not a page" not in sent[1]["body"]
    assert b"root:" not in sent[1]["body"]


async def test_a_file_that_is_gone_is_not_a_page(browser):
    answer = await browser.get("/ui/assets/old-0.js")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/plain"


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
