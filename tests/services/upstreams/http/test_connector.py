"""Ways to an upstream: directly, through a proxy; and what is said where there is none."""

from __future__ import annotations

import pytest

from tests.scripted import ScriptedUpstream, json_response
from tests.services.upstreams.http.certificates import Authority
from tests.services.upstreams.http.helpers import open_client, post
from tests.services.upstreams.http.proxy import LittleProxy
from tollkeeper.rules.errors import UpstreamFailure, UpstreamTimeout, UpstreamUnavailable
from tollkeeper.services.upstreams.http import HttpClient, Timeouts
from tollkeeper.wire.http.proxies import Proxies

OK = json_response({"ok": True})


def through(proxy: LittleProxy, credentials: str = "") -> Proxies:
    url = f"http://{credentials}{proxy.address}"
    return Proxies({"HTTPS_PROXY": url, "HTTP_PROXY": url})


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ours")


async def failure(client: HttpClient) -> UpstreamFailure:
    with pytest.raises(UpstreamFailure) as caught:
        await client.acquire()
    assert caught.value.progress == "nothing"
    assert "proxy" not in caught.value.message
    return caught.value


async def test_tls_through_a_tunnel(authority: Authority) -> None:
    tls = authority.server("DNS:api.example")
    async with LittleProxy() as proxy, ScriptedUpstream(tls=tls) as up:
        up.always(OK)
        url = f"https://api.example:{up.port}/v1"
        proxies = through(proxy, "me:p%40ss@")
        async with open_client(url, ca_file=authority.ca_file, proxies=proxies) as client:
            for body in (b"{}", bytes(2_000_000)):
                assert await (await post(client, body)).read_all(100) == b'{"ok":true}'
            assert client.statistics().made == 1
    place = f"api.example:{up.port}"
    assert proxy.heads == [
        f"CONNECT {place} HTTP/1.1\r\nhost: {place}\r\nproxy-authorization: Basic bWU6cEBzcw==\r\n\r\n".encode()
    ]
    assert up.requests[0].header("proxy-authorization") is None


async def test_the_certificate_is_verified_behind_a_proxy_too(authority: Authority) -> None:
    async with LittleProxy() as proxy, ScriptedUpstream(tls=authority.server("DNS:other.example")) as up:
        url = f"https://api.example:{up.port}"
        async with open_client(url, ca_file=authority.ca_file, proxies=through(proxy)) as client:
            error = await failure(client)
            assert (error.status, error.detail) == (503, "the certificate is for another name than api.example")
        assert up.requests == []


async def test_plain_requests_name_the_whole_address(up: ScriptedUpstream) -> None:
    up.always(OK)
    url = f"http://api.example:{up.port}"
    async with LittleProxy() as proxy, open_client(url, proxies=through(proxy, "me:pw@")) as client:
        assert await (await post(client)).read_all(100) == b'{"ok":true}'
        assert "pw" not in repr(client)
    (request,) = up.requests
    assert request.target == f"http://api.example:{up.port}/v1/x"
    assert request.header("host") == f"api.example:{up.port}".encode()
    assert request.header("proxy-authorization") == b"Basic bWU6cHc="


async def test_loopback_needs_no_proxy(up: ScriptedUpstream) -> None:
    up.always(OK)
    async with LittleProxy() as proxy, open_client(up.url, proxies=through(proxy)) as client:
        await (await post(client)).read_all(100)
    assert proxy.heads == []
    assert up.requests[0].target == "/v1/x"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "refuses the credentials it was given (407)"),
        (b"HTTP/1.0 502 Bad Gateway\r\ncontent-length: 2\r\n\r\nno", "answered 502 to CONNECT api.example:443"),
        (b"HTTP/1.1 200 OK\r\n\r\nmore", "did not answer CONNECT as a proxy does"),
        (b"HTTP/1.1 200 OK\r\n", "did not answer CONNECT as a proxy does"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "did not answer CONNECT as a proxy does"),
        (b"", "did not answer CONNECT as a proxy does"),
        (b"x" * 20_000, "did not answer CONNECT as a proxy does"),
    ],
)
async def test_a_proxy_that_opens_no_tunnel(answer: bytes, why: str, caplog: pytest.LogCaptureFixture) -> None:
    async with LittleProxy(answer) as proxy:
        async with open_client("https://api.example", proxies=through(proxy, "me:hidden@")) as client:
            error = await failure(client)
            await failure(client)
        assert error.status == 503
        assert error.detail == f"the proxy {proxy.address} {why}"
        assert caplog.messages == [f"https://api.example cannot be reached: {error.detail}"], "once for each cause"


async def test_a_proxy_that_is_not_there(up: ScriptedUpstream) -> None:
    await up.stop_listening()
    for scheme in ("http", "https"):
        proxies = Proxies({f"{scheme}_proxy": f"127.0.0.1:{up.port}"})
        async with open_client(f"{scheme}://api.example", proxies=proxies) as client:
            error = await failure(client)
            assert isinstance(error, UpstreamUnavailable)
            assert error.status == 503


async def test_a_silent_proxy() -> None:
    async with LittleProxy(silent=True) as proxy:
        timeouts = Timeouts(connect=0.05)
        async with open_client("https://api.example", proxies=through(proxy), timeouts=timeouts) as client:
            error = await failure(client)
            assert isinstance(error, UpstreamTimeout)
            assert error.status == 504


async def test_a_proxy_that_cannot_be_used_is_no_way_around_it() -> None:
    async with open_client("https://api.example", proxies=Proxies({"HTTPS_PROXY": "socks5://me:hidden@p"})) as client:
        error = await failure(client)
        assert error.status == 503
        assert error.detail == "HTTPS_PROXY names no proxy that can be used: it looks like http://host:port"


async def test_what_is_wrong_is_logged_again_when_it_returns(
    up: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    up.always(OK)
    port = up.port
    async with open_client(up.url) as client:
        await up.stop_listening()
        for _ in range(2):
            error = await failure(client)
        assert error.detail == "no connection to 127.0.0.1: Connection refused"
        assert len(caplog.messages) == 1
        async with ScriptedUpstream(port=port) as again:
            again.always(json_response({"ok": True}, 200, "Connection: close"))
            await (await post(client)).read_all(100)
        await failure(client)
        assert len(caplog.messages) == 2
