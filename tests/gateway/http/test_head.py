"""HEAD is GET without its content, on every path that knows GET."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.gateway.conftest import Gateway

CHANGES = {"date", "x-request-id", "content-security-policy", "etag", "last-modified"}
GROWS = {"/metrics", "/admin/audit", "/v1/usage", "/admin/usage"}
"""Their content is longer the next time."""
PAGES = ("/ui", "/ui/", "/ui/index.html", "/ui/assets/none.js", "/login", "/admin")
PATHS = {"user_id": "alice", "id": "tiny", "model": "tiny", "key_id": "none", "name": "tiny"}
Head = tuple[int, dict[str, str]]


async def asked(gateway: Gateway, method: str, path: str, *lines: str, key: str | None = None) -> tuple[Head, bytes]:
    """The head of an answer, and all that came behind it on the connection."""
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *lines]
    if key is not None:
        head.append(f"Authorization: Bearer {key}")
    async with gateway.raw() as (reader, writer):
        writer.write(("\r\n".join(head) + "\r\n\r\n").encode())
        answer = await reader.read()
    first, *rest = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in rest)
    return (int(first.split()[1]), headers), answer.partition(b"\r\n\r\n")[2]


def told(head: Head, *, without: set[str]) -> tuple[int, dict[str, str]]:
    status, headers = head
    return status, {name: value for name, value in headers.items() if name not in without}


async def every_path(gateway: Gateway) -> list[str]:
    """Of those that end."""
    document: dict[str, Any] = (await gateway.client.get("/openapi.json")).json()
    gets = {path: item["get"] for path, item in document["paths"].items() if "get" in item}
    paths = [path for path, get in gets.items() if "text/event-stream" not in str(get["responses"])]
    return [re.sub(r"{(\w+)}", lambda found: PATHS.get(found[1], "none"), path) for path in paths]


@pytest.mark.parametrize("who", ["admin", "alice", None])
async def test_head_is_get_without_its_content(gateway: Gateway, who: str | None) -> None:
    paths = await every_path(gateway)
    assert len(paths) > 25
    key = None if who is None else gateway.secrets[who]
    for path in (*paths, *PAGES, "/docs", "/openapi.json", "/v1/models/tiny", "/nothing", "/k/x/me"):
        streams = path.endswith(".csv")
        got, content = await asked(gateway, "GET", path, key=key)
        head, behind = await asked(gateway, "HEAD", path, key=key)
        assert behind == b"", path
        changing = (
            CHANGES | ({"content-length"} if path in GROWS else set()) | ({"transfer-encoding"} if streams else set())
        )
        assert told(head, without=changing) == told(got, without=changing), path
        assert ("content-length" in head[1]) == ("content-length" in got[1]), path
        assert content or got[0] == 307, path


async def test_browsers_are_led_to_the_pages(gateway: Gateway) -> None:
    for path in ("/", "/login"):
        (status, headers), behind = await asked(gateway, "HEAD", path, "Accept: text/html")
        assert (status, behind) == (307, b"")
        assert headers["location"].startswith("/ui/")


async def test_a_download_is_not_made_for_its_head(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    (status, headers), behind = await asked(gateway, "HEAD", "/v1/usage.csv", key=gateway.secrets["alice"])
    assert (status, behind, headers["content-type"]) == (200, b"", "text/csv; charset=utf-8")
    assert "transfer-encoding" not in headers
    assert "content-length" not in headers


@pytest.mark.parametrize(
    ("path", "who"), [("/admin/live", "admin"), ("/admin/users/alice/live", "admin"), ("/me/live", "alice")]
)
async def test_a_live_feed_is_not_begun(gateway: Gateway, path: str, who: str) -> None:
    for _ in range(20):  # more than there may be at once
        (status, headers), behind = await asked(gateway, "HEAD", path, key=gateway.secrets[who])
        assert (status, behind) == (200, b"")
        assert headers["content-type"].startswith("text/event-stream")
        assert "content-length" not in headers
    assert gateway.live.streams + gateway.user_live.streams == 0


@pytest.mark.parametrize("path", ["/admin/live", "/admin/users/alice/live"])
async def test_a_live_feed_of_admins_is_not_even_named_to_others(gateway: Gateway, path: str) -> None:
    assert (await asked(gateway, "HEAD", path, key=gateway.secrets["alice"]))[0][0] == 403


async def test_the_connection_goes_on_behind_a_head(gateway: Gateway) -> None:
    paths = ("/health", "/v1/models", "/admin/live", "/ui/", "/v1/usage.csv", "/nothing", "/v1/chat/completions")
    async with gateway.raw() as (reader, writer):
        for path in paths:
            writer.write(gateway.head(path, method="HEAD"))
        writer.write(gateway.head("/health", "Connection: close", method="GET"))
        answers = await reader.read()
    assert answers.count(b"HTTP/1.1 ") == len(paths) + 1
    assert answers.count(b"\r\n\r\n") == len(paths) + 1
    assert answers.partition(b"connection: close\r\n")[2].endswith(b'"}')


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"HEAD / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n", 400),
        (b"HEAD / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
        (b"HEAD / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
        (b"HEAD /auth/login HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"HEAD /v1/usage HTTP/1.1\r\nHost: localhost\r\n\r\n", 401),
        (b"HEAD /v1/models HTTP/1.0\r\nHost: localhost\r\n\r\n", 401),
        (b"HEAD / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ],
)
async def test_errors_have_no_content_either(gateway: Gateway, sent: bytes, status: int) -> None:
    async with gateway.raw() as (reader, writer):
        writer.write(sent.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        head, end, behind = (await reader.read()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert (end, behind) == (b"\r\n\r\n", b"")
    assert int(re.search(rb"content-length: (\d+)", head)[1]) > 0  # type: ignore[index]


async def test_a_path_that_knows_get_says_that_it_knows_head(gateway: Gateway) -> None:
    for path, methods in {
        "/health": {"GET", "HEAD"},
        "/v1/models": {"GET", "HEAD"},
        "/me/keys": {"GET", "HEAD", "POST"},
        "/ui/": {"GET", "HEAD"},
        "/auth/login": {"POST"},
        "/v1/chat/completions": {"POST"},
    }.items():
        (status, headers), _ = await asked(gateway, "DELETE", path)
        assert status == 405
        assert {name.strip().upper() for name in headers["allow"].split(",")} == methods
