"""Requests to receivers: whom they may reach, and what counts as delivered."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from tests.services.events.rig import Receiver
from tests.services.images.rig import CERTIFICATE, Detour, names, serving
from tollkeeper.services.events.post import MAX_ANSWER_BYTES, Outcome, Poster
from tollkeeper.services.outbound.target import InvalidTarget

PUBLIC = "93.184.216.34"
UNUSED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
REFUSED = "its address is refused: it must be public and on port 443 (or 80), unless the setting webhook_allow lists it"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:127.0.0.1]/",
        "ftp://example.com/",
        "https://user:password@example.com/",
        "https://exa mple.com/",
    ],
)
async def test_a_url_that_leads_nowhere_good_is_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidTarget):
        Poster().target(url)
    outcome = await Poster(network=Detour()).post(url, [], b"{}")
    assert outcome.status is None
    assert outcome.error is not None


async def test_what_the_operator_allows_is_reached(receiver: Receiver) -> None:
    assert await Poster([receiver.address]).post(receiver.url, [("webhook-id", "evt_1")], b"{}") == Outcome(200)
    assert receiver.messages[0].body == b"{}"
    assert receiver.messages[0].headers["host"] == receiver.address


@pytest.mark.parametrize("ip", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "64:ff9b::7f00:1"])
async def test_a_name_that_resolves_to_a_private_address_is_not_contacted(ip: str) -> None:
    detour = Detour()
    poster = Poster(network=detour, resolve=names(hooks_example=[PUBLIC, ip]), ssl_context=UNUSED)
    assert await poster.post("https://hooks.example/", [], b"{}") == Outcome(error=REFUSED)
    assert detour.asked == []


async def test_another_port_is_refused() -> None:
    poster = Poster(network=Detour(), resolve=names(hooks_example=PUBLIC), ssl_context=UNUSED)
    assert await poster.post("https://hooks.example:8443/", [], b"{}") == Outcome(error=REFUSED)


async def test_a_receiver_is_known_by_its_certificate() -> None:
    trusting = ssl.create_default_context(cafile=CERTIFICATE)
    async with serving(tls=True) as server:
        detour = Detour(server.port)
        found = names(images_test=PUBLIC, other_test=PUBLIC)
        poster = Poster(network=detour, resolve=found, ssl_context=trusting)
        server.paths[b"/hook"] = b"HTTP/1.1 204 No Content\r\n\r\n"
        assert await poster.post("https://images.test/hook", [], b"{}") == Outcome(204)
        assert detour.asked == [(PUBLIC, 443)]
        wrong = await poster.post("https://other.test/hook", [], b"{}")
        assert wrong.status is None
        assert wrong.error is not None
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    receiver.extra = f"location: {receiver.url}\r\n"
    outcome = await Poster([receiver.address]).post(receiver.url, [], b"{}")
    assert outcome == Outcome(status, f"it answered {status}, and redirects are not followed")
    assert len(receiver.messages) == 1


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
async def test_other_answers_are_failures(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    outcome = await Poster([receiver.address]).post(receiver.url, [], b"{}")
    assert outcome == Outcome(status, f"it answered {status}")


async def test_an_endless_answer_is_cut_off() -> None:
    written = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n")
        while True:
            writer.write(b"x" * 8192)
            await writer.drain()
            written += 8192

    async with serving() as server:
        server.paths[b"/"] = endless
        assert await Poster([server.address]).post(server.url("/"), [], b"{}") == Outcome(200)
        await server.left.wait()
    assert written > MAX_ANSWER_BYTES


@pytest.mark.parametrize("nonsense", [b"SSH-2.0-OpenSSH\r\n\r\n", b"", b"HTTP/1.1 abc\r\n\r\n"])
async def test_nonsense_is_a_failure(nonsense: bytes) -> None:
    async with serving() as server:
        server.paths[b"/"] = nonsense
        outcome = await Poster([server.address]).post(server.url("/"), [], b"{}")
    assert outcome.status is None
    assert (outcome.error or "").startswith("no answer")


async def test_nobody_listens() -> None:
    outcome = await Poster(["127.0.0.1:9"], timeout=5).post("http://127.0.0.1:9/", [], b"{}")
    assert outcome.status is None
    assert (outcome.error or "").startswith("no answer: ")


async def test_a_look_up_that_hangs_ends_with_its_time() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    poster = Poster(resolve=resolve, timeout=0.05, ssl_context=UNUSED)
    assert await poster.post("https://hooks.example/", [], b"{}") == Outcome(error="no answer within 0.05 seconds")
