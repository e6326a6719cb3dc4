"""The process: its sockets, its limits, and what it refuses to serve. Real processes: tests/process/"""

import gc
import resource
import socket

import pytest

from tests.gateway.conftest import TEST
from tollkeeper.app.build import open_gateway
from tollkeeper.app.process import _opener, address_of, listen, listen_all, raise_file_limit, serve
from tollkeeper.config import ConfigError, load_settings


async def test_a_database_with_a_sample_key_is_served_on_loopback_only(tmp_path):
    settings = load_settings(database_path=tmp_path / "t.db", port=0)
    async with open_gateway(settings) as gateway:
        await gateway.context.accounts.create_user("alice", TEST, secret="sk-alice-123")
    with pytest.raises(ConfigError, match="sample key"):
        await serve(load_settings(database_path=tmp_path / "t.db", port=0, host="0.0.0.0"))
    assert gc.isenabled()


async def test_a_database_with_a_sample_password_is_served_on_loopback_only(tmp_path):
    settings = load_settings(database_path=tmp_path / "t.db", port=0)
    async with open_gateway(settings) as gateway:
        await gateway.context.accounts.create_user("bob", TEST, password="a-password-of-bob's-own")
        await gateway.context.accounts.create_user("alice", TEST, password="alice123")
    with pytest.raises(ConfigError, match=r"the user alice .* sample password"):
        await serve(load_settings(database_path=tmp_path / "t.db", port=0, host="0.0.0.0"))
    assert gc.isenabled()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_taken_port_is_named_with_what_to_do(host):
    with socket.create_server((host, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"^port {port} on {host} is taken .*--port$"):
            listen(host, port)


async def test_a_taken_port_is_known_before_anything_is_made(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="is taken"):
        await serve(load_settings(database_path=tmp_path / "t.db", port=taken.getsockname()[1]))
    assert list(tmp_path.iterdir()) == []


def test_the_collector_works_once_the_port_is_open():
    with listen("127.0.0.1", 0) as found:
        gc.disable()
        try:
            _opener([found], None)()
            assert gc.isenabled()
        finally:
            gc.enable()
            gc.unfreeze()


def test_a_port_that_was_tried_stays_free():
    with listen("127.0.0.1", 0) as found:
        port = found.getsockname()[1]
    listen("127.0.0.1", port).close()
    listen("127.0.0.1", port).close()


def test_an_address_that_is_not_ours():
    with pytest.raises(OSError, match=r"^cannot listen on 192\.0\.2\.1 port 8000: "):
        listen("192.0.2.1", 8000)


def test_the_file_limit_is_raised_to_the_hard_one():
    before = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, hard - 1), hard))
        raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_all_addresses_of_both_families():
    (found,) = listen_all(["::"], 0)
    with found:
        _, port = address_of(found)
        for host in ("127.0.0.1", "::1"):
            with socket.create_connection((host, port)) as client:
                accepted, _ = found.accept()
                accepted.close()
                assert client.recv(1) == b""


def test_several_addresses_on_one_port():
    found = listen_all(["127.0.0.1", "::1"], 0)
    (first, port), second = map(address_of, found)
    assert (first, second) == ("127.0.0.1", ("::1", port))
    urls: list[str] = []
    _opener(found, urls.append)()
    gc.unfreeze()
    assert urls == [f"http://127.0.0.1:{port}", f"http://[::1]:{port}"]
    for one in found:
        one.close()


def test_all_of_ipv6_beside_one_address_of_ipv4():
    found = listen_all(["127.0.0.1", "::"], 0)
    assert address_of(found[0])[1] == address_of(found[1])[1]
    for one in found:
        one.close()


def test_of_several_addresses_none_is_kept_when_one_cannot_be_had():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(OSError, match=r"cannot listen on 192\.0\.2\.1"):
        listen_all(["127.0.0.1", "192.0.2.1"], port)
    socket.create_server(("127.0.0.1", port)).close()
