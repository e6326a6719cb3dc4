"""What is compressed: JSON that is read, whole and of some size; never a stream, and nothing about the session."""

import gzip
import json

import pytest

from tollkeeper.control.http.compression import MIN_BYTES, Compression

LONG = json.dumps({"data": ["a row of a list"] * 100}).encode()
HUGE = json.dumps({"data": ["a row of a list"] * 20_000}).encode()


def app_of(*parts, media_type=b"application/json", more=()):
    async def app(_scope, _receive, send):
        headers = [(b"content-type", media_type), (b"content-length", b"%d" % sum(map(len, parts))), *more]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for place, part in enumerate(parts, 1):
            await send({"type": "http.response.body", "body": part, "more_body": place < len(parts)})

    return app


async def get(app, *, path="/admin/users", method="GET", offered=b"gzip"):
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        raise AssertionError("nothing is read")

    scope = {"type": "http", "method": method, "path": path, "headers": [(b"accept-encoding", offered)]}
    await Compression(app)(scope, receive, send)
    return dict(sent[0]["headers"]), [message["body"] for message in sent[1:]]


@pytest.mark.parametrize("content", [LONG, HUGE])
async def test_a_list_is_compressed(content):
    headers, (body,) = await get(app_of(content))
    assert headers[b"content-encoding"] == b"gzip"
    assert headers[b"vary"] == b"accept-encoding"
    assert int(headers[b"content-length"]) == len(body) < len(content) / 4
    assert gzip.decompress(body) == content


async def test_what_is_small_stays_as_it_is():
    headers, body = await get(app_of(b" " * (MIN_BYTES - 1)))
    assert b"content-encoding" not in headers
    assert body == [b" " * (MIN_BYTES - 1)]


@pytest.mark.parametrize("offered", [b"", b"br", b"gzip;q=0"])
async def test_whoever_does_not_take_it_gets_it_plain(offered):
    headers, body = await get(app_of(LONG), offered=offered)
    assert b"content-encoding" not in headers
    assert headers[b"vary"] == b"accept-encoding"
    assert body == [LONG]


@pytest.mark.parametrize(
    ("path", "method"),
    [("/auth/session", "GET"), ("/auth/login", "POST"), ("/me/keys", "POST"), ("/admin/users", "POST")],
)
async def test_secrets_are_never_compressed(path, method):
    headers, body = await get(app_of(LONG), path=path, method=method)
    assert b"content-encoding" not in headers
    assert body == [LONG]


async def test_streams_go_out_as_they_come():
    for app in (
        app_of(LONG, LONG),
        app_of(LONG, media_type=b"text/event-stream"),
        app_of(LONG, media_type=b"text/csv"),
    ):
        headers, body = await get(app)
        assert b"content-encoding" not in headers
        assert body[0] == LONG


async def test_what_is_coded_already_is_left():
    headers, body = await get(app_of(LONG, more=[(b"content-encoding", b"br")]))
    assert headers[b"content-encoding"] == b"br"
    assert body == [LONG]
