"""What anyone can send: no key is needed."""

from __future__ import annotations

import gzip
import json
from collections import Counter

from tests.process.hostile.room import CHAT, MB, Hostile, Room, together

LOGIN = "/auth/login"


async def sign_ins_with_many_fields(room: Room) -> None:
    fields = {f"unknown{number}": "x" for number in range(45_000)}
    body = json.dumps({"username": "bob", "password": "x"} | fields).encode()
    answers = await together(room.send(room.post(LOGIN, body, key=None), address="127.0.0.2") for _ in range(8))
    assert all(answer.startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 429 ")) for answer in answers), answers


async def sign_ins_at_once(room: Room) -> None:
    def sign_in(number: int) -> bytes:
        body = json.dumps({"username": f"guess{number}", "password": "guess"}).encode()
        return room.post(LOGIN, body, "Content-Type: application/json", key=None)

    answers = await together(room.send(sign_in(number), address="127.0.0.2") for number in range(250))
    assert Counter(answer[:12] for answer in answers)[b"HTTP/1.1 429"] > 200, Counter(answers).most_common(3)


async def pipelined_requests(room: Room) -> None:
    many = room.head("/v1/models", method="GET", key=None, more=True) * 4000
    last = room.head("/v1/models", method="GET", key=None)
    await together(room.send(*[many] * 5, last, reads=False) for _ in range(4))


async def pipelined_requests_that_are_read(room: Room) -> None:
    many = room.head("/health", method="GET", key=None, more=True) * 500
    last = room.head("/health", method="GET", key=None)
    await together(room.send(*[many] * 4, last) for _ in range(4))


async def pipelined_bodies(room: Room) -> None:
    one = room.post(CHAT, b'{"model": "' + b"x" * 50_000 + b'"}', key=None, more=True)
    await together(room.send(*[one] * 200, reads=False) for _ in range(8))


async def bodies_without_a_key(room: Room) -> None:
    await together(room.send(room.post(CHAT, b" " * 19 * MB, key=None)) for _ in range(10))


async def bodies_for_nobody(room: Room) -> None:
    paths = ("/v1/nothing", "/health", "/admin/users", "/me/keys", "/ui/")
    await together(room.send(room.post(path, b" " * 19 * MB, key=None)) for path in paths * 2)


async def heads_of_64_kb(room: Room) -> None:
    lines = [f"x-{number}: {'y' * 50}" for number in range(1000)]
    head = room.head("/health", *lines, method="GET", key=None)[:64_000]
    await together(room.send(head + b"\r\n\r\n") for _ in range(200))


async def chunks_of_one_byte(room: Room) -> None:
    head = room.head(CHAT, "Transfer-Encoding: chunked", key=None)
    await together(room.send(head, b"1\r\nx\r\n" * 500_000) for _ in range(4))


async def a_key_of_60_kb(room: Room) -> None:
    requests = [room.head(f"/k/{'x' * 60_000}/v1/models", method="GET", key=None)]
    await together(room.send(request) for request in requests * 200)


async def gzip_bombs_without_a_key(room: Room) -> None:
    bomb = gzip.compress(b" " * 1000 * MB, 9)
    for path in (CHAT, LOGIN):
        await together(room.send(room.post(path, bomb, "Content-Encoding: gzip", key=None)) for _ in range(4))


async def queries_of_many_fields(room: Room) -> None:
    query = "&".join(f"a{number}=b" for number in range(6000))[:60_000]
    request = room.head(f"/admin/usage?{query}", method="GET", key=None)
    await together(room.send(request) for _ in range(50))


async def pages_to_come_back_to(room: Room) -> None:
    """After a sign-in by a provider, whether there is one or not: texts that a pattern could read in many ways."""
    for page in ("/" + "a" * 25, "/" + "a/" * 13, "/" + "a-" * 900):
        request = room.head(f"/auth/oidc/nobody/start?next={page}!", method="GET", key=None)
        await together(room.send(request) for _ in range(4))


async def framing_without_content(room: Room) -> None:
    head = room.head(CHAT, "Transfer-Encoding: chunked", key=None)
    trailers = b"0\r\n" + b"x: y\r\n" * 40_000 + b"\r\n"
    framings = (b"1;" + b"x" * 200_000, b"0" * 200_000, trailers, b"\r\n" * 128_000)
    requests = [(head, framing) for framing in framings] + [(b"\r\n" * 4 * MB,)]
    await together(room.send(*request) for request in requests)


async def upgrades(room: Room) -> None:
    one = room.head("/health", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", method="GET", key=None, more=True)
    await together(room.send(one * 2000, room.head("/health", method="GET", key=None)) for _ in range(4))


async def many_keys_in_one_request(room: Room) -> None:
    lines = [f"api-key: {number}" for number in range(4200)]
    request = room.head("/k/nobody/v1/models", *lines, method="GET", key=None)
    await together(room.send(request) for _ in range(4))


async def hosts_of_60_kb(room: Room) -> None:
    for host in ("a." * 30_000, "[" + "1:" * 29_000 + "]", "a:1" * 20_000):
        request = b"GET /v1/models HTTP/1.1\r\nHost: " + host.encode() + b"\r\nConnection: close\r\n\r\n"
        await together(room.send(request) for _ in range(20))


ANONYMOUS = [
    Hostile("sign-ins with many fields", sign_ins_with_many_fields, 40),
    Hostile("250 sign-ins at once", sign_ins_at_once, 200),
    Hostile("pipelined requests, never read", pipelined_requests, 40),
    Hostile("pipelined requests", pipelined_requests_that_are_read, 40),
    Hostile("pipelined bodies", pipelined_bodies, 60),
    Hostile("bodies of 19 MB without a key", bodies_without_a_key, 60),
    Hostile("bodies of 19 MB where none is taken", bodies_for_nobody, 60),
    Hostile("200 heads of 64 kB", heads_of_64_kb, 60),
    Hostile("chunks of one byte", chunks_of_one_byte, 40),
    Hostile("framing without content", framing_without_content, 40),
    Hostile("upgrades, pipelined", upgrades, 40),
    Hostile("many keys in one request", many_keys_in_one_request, 40),
    Hostile("hosts of 60 kB", hosts_of_60_kb, 40),
    Hostile("200 keys of 60 kB", a_key_of_60_kb, 40),
    Hostile("gzip bombs without a key", gzip_bombs_without_a_key, 60),
    Hostile("queries of many fields", queries_of_many_fields, 40),
    Hostile("pages to come back to", pages_to_come_back_to, 40),
]
