"""Rotation of the master key, killed at every step."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from itertools import pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.store.values import AUDIT, FACTOR, NOON
from tollkeeper.rules.kinds import OLLAMA, OPENAI
from tollkeeper.services.events.stored import SigningSecret, Webhook
from tollkeeper.services.events.stored import from_stored as webhook_from_stored
from tollkeeper.services.events.stored import to_stored as webhook_to_stored
from tollkeeper.services.keyring.master_key import MasterKey, open_master_key, second_factor_place
from tollkeeper.services.keyring.secrets_file import SecretsError, SecretsFile
from tollkeeper.services.upstreams.config import Secret, UpstreamConfig
from tollkeeper.services.upstreams.rotation import rotate
from tollkeeper.services.upstreams.stored import from_stored, to_stored
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.store import Store
from tollkeeper.store.sqlite import open_store

OLD, NEW = "ab" * 32, "cd" * 32
PLAIN = UpstreamConfig("desk", OLLAMA, "http://desk:11434")
SEALED = [UpstreamConfig(f"azure-{n}", OPENAI, "https://azure.example/v1", secret=Secret(f"sk-{n}")) for n in range(3)]
ALL = [PLAIN, *SEALED]

# Forked from a process that has imported all this once.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])


@pytest.fixture
def file(tmp_path: Path) -> SecretsFile:
    return SecretsFile(tmp_path / "t.db.secrets")


async def fill(store: Store, key: MasterKey) -> None:
    for config in ALL:
        await store.upstreams.save(to_stored(config, key), AUDIT)


async def opened(store: Store, key: MasterKey) -> list[UpstreamConfig]:
    return [from_stored(row, key) for row in await store.upstreams.load()]


async def test_all_secrets_are_under_the_new_key(file):
    store = MemoryStore()
    old = await open_master_key(file, store.installation)
    await fill(store, old)
    assert await rotate(store, file, NOON) == 3
    new = await open_master_key(file, store.installation)
    assert new.id != old.id
    assert await opened(store, new) == ALL
    assert {row.key_id for row in await store.upstreams.load()} == {None, new.id}
    content = file.read()
    assert content is not None
    assert content.next_master_key is None
    entry = (await store.audit.entries(limit=1, after=None))[0]
    assert (entry.actor, entry.action, entry.at) == ("@cli", "secrets.rotate", NOON)
    assert entry.detail == '{"upstreams":["azure-0","azure-1","azure-2"],"webhooks":[],"second_factors":0}'


async def test_secrets_of_webhooks_are_under_the_new_key(file):
    store = MemoryStore()
    old = await open_master_key(file, store.installation)
    webhook = Webhook("wh_1", NOON, "https://a.example", None, None, "active", (SigningSecret("whsec_x"),))
    await store.webhooks.save(webhook_to_stored(webhook, old), AUDIT)
    await rotate(store, file, NOON)
    new = await open_master_key(file, store.installation)
    [row] = await store.webhooks.load()
    assert row.key_id == new.id
    assert webhook_from_stored(row, new) == webhook


async def test_secrets_of_a_webhook_that_do_not_open_stop_it(file):
    store = MemoryStore()
    await open_master_key(file, store.installation)
    other = MasterKey(b"o" * 32)
    webhook = Webhook("wh_1", NOON, "https://a.example", None, None, "active", (SigningSecret("whsec_x"),))
    await store.webhooks.save(webhook_to_stored(webhook, other), AUDIT)
    with pytest.raises(SecretsError, match="the webhook wh_1 do not open"):
        await rotate(store, file, NOON)


async def test_second_factors_are_under_the_new_key_too(file):
    store = MemoryStore()
    old = await open_master_key(file, store.installation)
    place = second_factor_place("ann")
    await store.second_factors.save(replace(FACTOR, sealed=old.seal(b"secret", place), key_id=old.id))
    await rotate(store, file, NOON)
    new = await open_master_key(file, store.installation)
    [factor] = await store.second_factors.load()
    assert (new.open(factor.sealed, place), factor.key_id) == (b"secret", new.id)
    assert factor.recovery == FACTOR.recovery


async def test_a_second_factor_that_does_not_open_stops_it_before_anything_changed(file):
    store = MemoryStore()
    await open_master_key(file, store.installation)
    await store.second_factors.save(FACTOR)
    before = file.read()
    with pytest.raises(SecretsError, match="reset-second-factor ann"):
        await rotate(store, file, NOON)
    assert file.read() == before


async def test_a_given_key_is_taken(file):
    store = MemoryStore()
    await open_master_key(file, store.installation)
    await rotate(store, file, NOON, new=NEW)
    content = file.read()
    assert content is not None
    assert content.master_key == NEW


async def test_where_a_setting_has_the_key_the_file_takes_no_part(file):
    store = MemoryStore()
    await fill(store, await open_master_key(file, store.installation, OLD))
    with pytest.raises(SecretsError, match="TOLLKEEPER_NEW_MASTER_KEY"):
        await rotate(store, file, NOON, configured=OLD)
    await rotate(store, file, NOON, configured=OLD, new=NEW)
    assert not file.path.exists()
    assert await opened(store, await open_master_key(file, store.installation, NEW)) == ALL
    with pytest.raises(SecretsError, match="another database"):
        await open_master_key(file, store.installation, OLD)


@pytest.mark.parametrize(("new", "why"), [(OLD, "is the old one"), ("xyz", "64 hexadecimal"), ("ab", "64 hexadecimal")])
async def test_a_new_key_that_is_none_changes_nothing(file, new, why):
    store = MemoryStore()
    file.change(master_key=OLD)
    await fill(store, await open_master_key(file, store.installation))
    with pytest.raises(SecretsError, match=why):
        await rotate(store, file, NOON, new=new)
    assert await opened(store, await open_master_key(file, store.installation)) == ALL


async def test_secrets_that_do_not_open_stop_it_before_anything_changed(file):
    store = MemoryStore()
    await fill(store, await open_master_key(file, store.installation))
    row = (await store.upstreams.load())[1]
    await store.upstreams.save(replace(row, sealed=b"x" * 40), AUDIT)
    before = file.read()
    with pytest.raises(SecretsError, match="upstream azure-0 do not open"):
        await rotate(store, file, NOON)
    assert file.read() == before


async def test_a_database_that_cannot_be_written_keeps_the_old_key_in_force(file):
    store = MemoryStore()
    old = await open_master_key(file, store.installation)
    await fill(store, old)
    store.fail = "disk full"
    with pytest.raises(StoreError):
        await rotate(store, file, NOON)
    store.fail = None
    assert (await open_master_key(file, store.installation)).id == old.id
    assert await opened(store, old) == ALL


def rotate_until_killed(folder: Path, step: int) -> None:
    """Rotate, and die before this step: each opening, syncing and renaming of a file is one, and either end of the
    transaction."""
    left = step

    def may_die() -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    async def run() -> None:
        store = await open_store(folder / "t.db", now=lambda: NOON)
        reseal = store.upstreams.reseal

        async def watched(*arguments: Any, **named: Any) -> None:
            may_die()
            await reseal(*arguments, **named)
            may_die()

        setattr(store.upstreams, "reseal", watched)  # noqa: B010 (mypy refuses a method that is assigned)
        for module, name in ((os, "open"), (os, "fsync"), (Path, "replace")):
            setattr(module, name, _before(getattr(module, name), may_die))
        await rotate(store, SecretsFile(folder / "t.db.secrets"), NOON)
        os._exit(0)

    asyncio.run(run())


def _before(call, first):
    def wrapped(*arguments, **options):
        first()
        return call(*arguments, **options)

    return wrapped


def start(folder: Path, step: int) -> BaseProcess:
    process = FORKS.Process(target=rotate_until_killed, args=(folder, step), daemon=True)
    process.start()
    return process


async def test_killed_at_any_step_the_next_start_opens_every_secret(tmp_path, file):
    store = await open_store(tmp_path / "t.db", now=lambda: NOON)
    keys = [(await open_master_key(file, store.installation)).id]
    await fill(store, await open_master_key(file, store.installation))
    await store.close()
    killed = 0
    while True:
        process = start(tmp_path, killed)
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        killed += 1
        store = await open_store(tmp_path / "t.db", now=lambda: NOON)
        key = await open_master_key(file, store.installation)
        assert await opened(store, key) == ALL
        content = file.read()
        assert content is not None
        assert content.next_master_key is None
        await store.close()
        keys.append(key.id)
    assert killed >= 8, "each of the two writes of the file has four steps, and the transaction two"
    changed = [one != other for one, other in pairwise(keys)]
    assert any(changed), "some were killed after the transaction"
    assert not all(changed), "and some before it"
