from __future__ import annotations

import asyncio
import gzip
import ssl

import pytest

from tests.services.images.rig import CERTIFICATE, Detour, answer, names, serving
from tollkeeper.rules.errors import InvalidImage
from tollkeeper.services.images.fetch import MAX_REDIRECTS, UNFETCHED, Fetcher

PUBLIC = "93.184.216.34"


@pytest.fixture
async def server():
    async with serving() as server:
        yield server


@pytest.fixture
async def inside():
    """Another server, that no test allows unless it says so."""
    async with serving() as server:
        server.paths[b"/"] = answer(b"a secret")
        yield server


async def failure(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(InvalidImage) as caught:
        await fetcher.fetch(url)
    return caught.value.message


async def test_the_body_comes_as_it_is(server):
    server.paths[b"/a.png?b=c"] = answer(b"\x00\xffbytes")
    assert await Fetcher([server.address]).fetch(server.url("/a.png?b=c#d")) == b"\x00\xffbytes"


async def test_what_is_sent(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    server.paths[b"/"] = answer(b"x", "set-cookie: a=b")
    fetcher = Fetcher([server.address])
    for _ in range(2):
        await fetcher.fetch(server.url())
    first, second = server.requests
    assert first == second
    lines = first.decode().strip().split("\r\n")
    assert lines[0] == "GET / HTTP/1.1"
    assert {line.partition(":")[0].lower() for line in lines[1:]} == {
        "host", "accept", "accept-encoding", "user-agent", "connection",
    }  # fmt: skip
    assert f"host: {server.address}" in lines
    assert "accept-encoding: identity" in lines


async def test_a_public_name_keeps_its_name(server):
    server.paths[b"/"] = answer(b"x")
    detour = Detour(server.port)
    fetcher = Fetcher(network=detour, resolve=names(images_example=PUBLIC))
    assert await fetcher.fetch("http://Images.Example./") == b"x"
    assert detour.asked == [(PUBLIC, 80)]
    assert b"host: images.example\r\n" in server.requests[0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(server, status):
    server.redirect("/a", "b?c", status)
    server.redirect("/b?c", server.url("/d"), status)
    server.redirect("/d", "/e", status)
    server.paths[b"/e"] = answer(b"here")
    assert await Fetcher([server.address]).fetch(server.url("/a")) == b"here"


async def test_too_many_redirects(server):
    for step in range(MAX_REDIRECTS + 1):
        server.redirect(f"/{step}", f"/{step + 1}")
    server.paths[b"/4"] = answer(b"too far")
    assert "more than 3 times" in await failure(Fetcher([server.address]), server.url("/0"))
    assert len(server.requests) == MAX_REDIRECTS + 1


async def test_a_redirect_in_a_circle(server):
    server.redirect("/", "/")
    assert "more than 3 times" in await failure(Fetcher([server.address]), server.url())
    assert len(server.requests) == MAX_REDIRECTS + 1


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "localhost", "[::ffff:127.0.0.1]"])
async def test_a_redirect_inside(server, inside, host):
    server.redirect("/", f"http://{host}:{inside.port}/")
    assert await failure(Fetcher([server.address]), server.url()) == UNFETCHED
    assert len(server.requests) == 1
    assert inside.requests == []


@pytest.mark.parametrize("inner", ["http://10.0.0.1/", "http://inside.example/", "https://localhost/", "http://[::1]/"])
async def test_a_redirect_inside_on_an_open_port(server, inner):
    server.redirect("/", inner)
    detour = Detour(server.port)
    resolve = names(**{"images_example": PUBLIC, "inside_example": "10.0.0.1", "10_0_0_1": "10.0.0.1", "::1": "::1",
                       "localhost": "127.0.0.1"})  # fmt: skip
    assert await failure(Fetcher(network=detour, resolve=resolve), "http://images.example/") == UNFETCHED
    assert detour.asked == [(PUBLIC, 80)]


async def test_a_redirect_between_exceptions(server, inside):
    server.redirect("/", inside.url())
    assert await Fetcher([server.address, inside.address]).fetch(server.url()) == b"a secret"


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://example.com/", "data:image/png;base64,AA==", "http://a:b@c/"]
)
async def test_a_redirect_to_something_else(server, location):
    server.redirect("/", location)
    assert await failure(Fetcher([server.address]), server.url())
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [201, 204, 206, 300, 302, 304, 400, 401, 404, 500, 503])
async def test_other_answers(server, status):
    server.paths[b"/"] = answer(b"" if status in (204, 304) else b"<html>", status=status)
    assert f"answered {status}" in await failure(Fetcher([server.address]), server.url())


async def test_a_gigabyte_that_says_so(server):
    server.paths[b"/"] = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n"
    assert "larger than 10,000,000 bytes" in await failure(Fetcher([server.address]), server.url())


@pytest.mark.parametrize("head", [b"", b"transfer-encoding: chunked\r\n"])
async def test_a_body_without_end(server, head):
    sent = 0

    async def pour(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        while True:
            writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
            await writer.drain()
            sent += 0x10000

    server.paths[b"/"] = pour
    assert "larger than 10,000,000 bytes" in await failure(Fetcher([server.address]), server.url())
    await asyncio.wait_for(server.left.wait(), 60)
    assert sent < 30_000_000  # the rest of it filled the sockets


async def test_exactly_the_bound(server):
    server.paths[b"/"] = answer(bytes(1000))
    server.paths[b"/more"] = answer(bytes(1001))
    fetcher = Fetcher([server.address], max_bytes=1000)
    assert len(await fetcher.fetch(server.url())) == 1000
    assert "larger than 1,000 bytes" in await failure(fetcher, server.url("/more"))


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"])
async def test_a_drip(server, head):
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.1)

    server.paths[b"/"] = drip
    assert "within 0.2 seconds" in await failure(Fetcher([server.address], timeout=0.2), server.url())
    await asyncio.wait_for(server.left.wait(), 60)


async def test_a_resolver_that_hangs():
    async def hang(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        raise AssertionError

    assert "within 0.05 seconds" in await failure(Fetcher(timeout=0.05, resolve=hang), "http://example.com/")


async def test_compressed(server):
    server.paths[b"/"] = answer(gzip.compress(bytes(10**6)), "content-encoding: gzip")
    server.paths[b"/plain"] = answer(b"x", "content-encoding: Identity")
    assert "compresses" in await failure(Fetcher([server.address]), server.url())
    assert await Fetcher([server.address]).fetch(server.url("/plain")) == b"x"


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.1 200 OK\r\nx: " + b"a" * 200_000,
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    ],
)  # fmt: skip
async def test_answers_that_are_none(server, raw):
    server.paths[b"/"] = raw
    assert await failure(Fetcher([server.address]), server.url()) in (
        UNFETCHED, "The server of the image answered 101, not 200: check the URL.",
    )  # fmt: skip


async def test_nobody_listens():
    async with serving() as gone:
        pass
    assert await failure(Fetcher([gone.address]), gone.url()) == UNFETCHED


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(CERTIFICATE))


async def test_certificates():
    async with serving(tls=True) as server:
        server.paths[b"/"] = answer(b"x")
        detour = Detour(server.port)
        resolve = names(images_test=PUBLIC, other_test=PUBLIC)
        strict = Fetcher(network=detour, resolve=resolve)
        assert await failure(strict, "https://images.test/") == UNFETCHED
        assert server.requests == []
        trusted = Fetcher(network=detour, resolve=resolve, ssl_context=trusting())
        assert await trusted.fetch("https://images.test/") == b"x"
        assert await failure(trusted, "https://other.test/") == UNFETCHED
        assert len(server.requests) == 1
        assert detour.asked == [(PUBLIC, 443)] * 3


async def test_an_exception_is_none_for_certificates():
    async with serving(tls=True) as server:
        fetcher = Fetcher([server.address])
        assert await failure(fetcher, f"https://{server.address}/") == UNFETCHED
        assert server.requests == []


async def test_the_caller_leaves(server):
    held = asyncio.Event()

    async def hold(writer: asyncio.StreamWriter) -> None:
        held.set()
        while not writer.is_closing():
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()

    server.paths[b"/"] = hold
    task = asyncio.create_task(Fetcher([server.address]).fetch(server.url()))
    await asyncio.wait_for(held.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.left.wait(), 60)
