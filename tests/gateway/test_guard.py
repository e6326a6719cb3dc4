"""Who may knock."""

import pytest

from tests.gateway.conftest import ADMIN
from tollkeeper.gateway.cors import EXPOSED
from tollkeeper.gateway.guard import Guard
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


def test_a_browser_comes_back_from_an_openid_provider():
    path = "/auth/oidc/corp/callback"
    knock("GET", path, sec_fetch_site="cross-site", sec_fetch_mode="navigate")
    for method, elsewhere, mode in (
        ("POST", path, "navigate"),
        ("GET", path, "no-cors"),
        ("GET", "/auth/oidc/corp/start", "navigate"),
        ("GET", path + "/x", "navigate"),
        ("GET", "/auth/oidc/a/b/callback", "navigate"),
        ("POST", "/auth/oidc/corp/backchannel-logout", "navigate"),
    ):
        with pytest.raises(Forbidden):
            knock(method, elsewhere, sec_fetch_site="cross-site", sec_fetch_mode=mode)


def test_cross_site_requests_without_origin_do_not_come_in_either():
    for method, path in (("GET", "/v1/models"), ("GET", "/admin/users"), ("POST", "/"), ("GET", "/v1/usage")):
        with pytest.raises(Forbidden):
            knock(method, path, sec_fetch_site="cross-site", sec_fetch_mode="navigate")
    with pytest.raises(Forbidden):
        knock("GET", "/", sec_fetch_site="cross-site", sec_fetch_mode="no-cors")


def test_following_a_link_to_a_page_does():
    for path in ("/", "/login", "/chat", "/admin", "/ui/home"):
        for method in ("GET", "HEAD"):
            knock(method, path, sec_fetch_site="cross-site", sec_fetch_mode="navigate")
    knock("GET", "/v1/models", sec_fetch_site="same-origin")


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_checks_of_health_come_in_by_any_name(path):
    for host in ("", "evil.example", "10.42.3.7:8000", "[fd00::7]:8000", "not a host"):
        knock("GET", path, host=host)
        with pytest.raises(Forbidden, match="ALLOWED_HOSTS"):
            knock("GET", f"{path}/x", host=host)
    GUARD.check("GET", path, {})
    with pytest.raises(Forbidden, match="CORS_ORIGINS"):
        knock("GET", path, host="evil.example", origin="http://other.example")
    with pytest.raises(Forbidden):
        knock("GET", path, host="evil.example", sec_fetch_site="cross-site")


def test_a_check_of_health_lets_its_host_in_nowhere_else():
    guard = Guard(("localhost",), (), ("10.42.0.0/16",))
    for path in ("/health", "/metrics"):
        guard.check("GET", path, {b"host": b"10.42.3.7:8000"})
        with pytest.raises(Forbidden):
            guard.check("GET", "/v1/models", {b"host": b"10.42.3.7:8000"})


def test_hosts_of_the_metrics_are_theirs_alone():
    guard = Guard(("localhost",), (), ("10.42.0.0/16", "metrics.example"))
    for host in (b"localhost", b"10.42.3.7:8000", b"METRICS.example:9"):
        guard.check("GET", "/metrics", {b"host": host})
    for host in (b"10.43.0.1", b"evil.example", b""):
        with pytest.raises(Forbidden, match="METRICS_HOSTS"):
            guard.check("GET", "/metrics", {b"host": host})
    for path in ("/me", "/metrics/x", "/"):
        with pytest.raises(Forbidden, match=r"ALLOWED_HOSTS\.$"):
            guard.check("GET", path, {b"host": b"metrics.example"})


def test_origins_of_the_setting_are_as_browsers_send_them():
    guard = Guard(("localhost",), ("https://App.example:443/",))
    headers = {b"host": b"localhost", b"origin": b"https://app.example"}
    guard.check("GET", "/", headers)
    assert guard.allowed_origin(headers) == b"https://app.example"


async def test_checks_of_health_need_no_host_at_all(gateway):
    for lines in (b"GET /health HTTP/1.0\r\n\r\n", b"GET /ready/ HTTP/1.1\r\nHost: 10.42.3.7:8000\r\n\r\n"):
        async with gateway.raw() as (reader, writer):
            writer.write(lines)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    async with gateway.raw() as (reader, writer):
        writer.write(b"GET /me HTTP/1.0\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 403 ")


async def test_prometheus_scrapes_a_pod_by_its_address(start):
    pod = {"host": "10.42.3.7:8000"}
    async with start(metrics_hosts="10.42.0.0/16", metrics_networks="127.0.0.1") as gateway:
        del gateway.client.headers["authorization"]
        for path in ("/metrics", "/metrics/"):
            answer = await gateway.client.get(path, headers=pod)
            assert (answer.status_code, b"tollkeeper_in_flight" in answer.content) == (200, True)
        assert (await gateway.client.get("/me", headers=pod)).status_code == 403
        assert (await gateway.client.get("/metrics", headers={"host": "10.43.0.1"})).status_code == 403
    async with start(users=(), metrics_hosts="10.42.0.0/16", metrics_networks="10.42.0.0/16") as gateway:
        del gateway.client.headers["authorization"]
        assert (await gateway.client.get("/metrics", headers=pod)).status_code == 401
        key = {"authorization": f"Bearer {ADMIN}"}
        assert (await gateway.client.get("/metrics", headers=pod | key)).status_code == 200


async def test_metrics_public_is_this_machine_alone(start):
    async with start(metrics_public=True) as gateway:
        del gateway.client.headers["authorization"]
        assert (await gateway.client.get("/metrics")).status_code == 200
        for header in ("x-forwarded-for", "forwarded", "x-real-ip", "via"):
            answer = await gateway.client.get("/metrics", headers={header: "for=203.0.113.6"})
            assert answer.status_code == 401, "what a proxy passes on is not asked from here"
    async with start(users=(), metrics_public=True, host="0.0.0.0") as gateway:
        assert (await gateway.client.get("/metrics", headers={"authorization": ""})).status_code == 401


async def test_a_rebound_name_and_a_foreign_page_are_403_on_both_planes(gateway):
    for path in ("/v1/models", "/me", "/metrics", "/nothing"):
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
        for path, status in (("/me", 200), ("/v1/models", 200), ("/nothing", 404)):
            answer = await gateway.client.get(path, headers={"origin": "https://app.example"})
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == "https://app.example"
            assert answer.headers["access-control-expose-headers"] == ", ".join(EXPOSED)


async def test_connections_per_address_are_bounded(start):
    async with (
        start(max_connections_per_address=2) as gateway,
        gateway.raw(),
        gateway.raw(),
        gateway.raw() as (reader, _),
    ):
        assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
