"""What a user can send, with a key that works or one that is blocked."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any

from PIL import Image

from tests.process.hostile.room import CHAT, MB, Hostile, Room, together
from tests.process.served import ADMIN
from tollkeeper.rules.limits import COUNTED, MOST_MODELS

AT_ONCE = 4


def _ask(content: bytes) -> bytes:
    return b'{"model": "tiny", "messages": [{"role": "user", "content": ' + content + b"}]}"


BODIES: dict[str, bytes] = {
    "brackets and long strings": _ask(b'"' + b"[" * 200 + b"x" * 19 * MB + b'"'),
    "brackets and many strings": _ask(b'["' + b"[" * 200 + b'"' + b', "' + b'", "'.join([b"x" * 20] * 700_000) + b'"]'),
    "one long string": _ask(b'"' + b"x" * 19 * MB + b'"'),
    "escapes": _ask(b'"' + b"\\u0041" * (19 * MB // 6) + b'"'),
    "quotes that are escaped": _ask(b'"' + b'\\"' * (19 * MB // 2) + b'"'),
    "backslashes": _ask(b'"' + b"\\\\" * (19 * MB // 2) + b'"'),
    "halves of emoji": _ask(b'"' + b"\\ud83d" * (19 * MB // 6) + b'"'),
    "white space": b" " * 10 * MB + _ask(b'"hi"') + b"\n" * 9 * MB,
    "a long number": b'{"model": "tiny", "seed": 1' + b"0" * 19 * MB + b"}",
    "many numbers": b'{"model": "tiny", "x": [' + b"1," * (19 * MB // 2) + b"1]}",
    "many empty objects": b'{"model": "tiny", "x": [' + b"{}," * 90_000 + b"{}]}",
    "too many empty objects": b'{"model": "tiny", "x": [' + b"{}," * (19 * MB // 3) + b"{}]}",
    "many fields": b'{"model": "tiny"' + b"".join(b', "k%d": 1' % number for number in range(90_000)) + b"}",
    "too many fields": b'{"model": "tiny"' + b"".join(b', "k%d": 1' % number for number in range(1_200_000)) + b"}",
    "the same field again and again": b'{"model": "tiny"' + b', "model": "tiny"' * 1_000_000 + b"}",
    "brackets without end": b'{"model": "tiny", "x": ' + b"[" * 19 * MB,
    "nested just so deep": b'{"model": "tiny", "x": ' + b"[" * 120 + b'"' + b"x" * 19 * MB + b'"' + b"]" * 120 + b"}",
    "many messages": b'{"model": "tiny", "messages": ['
    + b",".join([b'{"role": "user", "content": "hi"}'] * 45_000)
    + b"]}",
    "not UTF-8 at the end": _ask(b'"' + b"x" * 19 * MB + b'\xff"'),
    "letters of three bytes": _ask(b'"' + "世".encode() * (19 * MB // 3) + b'"'),
}


def chats(body: bytes) -> Callable[[Room], Awaitable[None]]:
    async def attack(room: Room) -> None:
        await together(room.send(room.post(CHAT, body)) for _ in range(AT_ONCE))

    return attack


async def bodies_of_the_suspended(room: Room) -> None:
    await asyncio.to_thread(room.gateway.admin, "PATCH", "/admin/users/mallory", {"status": "suspended"})
    body = BODIES["brackets and long strings"]
    answers = await together(room.send(room.post(CHAT, body)) for _ in range(10))
    assert all(answer.startswith(b"HTTP/1.1 403 ") for answer in answers), answers


async def gzip_bombs(room: Room) -> None:
    bomb = gzip.compress(b" " * 1000 * MB, 9)
    await together(room.send(room.post(CHAT, bomb, "Content-Encoding: gzip")) for _ in range(AT_ONCE))


async def many_keys(room: Room) -> None:
    body = b'{"name": "one more"}'
    for _ in range(15):
        await together(room.send(room.post("/me/keys", body)) for _ in range(10))
    answer = await room.send(room.head("/me/keys?limit=1000", method="GET"))
    assert answer.startswith(b"HTTP/1.1 200 ")


async def large_bodies_of_the_control_plane(room: Room) -> None:
    junk = {f"unknown{number}": "x" for number in range(45_000)}
    bodies = [json.dumps(junk).encode(), b"[" * 100_000, b'{"name": [' + b"[]," * 80_000 + b"[]]}"]
    admin = f"Authorization: Bearer {ADMIN}"
    limits = [json.dumps({"allowed_models": [f"m{number}" for number in range(20_000)]}).encode(), *bodies]
    requests = [
        *(room.post("/me/keys", body) for body in bodies),
        *(room.post("/admin/users", body, admin, key=None) for body in bodies),
        *(
            room.post("/admin/users/mallory/limits", body, admin, key=None).replace(b"POST", b"PUT", 1)
            for body in limits
        ),
    ]
    await together(room.send(request) for request in requests * 4)


async def usage_by_many_cursors(room: Room) -> None:
    paths = (f"/v1/usage?limit=1000&after={'x' * 60_000}", "/v1/usage/summary?group_by=" + ",".join(["day"] * 10_000))
    for path in paths:
        await together(room.send(room.head(path, method="GET")) for _ in range(20))


async def changes_to_many_users(room: Room) -> None:
    """The largest template there can be for 400 users, then a change to each of those limits, and a larger one."""

    def change(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = room.gateway.admin("POST", path, body)
        return answer

    users = [f"student{number}" for number in range(400)]
    for user_id in users:
        await asyncio.to_thread(change, "/admin/users", {"user_id": user_id})
    models = {f"model{number}-{'x' * 230}": dict.fromkeys(COUNTED, 10**12) for number in range(MOST_MODELS)}
    await asyncio.to_thread(change, "/admin/limit-templates", {"id": "all", "limits": {"models": models}})
    changes: list[dict[str, Any]] = [
        {"limit_template": "all"},
        {"limits": {"tokens_per_day": 10**12}},
        {"limits": {"models": {model: {"tokens_per_day": 5} for model in models}}},
    ]
    for wanted in changes:
        for dry_run in (True, False):
            done = await asyncio.to_thread(
                change, "/admin/users/bulk", {"user_ids": users, "change": wanted, "dry_run": dry_run}
            )
            assert done["changed"] == len(users)
        # Back to what they have: all is compared, and the next change finds the largest limits.
        await asyncio.to_thread(
            change,
            "/admin/users/bulk/undo",
            {"changes": [{"before": group["after"], "users": group["users"]} for group in done["changes"]]},
        )


def _image(kind: str, picture: Image.Image, **how: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **how)
    return file.getvalue()


def _large_png() -> bytes:
    return _image("PNG", Image.new("I;16", (4000, 4000), 7))


def _progressive_jpeg() -> bytes:
    """One whose last scan comes again and again: each makes a decoder go through all of the picture (ITU T.81, G.1)."""
    plain = _image("JPEG", Image.effect_noise((2000, 2000), 90), progressive=True, quality=5)
    scan = plain.rindex(b"\xff\xda")
    return plain[:scan] + plain[scan:-2] * 80 + plain[-2:]


def _turned_jpeg() -> bytes:
    """One whose EXIF is 5 MB of fields."""
    plain = _image("JPEG", Image.new("RGB", (64, 64)))
    fields = b"Exif\0\0MM\0*\0\0\0\x08" + (5000).to_bytes(2, "big") + b"\x01\x0e\0\x02\0\0\0\x01a\0\0\0" * 5000
    segment = b"\xff\xe1" + (len(fields) + 2).to_bytes(2, "big") + fields
    return plain[:2] + segment * 80 + plain[2:]


def _filled_jpeg() -> bytes:
    """One with bytes of fill before its first marker (ITU T.81, B.1.1.2)."""
    plain = _image("JPEG", Image.new("RGB", (64, 64)))
    return plain[:2] + b"\xff" * 9 * MB + plain[2:]


def _webp() -> bytes:
    return _image("WEBP", Image.new("RGB", (4000, 4000), "red"), quality=50)


def images(picture: Callable[[], bytes]) -> Callable[[Room], Awaitable[None]]:
    async def attack(room: Room) -> None:
        url = "data:image/png;base64," + base64.b64encode(picture()).decode()
        count = max(1, min(16, 19 * MB // len(url)))
        parts = [{"type": "image_url", "image_url": {"url": url}} for _ in range(count)]
        body = json.dumps({"model": "eye", "messages": [{"role": "user", "content": parts}]}).encode()
        await together(room.send(room.post(CHAT, body)) for _ in range(2))

    return attack


USERS = [
    *(Hostile(f"4 bodies: {name}", chats(body), 300) for name, body in BODIES.items()),
    *(
        Hostile(f"4 bodies under a budget: {name}", chats(body), 300, limits={"tokens_per_day": 10**12})
        for name, body in BODIES.items()
    ),
    Hostile("10 bodies of the suspended", bodies_of_the_suspended, 40),
    Hostile("10 bodies of the blocked", chats(BODIES["many messages"]), 60, limits={"requests_per_day": 0}),
    Hostile("gzip bombs", gzip_bombs, 300),
    Hostile("many keys", many_keys, 60),
    Hostile("bodies of the control plane", large_bodies_of_the_control_plane, 60),
    Hostile("changes to 400 users of the largest limits", changes_to_many_users, 150),
    Hostile("long queries", usage_by_many_cursors, 40),
    Hostile("JPEGs of many scans", images(_progressive_jpeg), 400),
    Hostile("JPEGs of much EXIF", images(_turned_jpeg), 400),
    Hostile("JPEGs of much fill", images(_filled_jpeg), 400),
    Hostile("WebPs of 16 million pixels", images(_webp), 400),
    Hostile("PNGs of 16 bits", images(_large_png), 400),
]
