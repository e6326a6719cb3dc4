from __future__ import annotations

import pytest

from tollkeeper.wire.http.origins import read_origin, same_origin


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


@pytest.mark.parametrize(
    ("setting", "origin"),
    [
        ("https://App.example", "https://app.example"),
        ("https://app.example/", "https://app.example"),
        ("https://app.example:443", "https://app.example"),
        ("http://app.example:80/", "http://app.example"),
        ("http://app.example:443", "http://app.example:443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("http://10.0.0.1", "http://10.0.0.1"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("app://obsidian.md", "app://obsidian.md"),
        ("chrome-extension://abcdefghijklmnopabcdefghijklmnop", "chrome-extension://abcdefghijklmnopabcdefghijklmnop"),
    ],
)
def test_an_origin_in_a_setting_is_as_browsers_send_it(setting, origin):
    assert read_origin(setting) == origin


@pytest.mark.parametrize(
    "setting",
    ["", "null", "*", "https://*.example", "app.example", "//app.example", "https://", "https:///", "https://a b",
     "https://app.example/page", "https://app.example?q", "https://me@app.example", "https://app.example:0",
     "https://app.example:99999", "https://app.example:x", "https://a,b", "file://", "https://app.example//"],
)  # fmt: skip
def test_what_cannot_be_an_origin(setting):
    with pytest.raises(ValueError, match=r"is no origin|pages of strangers") as refused:
        read_origin(setting)
    assert repr(setting) in str(refused.value)
