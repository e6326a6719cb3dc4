"""Images on their way through the gateway; tests/services/images tests the check and the fetch themselves."""

import asyncio
import base64
import io
import json
import random
import threading

import pytest
from msgspec import structs
from PIL import Image

from tests.gateway.conftest import ask
from tests.gateway.test_bad_input import check
from tests.scripted import json_response, response
from tollkeeper.services.images import WorkOfRequest, pixels
from tollkeeper.wire.openai.dialect import OPENAI
from tollkeeper.wire.openai.request import CHAT
from tollkeeper.wire.openai.rewrite import rewrite


def picture(kind="PNG", size=(4, 3)):
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, kind)
    return out.getvalue()


def data_url(content, mime="image/png"):
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def look(*urls, model="eye"):
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return ask(model=model, messages=[{"role": "user", "content": [{"type": "text", "text": "what"}, *parts]}])


def sent_urls(up):
    parts = up.requests[-1].json["messages"][0]["content"][1:]
    return [part["image_url"]["url"] for part in parts]


async def post(gateway, body):
    return await gateway.client.post("/v1/chat/completions", json=body)


async def test_a_base64_image_passes_as_it_is(gateway, up):
    url = data_url(picture())
    assert (await post(gateway, look(url))).status_code == 200
    assert sent_urls(up) == [url]


async def test_what_ollama_may_not_read_becomes_png(gateway, up):
    assert (await post(gateway, look(data_url(picture("GIF")), data_url(picture("WEBP"))))).status_code == 200
    for url in sent_urls(up):
        assert url.startswith("data:image/png;base64,")
        assert Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).size == (4, 3)


def lines(url, end):
    """The payload in lines, as `base64` and mail programs write it."""
    head, _, payload = url.partition(",")
    return head + "," + end.join(payload[start : start + 76] for start in range(0, len(payload), 76)) + end


@pytest.mark.parametrize(
    "spelt",
    [
        lambda url: lines(url, "\n"),
        lambda url: lines(url, "\r\n"),
        lambda url: url.replace("image/png", ""),
        lambda url: url.replace("image/png", "Image/PNG"),
        lambda url: url.replace("image/png", "image/webp"),
        lambda url: url.replace("image/png", "application/octet-stream"),
        lambda url: url.replace(";base64", ";charset=utf-8;base64"),
        lambda url: url.replace("data:", "DATA:").replace(";base64", ';name="a b.png";BASE64'),
        lambda url: lines(url.replace("image/png", ";charset=utf-8"), "\r\n"),
    ],
)
async def test_a_data_url_is_put_right_on_its_way(gateway, up, spelt):
    url = data_url(picture(size=(400, 300)))
    assert (await post(gateway, look(spelt(url), url))).status_code == 200
    assert sent_urls(up) == [url, url]


async def test_line_ends_as_json_may_escape_them(gateway, up):
    url = data_url(picture(size=(400, 300)))
    body = json.dumps(look(lines(url, "\n"))).replace("\\n", "\\u000a").encode()
    answer = await gateway.client.post("/v1/chat/completions", content=body)
    assert answer.status_code == 200
    assert sent_urls(up) == [url]


async def test_what_exif_turns_arrives_upright(gateway, up):
    marks = Image.Exif()
    marks[0x0112] = 6
    for kind in ("WEBP", "JPEG", "PNG"):
        made = io.BytesIO()
        Image.new("RGB", (40, 20)).save(made, kind, exif=marks)
        assert (await post(gateway, look(data_url(made.getvalue(), f"image/{kind.lower()}")))).status_code == 200
        (url,) = sent_urls(up)
        with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as seen:
            assert (seen.size, seen.getexif().get(0x0112, 1)) == ((20, 40), 1)


async def test_images_that_take_too_long_together_are_400_and_go_nowhere(gateway, up, monkeypatch):
    url = data_url(picture(size=(400, 300)))
    spent: list[int] = []
    await gateway.context.images.prepare(url, owner="alice", param="p", spend=spent.append)
    monkeypatch.setattr(WorkOfRequest.__init__, "__defaults__", (spent[0] * 3,))
    assert (await post(gateway, look(*[url] * 3))).status_code == 200
    message = check(await post(gateway, look(*[url] * 4)), 400, "invalid_image", "messages[0].content[4].image_url")
    assert "together" in message
    assert len(up.calls("POST /v1/chat/completions")) == 1
    assert len(await gateway.records()) == 1
    assert gateway.context.request_memory.held == 0


async def test_another_users_image_does_not_wait_behind_one_users(gateway, up, monkeypatch):
    """Sixteen of alice's are sent, and one that never ends is under way: bob's is decoded."""
    begun, go = threading.Event(), threading.Event()
    urls = [data_url(picture(size=(50 + number, 30))) for number in range(16)]
    seen: list[int] = []

    def slow(data, name):
        with Image.open(io.BytesIO(data)) as image:
            seen.append(image.width)
        if image.width >= 50:
            begun.set()
            assert go.wait(30)

    monkeypatch.setattr(pixels, "check", slow)
    alices = asyncio.create_task(post(gateway, look(*urls)))
    await asyncio.to_thread(begun.wait, 30)
    bob = {"authorization": f"Bearer {gateway.secrets['bob']}"}
    url = data_url(picture())
    answer = await gateway.client.post("/v1/chat/completions", json=look(url), headers=bob)
    assert answer.status_code == 200
    assert sorted(seen) == [4, 50]
    go.set()
    assert (await alices).status_code == 200
    assert len(seen) == 17


async def test_large_images_of_small_bodies_are_rewritten_aside(start, up):
    """A body of URLs is small; what it becomes is not."""
    content = speckled((1000, 300))
    up.route("GET /a.png", response(content, content_type="image/png"))
    threads: set[str] = set()

    def noted(*given, **named):
        threads.add(threading.current_thread().name)
        return rewrite(*given, **named)

    (adapter,) = OPENAI.adapters[CHAT.path]
    adapters = {**OPENAI.adapters, CHAT.path: (structs.replace(adapter, rewrite=noted),)}
    dialects = [structs.replace(OPENAI, adapters=adapters)]
    async with start(dialects=dialects, image_fetch_allow=f"127.0.0.1:{up.port}") as gateway:
        assert (await post(gateway, look(f"{up.url}/a.png"))).status_code == 200
    assert threading.current_thread().name not in threads


@pytest.mark.parametrize(
    "url",
    [
        data_url(picture()[:-20]),
        data_url(b"text"),
        "data:image/png;base64,@@@@",
        "ftp://127.0.0.1/a.png",
        "file:///etc/passwd",
        "/etc/passwd",
        "",
    ],
)
async def test_a_bad_image_is_400_and_goes_nowhere(gateway, up, url):
    answer = await post(gateway, look(data_url(picture()), url))
    check(answer, 400, "invalid_image", "messages[0].content[2].image_url")
    assert not up.calls("POST /v1/chat/completions")
    assert await gateway.records() == []


async def test_an_image_url_is_fetched_and_inlined(start, up):
    content = picture("JPEG")
    up.route("GET /a.jpg", response(content, content_type="image/jpeg"))
    async with start(image_fetch_allow=f"127.0.0.1:{up.port}") as gateway:
        assert (await post(gateway, look(f"{up.url}/a.jpg"))).status_code == 200
        assert sent_urls(up) == [data_url(content, "image/jpeg")]
        fetch = up.calls("GET /a.jpg")[0]
        assert fetch.header("authorization") is None
        assert fetch.header("cookie") is None


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/a.png",
        "http://127.1:{port}/a.png",
        "http://2130706433:{port}/a.png",
        "http://0x7f000001:{port}/a.png",
        "http://0177.0.0.1:{port}/a.png",
        "http://localhost:{port}/a.png",
        "http://localhost.:{port}/a.png",
        "http://LOCALHOST:{port}/a.png",
        "http://[::1]:{port}/a.png",
        "http://[::ffff:127.0.0.1]:{port}/a.png",
        "http://0.0.0.0:{port}/a.png",
        "http://[::]:{port}/a.png",
        "http://user@127.0.0.1:{port}/a.png",
        "http://127.0.0.1/a.png",
        "http://169.254.169.254/latest/meta-data",
    ],
)
async def test_an_image_url_to_this_machine_is_refused(gateway, up, url):
    up.route("GET /a.png", response(picture(), content_type="image/png"))
    check(await post(gateway, look(url.format(port=up.port))), 400, "invalid_image", "messages[0].content[1].image_url")
    assert not up.calls("GET /a.png")


async def test_a_redirect_into_this_machine_is_refused(start, up):
    up.route("GET /a.png", json_response({}, 302, f"Location: http://localhost:{up.port}/b.png"))
    up.route("GET /b.png", response(picture(), content_type="image/png"))
    async with start(image_fetch_allow=f"127.0.0.1:{up.port}") as gateway:
        check(await post(gateway, look(f"{up.url}/a.png")), 400, "invalid_image", "messages[0].content[1].image_url")
        assert up.calls("GET /a.png")
        assert not up.calls("GET /b.png")


async def test_a_blind_model_gets_no_image(gateway, up):
    message = check(
        await post(gateway, look(data_url(picture()), model="tiny")), 400, None, "messages[0].content[1].image_url"
    )
    assert "tiny:latest" in message
    assert not up.calls("POST /v1/chat/completions")


async def test_a_model_that_does_not_tell_gets_it(gateway, up):
    up.models["tiny:latest"] = ()
    assert (await post(gateway, look(data_url(picture()), model="tiny"))).status_code == 200


async def test_seventeen_images_are_too_many(gateway):
    url = data_url(picture())
    assert (await post(gateway, look(*[url] * 16))).status_code == 200
    check(await post(gateway, look(*[url] * 17)), 400, None, "messages[0].content[17].image_url")


async def test_one_bad_image_of_many_ends_the_others_and_is_named(gateway):
    urls = [data_url(picture())] * 5 + ["data:,x"] + [data_url(picture())] * 5
    check(await post(gateway, look(*urls)), 400, "invalid_image", "messages[0].content[6].image_url")


def speckled(size):
    """A PNG that compresses to no less than its pixels."""
    out = io.BytesIO()
    Image.frombytes("L", size, random.Random(1).randbytes(size[0] * size[1])).save(out, "PNG")
    return out.getvalue()


async def test_images_count_while_they_arrive(start, up, monkeypatch):
    """Four are fetched at a time: the bound is met long before the last."""
    content = speckled((1000, 300))
    up.route("GET /a.png", response(content, content_type="image/png"))
    bound = len(content) * 3 // 2
    async with start(image_fetch_allow=f"127.0.0.1:{up.port}", bodies_in_memory_bytes=bound) as gateway:
        held: list[int] = []
        take = gateway.context.request_memory.take

        def noted(size: int) -> None:
            held.append(size)
            take(size)

        monkeypatch.setattr(gateway.context.request_memory, "take", noted)
        check(await post(gateway, look(*[f"{up.url}/a.png"] * 16)), 503, "server_overloaded", kind="server_error")
        assert len(up.calls("GET /a.png")) <= 5
        assert max(held) < len(content), "piece by piece, not when it is whole"
        assert not up.calls("POST /v1/chat/completions")
        assert gateway.context.request_memory.held == 0


async def test_what_images_add_is_held_until_the_end(start, up):
    content, seen = speckled((100, 100)), []

    async def answer(conn, request):
        seen.append((gateway.context.request_memory.held, len(request.body)))
        await conn.send(response(b"{}"))

    up.route("GET /a.png", response(content, content_type="image/png"))
    up.route("POST /v1/chat/completions", answer)
    async with start(image_fetch_allow=f"127.0.0.1:{up.port}") as gateway:
        await post(gateway, look(f"{up.url}/a.png", data_url(picture("GIF"))))
        ((held, sent),) = seen
        assert sent <= held < sent + 200
        assert gateway.context.request_memory.held == 0


async def test_a_client_that_leaves_during_a_fetch_leaves_no_record(start, up):
    fetching = asyncio.Event()

    async def hang(conn, request):
        fetching.set()
        await conn.hang()

    up.route("GET /a.png", hang)
    async with start(image_fetch_allow=f"127.0.0.1:{up.port}") as gateway:
        asking = asyncio.create_task(post(gateway, look(f"{up.url}/a.png")))
        await fetching.wait()
        conn = up.connections[-1]
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        async with asyncio.timeout(60):
            await conn.wait_closed()
        assert await gateway.records() == []
