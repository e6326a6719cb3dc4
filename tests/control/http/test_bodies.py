"""Bodies and queries of the control plane that nobody sends but who means harm, or errs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi.routing import APIRoute

from tests.control.desk import ADMIN_KEY, ALICE_KEY, Desk, shape_of
from tollkeeper.control.app import ROUTERS
from tollkeeper.control.http.bodies import BOUNDS, MOST_AT_ONCE, SMALL, BodyBound, LargeBodies, bound_of, parse
from tollkeeper.control.http.errors import HANDLED_ERROR
from tollkeeper.rules.errors import BadRequest, GatewayError, RequestTooLarge, ServerOverloaded, Unprocessable

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
WITH_BODY = sorted((method, route.path) for route in ROUTES for method in route.methods or () if route.body_field)
OF_SESSIONS = ("/auth/password", "/auth/second-factor/")
OPEN = ("/auth/login", "/auth/second-factor")
WHOLE = BodyBound(10**6, 10**6)


def test_the_table_of_bounds_names_paths_that_there_are():
    assert set(BOUNDS) <= set(WITH_BODY)
    assert bound_of("POST", "/auth/login") == SMALL == (4096, 500)


async def send(
    desk: Desk, method: str, path: str, body: AsyncIterator[bytes], key: str | None, *headers: tuple[bytes, bytes]
) -> tuple[int, dict[str, Any], int]:
    """The status, the error, and how many bytes of the body were read."""
    read, sent = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal read
        part = await anext(body, b"")
        read += len(part)
        return {"type": "http.request", "body": part, "more_body": bool(part)}

    async def keep(message: Any) -> None:
        sent.append(message)

    authorization = [] if key is None else [(b"authorization", f"Bearer {key}".encode())]
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "scheme": "http", "http_version": "1.1", "client": ("127.0.0.1", 1), "server": ("gateway", 80),
        "headers": [(b"host", b"gateway"), *authorization, *headers],
    }  # fmt: skip
    await desk.app(scope, receive, keep)
    assert HANDLED_ERROR not in scope  # nothing failed that nobody expected
    return sent[0]["status"], json.loads(sent[1]["body"])["error"], read


async def parts_of(size: int) -> AsyncIterator[bytes]:
    yield b'{"x":"'
    for _ in range(size // 1000):
        yield b"x" * 1000


@pytest.mark.parametrize(("method", "path"), [place for place in WITH_BODY if not place[1].startswith(OF_SESSIONS)])
async def test_no_more_of_a_body_is_read_than_its_path_can_need(desk, method, path):
    bound = bound_of(method, path).size
    place = path.replace("{user_id}", "alice").replace("{key_id}", "key_1")
    key = None if path in OPEN else ALICE_KEY if path.startswith("/me") else ADMIN_KEY
    status, error, read = await send(desk, method, place, parts_of(10**7), key)
    assert (status, error["code"]) == (413, "request_too_large")
    assert str(bound) in error["message"]
    assert read <= bound + 1000
    length = (b"content-length", str(bound + 1).encode())
    status, error, read = await send(desk, method, place, parts_of(10**7), key, length)
    assert (status, error["code"], read) == (413, "request_too_large", 0)


@pytest.mark.parametrize(("method", "path"), [place for place in WITH_BODY if place[1] not in OPEN])
async def test_nothing_of_a_strangers_body_is_read(desk, method, path):
    status, _, read = await send(desk, method, path, parts_of(10**7), "sk-of-nobody")
    assert (status, read) == (401, 0)


async def test_a_body_where_none_is_wanted_is_not_read(desk):
    status, error, read = await send(desk, "DELETE", "/admin/users/nobody", parts_of(10**7), ADMIN_KEY)
    assert (status, error["code"], read) == (404, "not_found", 0)


def test_large_bodies_of_one_sender_are_bounded_in_all_and_nobody_elses():
    bodies = LargeBodies()
    with bodies.share("alice") as first, bodies.share("bob") as other:
        first.take(MOST_AT_ONCE)
        with bodies.share("alice") as second, pytest.raises(ServerOverloaded) as caught:
            second.take(1)
        assert caught.value.retry_after == 1
        other.take(MOST_AT_ONCE)
    with bodies.share("alice") as third:
        third.take(MOST_AT_ONCE)
    assert repr(bodies) == "LargeBodies(0 bytes of 0)"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"{", BadRequest),
        (b"", BadRequest),
        (b'{"a": NaN}', BadRequest),
        (b'{"a": "\n"}', BadRequest),
        (b"[" * 100_000, BadRequest),
        (b'{"a":' * 100_000, BadRequest),
        (b"9" * 10_000, BadRequest),
        (b'{"a": 1e99999999999999999999}', BadRequest),
        (b'{"a": -0.1e-99999999999999999999}', BadRequest),
        (b'{"a": "\xff"}', BadRequest),
        (b'{"a": "\xed\xa0\x80"}', BadRequest),
        ('{"a": 1}'.encode("utf-16"), BadRequest),
        (b'{"a": 1, "b": 2, "a": 1}', BadRequest),
        (b'{"a": {"b": 2, "b": 2}}', BadRequest),
        (b'{"a": 1, "\\u0061": 2}', BadRequest),
        (b'{"\\ud800": 1}', Unprocessable),
        (b'{"a": ["x", {"b": "\\udfff"}]}', Unprocessable),
        (b'{"a": "\\ude00\\ud83d"}', Unprocessable),
        (b'{"a": "\\u0000"}', Unprocessable),
        (b'{"a\\b": 1}', Unprocessable),
        (b'{"a": "\x7f"}', Unprocessable),
        ('{"a": "\x85"}'.encode(), Unprocessable),
        (b'"\\u001b"', Unprocessable),
    ],
    ids=lambda value: repr(value)[:30] if isinstance(value, bytes) else value.__name__,
)
def test_what_no_body_may_be(text, kind):
    with pytest.raises(GatewayError) as caught:
        parse(text, WHOLE)
    assert type(caught.value) is kind
    error = caught.value
    f"{error.message}{error.param}".encode()  # it can be told
    assert len(error.message) < 300


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'\xef\xbb\xbf{"a": 1.0}', {"a": 1}),
        ('{"a": "Zoë \\ud83d\\ude00 😀\\n\\t"}'.encode(), {"a": "Zoë 😀 😀\n\t"}),
        (b'{"a": 1e999999, "A": 2}', None),
    ],
)
def test_what_a_body_may_be(text, value):
    assert value is None or parse(text, WHOLE) == value
    parse(text, WHOLE)


@pytest.mark.parametrize(
    "text", [b"[" + b"[]," * 400 + b"1]", b"{" + b",".join(b'"%d":1' % i for i in range(401)) + b"}"]
)
def test_values_are_bounded_too(text):
    with pytest.raises(RequestTooLarge, match="400"):
        parse(text, BodyBound(10**6, 400))
    parse(text, BodyBound(10**6, 401))


HALVES: dict[str, tuple[str, str, str]] = {
    "a limit": ("PUT", "/admin/users/alice/limits", '{"\\ud800": 1}'),
    "a limit's model": ("PUT", "/admin/limits/defaults", '{"models": {"\\ud800": {"requests_total": 1}}}'),
    "allowed models": ("PUT", "/admin/users/alice/limits", '{"allowed_models": ["\\udc00"]}'),
    "a new user's name": ("POST", "/admin/users", '{"user_id": "carol", "name": "\\ud83d"}'),
    "a user's name": ("PATCH", "/admin/users/alice", '{"name": "x\\ud83d"}'),
    "a user_id": ("POST", "/admin/users", '{"user_id": "\\ud83d"}'),
    "a password": ("PATCH", "/admin/users/alice", '{"password": "secret\\ud83d"}'),
    "a key's name": ("POST", "/admin/users/alice/keys", '{"name": "\\ud83d"}'),
    "a key's limit": ("POST", "/admin/users/alice/keys", '{"limits": {"\\ud83d": 1}}'),
    "an alias": ("PUT", "/admin/aliases", '{"\\ud83d": "tiny"}'),
    "an alias's model": ("PUT", "/admin/aliases", '{"best": "\\ud83d"}'),
    "a price": ("PUT", "/admin/prices", '{"model": "\\ud83d", "input_usd_per_mtok": 1, "output_usd_per_mtok": 1}'),
    "a reason": ("POST", "/admin/adjustments", '{"user_id": "alice", "cost_usd": 1, "reason": "\\ud83d"}'),
    "a field": ("POST", "/admin/users", '{"\\ud83d": 1}'),
    "a sign-in's name": ("POST", "/auth/login", '{"username": "\\ud83d", "password": "x"}'),
    "a sign-in's password": ("POST", "/auth/login", '{"username": "alice", "password": "\\ud83d"}'),
}  # fmt: skip


@pytest.mark.parametrize("control", ["half a character", "NUL"])
@pytest.mark.parametrize("case", HALVES)
async def test_half_a_character_and_control_characters_are_422(admin, case, control):
    method, path, body = HALVES[case]
    if control == "NUL":
        body = body.replace("\\ud83d", "\\u0000").replace("\\ud800", "\\u0000").replace("\\udc00", "\\u0000")
    response = await admin.request(method, path, content=body)
    assert (response.status_code, shape_of(response)["code"]) == (422, "invalid_value")


@pytest.mark.parametrize("name", ["two\nlines", "tab\t", "\u2028", "\u0085"])
async def test_names_are_one_line(admin, name):
    for method, path in (("PATCH", "/admin/users/alice"), ("POST", "/admin/users/alice/keys")):
        response = await admin.request(method, path, json={"name": name})
        assert (response.status_code, shape_of(response)["param"]) == (422, "name")
    family = "Zoë 👨‍👩‍👧"
    assert (await admin.patch("/admin/users/alice", json={"name": family})).json()["name"] == family


async def test_a_field_twice_is_400(admin):
    response = await admin.post("/admin/users", content=b'{"user_id": "carol", "role": "user", "role": "admin"}')
    assert (response.status_code, shape_of(response)["param"]) == (400, "role")
    response = await admin.put("/admin/users/alice/limits", content=b'{"models": {"m": {}, "m": {}}}')
    assert (response.status_code, shape_of(response)["param"]) == (400, "m")
    assert (await admin.get("/admin/users/carol")).status_code == 404


async def test_a_password_that_was_set_can_be_sent_to_sign_in(admin, anyone):
    password = "😀" * 256
    assert (await admin.patch("/admin/users/alice", json={"password": password})).status_code == 200
    response = await anyone.post("/auth/login", content=json.dumps({"username": "alice", "password": password}))
    assert response.status_code == 200
    response = await admin.patch("/admin/users/alice", json={"password": password + "!"})
    assert (response.status_code, shape_of(response)["param"]) == (422, "password")


def _many(count: int) -> str:
    return "&".join(f"a{number}=1" for number in range(count))


QUERIES: dict[str, str] = {
    "unknown names": _many(7000),
    "one name": "&".join(["model=x"] * 7000),
    "no names": "&" * 60_000,
    "groups": "group_by=" + ",".join(["model"] * 9000),
    "the last moment": "from=9999-12-31T23:59:59-23:59",
    "year 0": "from=0000-01-01",
    "year 10000": "to=10000-01-01",
    "before 1970": "to=1969-12-31T23:59:59Z",
    "a moment of 1 before everywhere": "from=0001-01-01T00:00:00%2B23:59",
}


@pytest.mark.parametrize("case", QUERIES)
@pytest.mark.parametrize("path", ["/admin/usage/summary", "/admin/usage", "/admin/usage.csv"])
async def test_queries_that_are_refused(admin, path, case):
    response = await admin.get(f"{path}?{QUERIES[case]}")
    assert response.status_code == 422
    assert len(shape_of(response)["message"]) < 200


@pytest.mark.parametrize("query", ["from=9999-12-31", "to=9999-12-31T23:59:59.999Z", "model=%00", "model=%ED%A0%80"])
@pytest.mark.parametrize("path", ["/admin/usage/summary?group_by=day&", "/admin/usage?", "/admin/usage.csv?"])
async def test_odd_queries_that_are_answered(admin, path, query):
    assert (await admin.get(path + query)).status_code == 200


async def test_times_of_bodies_are_bounded_as_those_of_queries(admin):
    body = {"expires_at": "9999-12-31T23:59:59-23:59"}
    response = await admin.post("/admin/users/alice/keys", json=body)
    assert (response.status_code, shape_of(response)["param"]) == (422, "expires_at")


async def test_errors_repeat_little_of_what_was_sent(admin):
    long = "n" * 300_000
    for method, path, body in (
        ("PUT", "/admin/users/alice/limits", {long: 1}),
        ("PUT", "/admin/users/alice/limits", {"models": {long: {"x": 1}}}),
        ("PUT", "/admin/aliases", {long: "tiny"}),
        ("POST", "/admin/users", {"user_id": "carol", long: 1}),
    ):
        answer = await admin.request(method, path, json=body)
        error = shape_of(answer)
        assert answer.status_code == 422
        assert len(error["message"]) <= 1000
        assert len(error["param"]) <= 200
