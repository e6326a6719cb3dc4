from __future__ import annotations

import pytest

from tollkeeper.wire.browser import cookie_name, is_loopback, read_cookie, same_origin, set_cookie

HERE = ("localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.9.9.9", "[::1]:8000", "localhost.")
ELSEWHERE = ("gate.example", "gate.example:8443", "localhost.evil.example", "10.0.0.1", "[2001:db8::1]:80", "")


@pytest.mark.parametrize("host", HERE)
def test_on_loopback_the_cookie_works_without_tls(host):
    assert is_loopback(host)
    cookie = set_cookie(host, "secret", max_age=60)
    assert cookie == "tollkeeper_session=secret; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize("host", ELSEWHERE)
def test_elsewhere_it_is_bound_to_the_host_and_to_tls(host):
    assert not is_loopback(host)
    cookie = set_cookie(host, "secret", max_age=60)
    assert cookie == "__Host-tollkeeper_session=secret; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
    assert "domain" not in cookie.lower()  # browsers would refuse the name


@pytest.mark.parametrize("host", ["localhost", "gate.example"])
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


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:8000", "localhost:8000"),
        ("HTTPS://Gate.example", "gate.example"),
        ("https://gate.example:443", "gate.example"),
        ("http://gate.example", "gate.example:80"),
    ],
)
def test_the_same_host_and_port_are_the_same_origin(origin, host):
    assert same_origin(origin, host)


@pytest.mark.parametrize(
    "origin",
    ["", "null", "http://localhost", "http://localhost:8001", "http://evil.example", "localhost:8000", "file://"],
)
def test_others_are_not(origin):
    assert not same_origin(origin, "localhost:8000")
