"""The files of the build: kept, compressed, and nothing but them."""

import gzip

import brotli
import pytest

from tests.portal.conftest import SCRIPT, nothing
from tollkeeper.portal.app import Portal


async def test_files_that_carry_their_hash_are_kept_for_good(browser):
    answer = await browser.get("/ui/assets/a-1.js")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert (await browser.get("/ui/favicon.svg")).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("offered", "coding", "decode"),
    [
        ("gzip, deflate, br", "br", brotli.decompress),
        ("br;q=0, GZIP;q=0.5", "gzip", gzip.decompress),
        ("gzip;q=0", None, bytes),
        ("", None, bytes),
    ],
)
async def test_files_are_compressed_for_those_who_take_it(root, offered, coding, decode):
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
    assert headers.get(b"content-encoding") == (coding and coding.encode())
    assert headers[b"content-type"].startswith(b"text/javascript")
    assert headers[b"vary"] == b"accept-encoding"
    content = sent[1]["body"]
    assert int(headers[b"content-length"]) == len(content)
    assert decode(content) == SCRIPT.encode()


async def test_a_compressed_copy_has_no_address_of_its_own(browser):
    assert (await browser.get("/ui/assets/a-1.js.br")).status_code == 404


async def test_what_has_no_compressed_copy_is_left_as_it_is(browser):
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
