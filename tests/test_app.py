"""How the parts are joined, where no other test sees it."""

import gc
import logging
import resource
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.gateway.conftest import TEST
from tests.store.values import a_record
from tollkeeper.app import Mint, _opener, delete_old, listen, now_ms, opened, raise_file_limit, serve
from tollkeeper.config import ConfigError, load_settings
from tollkeeper.store.ports import Filter, Store
from tollkeeper.store.sqlite import SqliteStore, open_store
from tollkeeper.store.sqlite.verify import verify


async def test_a_database_with_a_sample_key_is_served_on_loopback_only(tmp_path):
    settings = load_settings(database_path=tmp_path / "t.db", port=0)
    async with opened(settings) as (house, _, _, _):
        await house.accounts.create_user("alice", TEST, secret="sk-alice-123")
    with pytest.raises(ConfigError, match="sample key"):
        await serve(load_settings(database_path=tmp_path / "t.db", port=0, host="0.0.0.0"))
    assert gc.isenabled()


async def test_a_database_with_a_sample_password_is_served_on_loopback_only(tmp_path):
    settings = load_settings(database_path=tmp_path / "t.db", port=0)
    async with opened(settings) as (house, _, _, _):
        await house.accounts.create_user("bob", TEST, password="a-password-of-bob's-own")
        await house.accounts.create_user("alice", TEST, password="alice123")
    with pytest.raises(ConfigError, match=r"the user alice .* sample password"):
        await serve(load_settings(database_path=tmp_path / "t.db", port=0, host="0.0.0.0"))
    assert gc.isenabled()


async def test_the_admin_key_is_made_once(tmp_path):
    settings = load_settings(database_path=tmp_path / "t.db")
    made: list[str | None] = []
    for _ in range(2):
        async with opened(settings) as (house, _, _, key):
            made.append(key)
            assert house.accounts.identify_admin(str(made[0])) == "@bootstrap"
    assert made[0] is not None
    assert made[1] is None


@pytest.mark.parametrize(("durability", "synchronous"), [("process", 1), ("power", 2)])
async def test_what_a_record_survives_is_a_setting(tmp_path, durability, synchronous):
    settings = load_settings(database_path=tmp_path / "t.db", durability=durability)
    async with opened(settings) as (_, _, store, _):
        assert isinstance(store, SqliteStore)
        levels = await store._writer.run(lambda found: found.exec_driver_sql("PRAGMA synchronous").scalar_one())
        assert levels == synchronous


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
            _opener(found, None)()
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


async def store_of(path: Path, ages: Sequence[float]) -> SqliteStore:
    """With records of these ages, in days; their models tell them."""
    store = await open_store(path, now=now_ms)
    for age in ages:
        await store.ledger.settle(a_record(now_ms() - int(age * 86_400_000), model=f"{age} days"))
    return store


async def models(store: Store) -> list[str]:
    return [record.model for record in await store.reports.records(Filter(), limit=100, after=None)]


async def test_records_are_kept_for_as_long_as_is_set(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    store = await store_of(tmp_path / "t.db", [400, 3.1, 2.9, 0])
    await delete_old(store.ledger, 3)
    assert await models(store) == ["0 days", "2.9 days"]
    assert "2 records over 3 days old were deleted from the ledger" in caplog.text
    await store.close()
    assert verify(tmp_path / "t.db").ok


async def test_a_ledger_that_cannot_delete_is_logged_and_tried_again(tmp_path, caplog):
    store = await store_of(tmp_path / "t.db", [400])
    with closing(sqlite3.connect(tmp_path / "t.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await delete_old(store.ledger, 3)
    assert "could not be deleted; it will be tried again" in caplog.text
    assert await models(store) == ["400 days"]
    await delete_old(store.ledger, 3)
    assert await models(store) == []
    await store.close()


def test_what_is_seldom_needed_comes_when_it_is():
    """Pillow, the price list and structlog together: 0.13 s, and 12 MB."""
    script = "import sys, tollkeeper.app; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert not {"alembic", "PIL", "genai_prices", "structlog"} & {*shown.stdout.split()}


def test_ids_differ_though_their_randomness_is_taken_in_blocks():
    mint = Mint()
    ids = [mint(1_700_000_000_000) for _ in range(5000)]
    assert len(set(ids)) == len(ids)
    assert {len(made) for made in ids} == {len("req_") + 12 + 16}
    assert not set(ids) & {Mint()(1_700_000_000_000) for _ in range(5)}
