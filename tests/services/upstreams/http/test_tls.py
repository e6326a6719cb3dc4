"""TLS to upstreams: what is verified, and what is said where it fails."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from tests.scripted import ScriptedUpstream, json_response
from tests.services.upstreams.http.certificates import Authority
from tests.services.upstreams.http.helpers import open_client, post
from tollkeeper.rules.errors import UpstreamUnavailable
from tollkeeper.services.upstreams.http.tls import tls_context, tls_fault

HERE = "IP:127.0.0.1"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="session")
def another(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "theirs")


async def failure(up: ScriptedUpstream, ca_file: str | None, url: str | None = None) -> UpstreamUnavailable:
    """The error of a request to `url`, by default that of `up`. No request must reach it."""
    async with open_client(url or up.url, ca_file=ca_file) as client:
        with pytest.raises(UpstreamUnavailable) as caught:
            await client.acquire()
    assert up.requests == []
    error = caught.value
    assert (error.status, error.code, error.progress) == (503, "upstream_unavailable", "nothing")
    assert error.message == "No connection to the upstream can be made: it may be down. Try again later."
    return error


async def test_an_authority_of_ones_own(authority: Authority) -> None:
    async with (
        ScriptedUpstream(tls=authority.server(HERE)) as up,
        open_client(up.url, ca_file=authority.ca_file, is_paid=True) as client,
    ):
        up.always(json_response({"ok": True}))
        for _ in range(2):
            assert await (await post(client)).read_all(100) == b'{"ok":true}'
        assert len(up.connections) == 1
        transport = up.connections[0].transport
        assert transport.get_extra_info("ssl_object").version() == "TLSv1.3"


async def test_a_name_is_sent_and_checked(authority: Authority) -> None:
    context = authority.server("DNS:localhost")
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    async with ScriptedUpstream(tls=context) as up:
        up.always(json_response({"ok": True}))
        url = up.url.replace("127.0.0.1", "localhost")
        async with open_client(url, ca_file=authority.ca_file) as client:
            await (await post(client)).read_all(100)
    assert names == ["localhost"]


@pytest.mark.parametrize(
    ("names", "days", "why"),
    [
        ("DNS:other.example", 2, "the certificate is for another name than 127.0.0.1"),
        ("IP:127.0.0.2", 2, "the certificate is for another name than 127.0.0.1"),
        (HERE, -1, "the certificate of 127.0.0.1 has expired"),
    ],
)
async def test_a_certificate_that_does_not_hold(
    authority: Authority, names: str, days: int, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with ScriptedUpstream(tls=authority.server(names, days=days)) as up:
        error = await failure(up, authority.ca_file)
        assert error.detail == why
        assert caplog.messages == [f"{up.url} cannot be reached: {why}"]


async def test_a_wrong_name(authority: Authority) -> None:
    async with ScriptedUpstream(tls=authority.server(HERE)) as up:
        error = await failure(up, authority.ca_file, up.url.replace("127.0.0.1", "localhost"))
        assert error.detail == "the certificate is for another name than localhost"


async def test_an_authority_that_is_not_trusted(authority: Authority, another: Authority) -> None:
    async with ScriptedUpstream(tls=authority.server(HERE)) as up:
        for ca_file in (None, another.ca_file):
            error = await failure(up, ca_file)
            assert error.detail == "the certificate of 127.0.0.1 is signed by an authority that is not trusted here"


def test_authorities_of_ones_own_are_the_only_ones(authority: Authority) -> None:
    assert tls_context(authority.ca_file).cert_store_stats()["x509_ca"] == 1


async def test_a_server_that_speaks_no_tls() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with open_client(f"https://127.0.0.1:{port}") as client:
            with pytest.raises(UpstreamUnavailable) as caught:
                await client.acquire()
    assert (caught.value.status, caught.value.detail) == (503, "127.0.0.1 does not speak TLS at this port")


def test_what_is_always_on() -> None:
    context = tls_context(None)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("WRONG_VERSION_NUMBER", "a does not speak TLS at this port"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "a offers no version of TLS from 1.2 on"),
        ("TLSV1_ALERT_INTERNAL_ERROR", "TLS with a fails: tlsv1 alert internal error"),
        (None, "TLS with a fails: it gave no reason"),
    ],
)
def test_other_failures_in_plain_words(reason: str | None, why: str) -> None:
    error = ssl.SSLError(1, "?")
    error.reason = reason  # type: ignore[assignment]
    assert tls_fault(error, "a") == why


async def test_a_file_of_authorities_that_cannot_be_used(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "ca.pem"
    async with ScriptedUpstream(tls=authority.server(HERE)) as up:
        up.always(json_response({"ok": True}))
        async with open_client(up.url, ca_file=str(file)) as client:
            for content, why in (
                (None, "No such file or directory"),
                ("no PEM", "it holds no certificates in PEM form"),
            ):
                if content is not None:
                    file.write_text(content)
                with pytest.raises(UpstreamUnavailable) as caught:
                    await client.acquire()
                assert caught.value.detail == f"the file of authorities {file} cannot be used: {why}"
                with pytest.raises(ValueError, match=why):
                    tls_context(str(file))
            file.write_bytes(Path(authority.ca_file).read_bytes())
            await (await post(client)).read_all(100)
        assert len(caplog.messages) == 2
