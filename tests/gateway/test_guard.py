"""Who may knock."""

import pytest

from tollkeeper.gateway.guard import Guard, forwarded_client
from tollkeeper.rules.errors import Forbidden

GUARD = Guard(("localhost", "127.0.0.1", "[::1]", "gate.example"), ("https://app.example",))


def knock(method="POST", path="/v1/chat/completions", **headers):
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    GUARD.check(method, path, {b"host": b"localhost:8000"} | named)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000", "gate.example", "localhost."]
)
def test_allowed_names_come_in(host):
    knock(host=host)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "[::2]", "evil.example:localhost", "::1"]
)
def test_other_names_do_not(host):
    with pytest.raises(Forbidden, match="ALLOWED_HOSTS"):
        knock(host=host)


def test_a_host_that_was_seen_lets_no_other_in():
    guard = Guard(("localhost",), ())
    for _ in range(2):
        guard.check("GET", "/", {b"host": b"localhost:8000"})
        for host in (b"evil.example", b"localhost:8000.evil.example", b""):
            with pytest.raises(Forbidden, match="ALLOWED_HOSTS"):
                guard.check("GET", "/", {b"host": host})
        with pytest.raises(Forbidden, match="CORS_ORIGINS"):
            guard.check("GET", "/", {b"host": b"localhost:8000", b"origin": b"http://localhost:8001"})
    Guard(("gate.example",), ()).check("GET", "/", {b"host": b"gate.example"})
    with pytest.raises(Forbidden):  # what one has seen, another has not
        Guard(("gate.example",), ()).check("GET", "/", {b"host": b"localhost:8000"})


def test_no_more_hosts_are_remembered_than_a_few():
    guard = Guard(("localhost",), ())
    for port in range(2000):
        guard.check("GET", "/", {b"host": b"localhost:%d" % port})
    assert len(guard._seen) <= 256


@pytest.mark.parametrize("origin", ["http://localhost:8000", "https://app.example", "HTTPS://APP.EXAMPLE"])
def test_the_same_origin_and_named_ones_come_in(origin):
    knock(origin=origin)


def test_a_default_port_may_be_left_out():
    knock(host="gate.example", origin="https://gate.example:443")
    knock(host="gate.example:443", origin="https://gate.example")


@pytest.mark.parametrize(
    "origin",
    ["null", "http://evil.example", "http://localhost:8001", "http://localhost", "https://app.example.evil", ""],
)
def test_foreign_origins_do_not(origin):
    for method in ("GET", "POST"):
        with pytest.raises(Forbidden, match="CORS_ORIGINS"):
            knock(method, "/", origin=origin, sec_fetch_mode="navigate")


def test_cross_site_requests_without_origin_do_not_come_in_either():
    for method, path in (("GET", "/v1/models"), ("GET", "/admin/users"), ("POST", "/"), ("GET", "/v1/usage")):
        with pytest.raises(Forbidden):
            knock(method, path, sec_fetch_site="cross-site", sec_fetch_mode="navigate")
    with pytest.raises(Forbidden):
        knock("GET", "/", sec_fetch_site="cross-site", sec_fetch_mode="no-cors")


def test_following_a_link_to_a_page_does():
    for path in ("/", "/login", "/chat", "/admin", "/ui/home"):
        knock("GET", path, sec_fetch_site="cross-site", sec_fetch_mode="navigate")
    knock("GET", "/v1/models", sec_fetch_site="same-origin")


async def test_a_rebound_name_and_a_foreign_page_are_403_on_both_planes(gateway):
    for path in ("/v1/models", "/me", "/health", "/nothing"):
        for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
            answer = await gateway.client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
            assert answer.headers["x-request-id"]
            assert "access-control-allow-origin" not in answer.headers


async def test_cors_is_only_for_named_origins(start):
    async with start(cors_origins="https://app.example") as gateway:
        asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,x-a"}
        for path in ("/v1/chat/completions", "/me"):
            answer = await gateway.client.options(path, headers={"origin": "https://app.example"} | asked)
            assert answer.status_code == 204
            assert "content-length" not in answer.headers  # RFC 9110, 8.6
            assert answer.headers["access-control-allow-origin"] == "https://app.example"
            assert answer.headers["access-control-allow-headers"] == "authorization,x-a"
            assert (
                await gateway.client.options(path, headers={"origin": "https://b.example"} | asked)
            ).status_code == 403
        answer = await gateway.client.get("/me", headers={"origin": "https://app.example"})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://app.example"


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        (("9.9.9.9", 5), "1.1.1.1", ("9.9.9.9", 5)),
        (("10.0.0.1", 5), "1.1.1.1", ("1.1.1.1", 0)),
        (("10.0.0.1", 5), "6.6.6.6, 1.1.1.1, 10.0.0.2", ("1.1.1.1", 0)),
        (("10.0.0.1", 5), "", ("10.0.0.1", 5)),
        (None, "1.1.1.1", None),
    ],
)
def test_forwarded_addresses_count_from_trusted_proxies_only(peer, forwarded, client):
    headers = {b"x-forwarded-for": forwarded.encode()}
    assert forwarded_client(peer, headers, {"10.0.0.1", "10.0.0.2"}) == client


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        (("10.9.9.9", 5), "6.6.6.6, 1.1.1.1, 10.0.0.2", ("1.1.1.1", 0)),
        (("10.9.9.9", 5), "6.6.6.6, fd00::5", ("6.6.6.6", 0)),
        (("fd00::1", 5), "2001:db8::1, 127.0.0.1", ("2001:db8::1", 0)),
        (("10.9.9.9", 5), "1.1.1.1, unknown", ("unknown", 0)),
        (("11.0.0.1", 5), "1.1.1.1", ("11.0.0.1", 5)),
        (("127.0.0.2", 5), "1.1.1.1", ("127.0.0.2", 5)),
        (("testclient", 5), "1.1.1.1", ("testclient", 5)),
    ],
)
def test_proxies_may_be_networks(peer, forwarded, client):
    headers = {b"x-forwarded-for": forwarded.encode()}
    assert forwarded_client(peer, headers, {"10.0.0.0/8", "fd00::/8", "127.0.0.1"}) == client


async def test_connections_per_address_are_bounded(start):
    async with (
        start(max_connections_per_address=2) as gateway,
        gateway.raw(),
        gateway.raw(),
        gateway.raw() as (reader, _),
    ):
        assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
