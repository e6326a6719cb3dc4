"""What keeps a command from reaching an admin API: one line each, which does not have the key in it."""

from __future__ import annotations

import socket

import pytest

from tests.cli.admin.conftest import Ask
from tests.gateway.conftest import ADMIN, Gateway
from tests.scripted import Conn, Request, ScriptedUpstream, json_response, response

LIST = ("upstreams", "list")


@pytest.fixture
def asked(ask: Ask, up: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Commands that ask a scripted server."""
    monkeypatch.setenv("TOLLKEEPER_URL", up.url)
    monkeypatch.setenv("TOLLKEEPER_API_KEY", ADMIN)
    return ask


async def test_a_key_that_is_unknown(admin: Ask, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLKEEPER_API_KEY", "sk-unknown-1234567890")
    code, out, err = await admin(*LIST)
    assert (code, out) == (1, "")
    assert err == (
        f"tollkeeper: the gateway at {gateway.url} does not know this key: check TOLLKEEPER_API_KEY or --key\n"
    )


async def test_the_key_of_who_is_no_admin(admin: Ask, gateway: Gateway) -> None:
    ended = await admin(*LIST, "--key", gateway.secrets["alice"])
    assert ended == (1, "", "tollkeeper: This needs an admin: the key of one, or their session.\n")


async def test_options_win_over_the_environment(admin: Ask, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLKEEPER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TOLLKEEPER_API_KEY", "other")
    ended = await admin(*LIST, "--url", gateway.url + "/v1/", "--key", f" {ADMIN}\n")
    assert ended.code == 0, ended.err


async def test_no_gateway_at_the_address(asked: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    ended = await asked(*LIST, "--url", url)
    assert ended == (1, "", f"tollkeeper: cannot connect to {url}: Connection refused\n")


async def test_a_gateway_without_tls(admin: Ask, gateway: Gateway) -> None:
    url = gateway.url.replace("http:", "https:")
    ended = await admin(*LIST, "--url", url)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"tollkeeper: cannot connect to {url}: ")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>"),
        (200, b'{"models": []}'),
        (301, b""),
        (404, b"404 page not found"),
        (404, b'{"error": "not found"}'),
        (502, b"<html>Bad Gateway"),
    ],
)
async def test_what_is_no_gateway(asked: Ask, up: ScriptedUpstream, status: int, body: bytes) -> None:
    up.always(response(body, status))
    ended = await asked(*LIST)
    assert ended == (1, "", f"tollkeeper: what answers at {up.url} ({status}) is no Tollkeeper gateway\n")


async def test_a_connection_that_ends_before_the_answer(asked: Ask, up: ScriptedUpstream) -> None:
    async def end(conn: Conn, request: Request) -> None:
        conn.close()

    up.always(end)
    ended = await asked(*LIST)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"tollkeeper: no answer from {up.url}: ")
    assert ended.err.count("\n") == 1


async def test_a_gateway_that_does_not_answer(
    asked: Ask, up: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait(conn: Conn, request: Request) -> None:
        await conn.disconnected.wait()

    monkeypatch.setattr("tollkeeper.cli.admin.client.TIMEOUT", {"read": 0.01})
    up.always(wait)
    assert await asked(*LIST) == (1, "", f"tollkeeper: no answer from {up.url}: timed out\n")


async def test_an_error_is_one_line_without_the_key(asked: Ask, up: ScriptedUpstream) -> None:
    error = {"message": f"No\n\x1b[2J {ADMIN}.", "type": "x", "param": "weight", "code": None}
    up.always(json_response({"error": error}, 422))
    assert await asked(*LIST) == (1, "", "tollkeeper: weight: No\\n\\x1b[2J ….\n")


async def test_numbers_are_printed_as_they_came(asked: Ask, up: ScriptedUpstream) -> None:
    up.always(response(b'{"data": [{"a": 0.10, "b": 0.1234567890123456789, "c": 2}]}'))
    assert (await asked(*LIST, "--json")).out == '{"a":0.10,"b":0.1234567890123456789,"c":2}\n'


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--url", "gateway", "must be an address such as http://host:port or https://host/path"),
        ("--url", "ftp://gateway", "must be an address such as http://host:port or https://host/path"),
        ("--key", "schlüssel", "a key consists of printable ASCII characters"),
        ("--key", "two\nlines", "a key consists of printable ASCII characters"),
        ("--key", " ", "a key consists of printable ASCII characters"),
    ],
)
async def test_what_is_no_address_or_no_key_is_wrong_use(asked: Ask, option: str, value: str, why: str) -> None:
    ended = await asked(*LIST, option, value)
    assert ended == (
        2,
        "",
        f"tollkeeper: Invalid value for {option}: {why}; see `tollkeeper upstreams list --help`\n",
    )


async def test_without_a_key_it_is_wrong_use(asked: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOLLKEEPER_API_KEY")
    ended = await asked(*LIST)
    assert (ended.code, ended.out) == (2, "")
    assert "TOLLKEEPER_API_KEY" in ended.err
