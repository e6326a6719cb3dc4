from __future__ import annotations

import asyncio
import base64
import threading

import pytest

from tests.services.images.rig import answer, serving
from tests.services.images.samples import decoded, encoded, noise, png
from tollkeeper.rules.errors import InvalidImage
from tollkeeper.services.images import MAX_IMAGES, Fetcher, Images
from tollkeeper.wire.images.urls import data_url

PNG, JPEG = encoded(noise(), "PNG"), encoded(noise(), "JPEG")
GIF, WEBP = encoded(noise(mode="P"), "GIF"), encoded(noise(), "WEBP")


@pytest.fixture
async def server():
    async with serving() as server:
        yield server


@pytest.fixture
async def images(server):
    images = Images(Fetcher([server.address]))
    yield images
    await images.close()


def unpacked(url: str) -> bytes:
    return base64.b64decode(url.partition(",")[2], validate=True)


@pytest.mark.parametrize(
    "url",
    [data_url("image/png", PNG), data_url("image/jpeg", JPEG), data_url("image/jpg", JPEG)],
    ids=["png", "jpeg", "jpg"],
)
async def test_what_needs_no_change_is_not_touched(images, url):
    assert await images.prepare(url, owner="u", param="p") is url


@pytest.mark.parametrize(
    ("url", "ready"),
    [
        (data_url("image/jpeg", PNG), data_url("image/png", PNG)),
        (data_url("image/png", JPEG), data_url("image/jpeg", JPEG)),
        (data_url("text/html", PNG), data_url("image/png", PNG)),
        (data_url("image/png", PNG).replace("data:image/png", "DATA:Image/PNG"), data_url("image/png", PNG)),
    ],
    ids=["png as jpeg", "jpeg as png", "png as html", "capitals"],
)
async def test_the_bytes_say_what_it_is(images, url, ready):
    assert await images.prepare(url, owner="u", param="p") == ready


@pytest.mark.parametrize("data", [GIF, WEBP], ids=["gif", "webp"])
@pytest.mark.parametrize("media_type", ["image/gif", "image/webp", "image/png"])
async def test_converted(images, data, media_type):
    ready = await images.prepare(data_url(media_type, data), owner="u", param="p")
    assert ready.startswith("data:image/png;base64,iVBOR")
    assert decoded(unpacked(ready)).tobytes() == decoded(data).tobytes()


@pytest.mark.parametrize("data", [PNG, JPEG], ids=["png", "jpeg"])
async def test_fetched(server, images, data):
    server.paths[b"/"] = answer(data, "content-type: text/plain")
    assert unpacked(await images.prepare(server.url(), owner="u", param="p")) == data


@pytest.mark.parametrize("data", [GIF, WEBP], ids=["gif", "webp"])
async def test_fetched_and_converted(server, images, data):
    server.paths[b"/"] = answer(data)
    ready = await images.prepare(server.url(), owner="u", param="p")
    assert decoded(unpacked(ready)).tobytes() == decoded(data).tobytes()


@pytest.mark.parametrize(
    "url",
    ["", "ftp://example.com/a.png", "data:image/png,abc", "data:image/png;base64,@@@@",
     "data:image/png;base64,aGVsbG8=",
     data_url("image/png", PNG[:-5]), data_url("image/svg+xml", b"<svg/>"), "http://127.0.0.1/", "http://localhost./",
     "https://user@example.com/", "data:image/png;base64,\ud800", "http://example.com/\ud800"],
)  # fmt: skip
async def test_refused(images, url):
    with pytest.raises(InvalidImage) as caught:
        await images.prepare(url, owner="u", param="messages[0].content[1].image_url.url")
    error = caught.value
    assert (error.status, error.code) == (400, "invalid_image")
    assert error.param == "messages[0].content[1].image_url.url"
    assert error.message


@pytest.mark.parametrize("body", [b"just text", b"<!doctype html><p>no picture</p>", b"", PNG[:-1]])
async def test_fetched_and_refused(server, images, body):
    server.paths[b"/"] = answer(body, "content-type: image/png")
    with pytest.raises(InvalidImage) as caught:
        await images.prepare(server.url(), owner="u", param="p")
    assert caught.value.param == "p"


async def test_too_large(images):
    with pytest.raises(InvalidImage, match="larger than 10,000,000 bytes"):
        await images.prepare(data_url("image/png", png() + bytes(10_000_000)), owner="u", param="p")


async def test_decoding_is_not_on_the_loop(images, monkeypatch):
    threads = set()

    def noted(url: str, _) -> str:
        threads.add(threading.current_thread())
        return url

    monkeypatch.setattr("tollkeeper.services.images._recode", noted)
    await asyncio.gather(*(images.prepare("data:", owner=str(n), param="p") for n in range(20)))
    assert 1 <= len(threads) <= 2
    assert threading.current_thread() not in threads


async def test_one_user_does_not_take_all(server):
    """Four that hang are one user's bound: the fifth waits, another user's does not."""
    asked = asyncio.Semaphore(0)
    go = asyncio.Event()

    async def hold(writer: asyncio.StreamWriter) -> None:
        asked.release()
        await go.wait()
        writer.write(answer(PNG))

    server.paths[b"/slow"] = hold
    server.paths[b"/"] = answer(PNG)
    images = Images(Fetcher([server.address]), per_owner=4)
    slow = [asyncio.create_task(images.prepare(server.url("/slow"), owner="a", param="p")) for _ in range(5)]
    for _ in range(4):
        await asyncio.wait_for(asked.acquire(), 60)
    await images.prepare(server.url(), owner="b", param="p")
    assert len(server.requests) == 5
    go.set()
    assert len(set(await asyncio.gather(*slow))) == 1
    assert len(server.requests) == 6
    assert repr(images).endswith("OwnerSemaphore(0 owners))")
    await images.close()


def test_bound_of_a_request():
    assert MAX_IMAGES == 16
