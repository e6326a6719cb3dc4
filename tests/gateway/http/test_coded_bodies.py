"""Compressed request bodies, on both planes."""

import gzip
import json
import zlib

import brotli
import pytest

from tests.gateway.conftest import ask
from tests.gateway.test_bad_input import check
from tests.gateway.test_limits import BEARER, held, limit
from tests.wire.http.test_content_coding import CODERS

CHAT = "POST /v1/chat/completions"


async def post(gateway, coding, content, path="/v1/chat/completions", **headers):
    return await gateway.client.post(path, content=content, headers={"content-encoding": coding, **headers})


@pytest.mark.parametrize("coding", CODERS)
async def test_a_compressed_request_is_relayed_decoded(gateway, up, coding):
    text = json.dumps(ask(model="tiny:latest", long="é" * 300_000)).encode()
    answer = await post(gateway, coding, CODERS[coding](text))
    assert answer.status_code == 200, answer.text
    assert up.requests[-1].body == text
    assert up.requests[-1].header("content-encoding") is None


@pytest.mark.parametrize("coding", CODERS)
async def test_a_compressed_change_is_read_by_the_control_plane(gateway, coding):
    content = CODERS[coding](b'{"user_id":"carol"}')
    assert (await post(gateway, coding, content, "/admin/users", **BEARER)).status_code == 201


async def test_header_lines_and_codings_are_undone_in_their_order(gateway, up):
    text = json.dumps(ask(model="tiny:latest")).encode()
    content = brotli.compress(zlib.compress(text))
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.post(content, "Content-Encoding: deflate", "Content-Encoding: br"))
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    assert up.requests[-1].body == text


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/admin/users", "/auth/login"])
async def test_other_codings_are_415_and_named(gateway, up, path):
    answer = await post(gateway, "compress", b"\x1f\x9d", path, **BEARER)
    message = check(answer, 415, "unsupported_content_encoding", "Content-Encoding")
    assert "UTF-8" not in message
    assert answer.headers["accept-encoding"] == "gzip, deflate, br, zstd"
    assert not up.calls(CHAT)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(json.dumps(ask()).encode(), mtime=0)[:-4], "cut off"),
        (gzip.compress(json.dumps(ask()).encode(), mtime=0) + b"garbage", "not gzip"),
        (json.dumps(ask()).encode(), "not gzip"),
    ],
)
async def test_a_broken_one_is_400_and_says_so(gateway, up, content, words):
    assert words in check(await post(gateway, "gzip", content), 400)
    assert not up.calls(CHAT)
    refused = await post(gateway, "gzip", content, "/admin/users", **BEARER)
    assert refused.status_code == 400
    assert words in refused.json()["error"]["message"]


@pytest.mark.parametrize("coding", CODERS)
async def test_a_bomb_is_too_large_and_takes_no_memory(start, coding):
    async with start(max_body_bytes=100_000) as gateway:
        most = 0
        take = gateway.context.request_memory.take

        def noted(size):
            nonlocal most
            take(size)
            most = max(most, gateway.context.request_memory.held)

        gateway.context.request_memory.take = noted
        bomb = CODERS[coding](b'{"model":"tiny","x":"' + b" " * 30_000_000 + b'"}')
        check(await post(gateway, coding, bomb), 413, "request_too_large")
        assert most <= 100_000
        assert gateway.context.request_memory.held == 0


async def test_a_budget_holds_what_the_body_becomes(gateway, up):
    """Its compressed length says nothing of its tokens."""
    await limit(gateway, tokens_total=50_000)
    text = json.dumps(ask(max_tokens=16, messages=[{"role": "user", "content": "a" * 60_000}])).encode()
    check(await post(gateway, "gzip", gzip.compress(text)), 400, "limit_too_small")
    assert not up.calls(CHAT)
    assert held(gateway) == 0


async def test_a_connection_goes_on_after_a_compressed_request(gateway):
    for coding in CODERS:
        for content in (CODERS[coding](json.dumps(ask()).encode()), b"broken" * 100):
            answer = await post(gateway, coding, content)
            assert answer.status_code in (200, 400)
    assert (await gateway.chat()).status_code == 200
