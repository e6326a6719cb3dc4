from __future__ import annotations

import pytest

from tollkeeper.wire.http.cookies import cookie_name, is_loopback, read_cookie, set_cookie

# a Host → what its cookie's name ends with
HERE = {
    "localhost": "",
    "LOCALHOST:8000": "_8000",
    "127.0.0.1:8000": "_8000",
    "127.9.9.9": "",
    "[::1]:8001": "_8001",
    "[::1]": "",
    "localhost.": "",
}
ELSEWHERE = {
    "gate.example": "",
    "gate.example:8443": "_8443",
    "localhost.evil.example": "",
    "10.0.0.1": "",
    "[2001:db8::1]:80": "_80",
    "": "",
    "gate.example:": "",
    "gate.example:8;a=b": "",
    "gate.example:²": "",
    "gate.example:123456": "",
}


@pytest.mark.parametrize("host", HERE)
def test_on_loopback_the_cookie_works_without_tls(host):
    assert is_loopback(host)
    cookie = set_cookie(host, "secret", max_age=60)
    assert cookie == f"tollkeeper_session{HERE[host]}=secret; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize("host", ELSEWHERE)
def test_elsewhere_it_is_bound_to_the_host_and_to_tls(host):
    assert not is_loopback(host)
    cookie = set_cookie(host, "secret", max_age=60)
    name = f"__Host-tollkeeper_session{ELSEWHERE[host]}"
    assert cookie == f"{name}=secret; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
    assert "domain" not in cookie.lower()  # browsers would refuse the name


@pytest.mark.parametrize("host", ["localhost", "[::1]", "gate.example"])
def test_gateways_on_two_ports_of_a_host_have_a_cookie_each(host):
    cookies = [set_cookie(f"{host}:{port}", f"of-{port}", max_age=60).partition(";")[0] for port in (8000, 8001)]
    for port in (8000, 8001):
        assert read_cookie(f"{host}:{port}", ["; ".join(cookies)]) == f"of-{port}"
    assert read_cookie(f"{host}:8002", ["; ".join(cookies)]) is None


@pytest.mark.parametrize("host", ["localhost", "gate.example", "localhost:8000", "gate.example:8443"])
def test_what_was_set_is_read(host):
    cookie = set_cookie(host, "secret", max_age=60).partition(";")[0]
    assert read_cookie(host, [f"a=b; {cookie}; c=d"]) == "secret"
    assert read_cookie(host, ["a=b", cookie]) == "secret"


@pytest.mark.parametrize(
    "cookies",
    [
        [],
        [""],
        ["tollkeeper_session"],
        ["xtollkeeper_session=a; tollkeeper_sessionx=b; Tollkeeper_Session=c"],
        ["theme=tollkeeper_session=a"],
        ["tollkeeper_session=mine; tollkeeper_session=another's"],
        ["tollkeeper_session=mine", "tollkeeper_session=another's"],
    ],
    ids=str,
)
def test_no_cookie_of_ours_or_two_that_differ_are_none(cookies):
    assert read_cookie("localhost", cookies) is None


def test_off_loopback_a_cookie_that_another_host_could_set_is_not_read():
    assert cookie_name("gate.example") == "__Host-tollkeeper_session"
    assert read_cookie("gate.example", ["tollkeeper_session=planted"]) is None
