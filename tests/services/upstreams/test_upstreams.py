"""Upstreams as admins manage them: saved, and at once in the registry."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from hashlib import sha256
from typing import Any

import pytest
from msgspec.structs import replace

from tests.services.in_memory import ROOT, START, Clock, registry_of
from tests.store.values import AUDIT
from tollkeeper.rules.errors import Conflict, NotFound, Unprocessable
from tollkeeper.rules.kinds import OLLAMA, OPENAI, OPENAI_COMPATIBLE
from tollkeeper.services.keyring.master_key import MasterKey
from tollkeeper.services.upstreams.config import Secret, UpstreamConfig
from tollkeeper.services.upstreams.registry import Registry
from tollkeeper.services.upstreams.stored import to_stored
from tollkeeper.services.upstreams.upstreams import Upstreams
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.audit import AuditEntry

KEY = MasterKey(b"k" * 32)
ADDRESS = "https://azure.example/openai/v1"
SECRETS: dict[str, Any] = {"secret": Secret("sk-1"), "headers": {"api-key": Secret("v-1")}}


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


@pytest.fixture
async def store():
    return MemoryStore()


@pytest.fixture
async def registry():
    made = registry_of()
    yield made
    await made.close()


@pytest.fixture
def running() -> Counter[str]:
    return Counter()


@pytest.fixture
def upstreams(store: MemoryStore, registry: Registry, running: Counter[str]) -> Upstreams:
    return made(store, registry, running)


def made(store: MemoryStore, registry: Registry, running: Counter[str] | None = None) -> Upstreams:
    return Upstreams(store.upstreams, registry, KEY, Clock(), (Counter() if running is None else running).__getitem__)


async def add(upstreams: Upstreams, name: str = "azure", **changes: Any) -> UpstreamConfig:
    given: Any = {"kind": OPENAI_COMPATIBLE, "base_url": ADDRESS, **changes}
    return (await upstreams.add(name, given, ROOT)).config


async def audit(store: MemoryStore) -> list[AuditEntry]:
    return await store.audit.entries(limit=100, after=None)


async def test_what_was_added_and_changed_is_there_after_a_start(store, registry, upstreams):
    await add(upstreams, "one", **SECRETS)
    await add(upstreams, "two", weight=2)
    await upstreams.change("one", {"priority": 1}, ROOT)
    await upstreams.remove("two", ROOT)
    again = registry_of()
    await made(store, again).load()
    assert [each.config for each in again] == [each.config for each in registry]
    (config,) = (each.config for each in again)
    assert (config.id, config.priority, config.secret) == ("one", 1, Secret("sk-1"))
    await again.close()


@pytest.mark.parametrize("change", ["add", "change", "remove"])
async def test_what_could_not_be_saved_does_not_count(store, registry, upstreams, change):
    await add(upstreams)
    before = [each.config for each in registry]
    store.fail = "disk full"
    with pytest.raises(StoreError):
        await {
            "add": lambda: add(upstreams, "other"),
            "change": lambda: upstreams.change("azure", {"weight": 2}, ROOT),
            "remove": lambda: upstreams.remove("azure", ROOT),
        }[change]()
    assert [each.config for each in registry] == before


async def test_a_save_makes_everything_that_was_learned_of_it_new(registry, upstreams):
    await add(upstreams)
    before = upstreams.get("azure")
    client, health, config = before.client, before.health, before.config
    await upstreams.change("azure", {}, ROOT)
    after = upstreams.get("azure")
    assert after is not before
    assert after.client is not client
    assert after.health is not health
    assert after.config == config


async def test_one_that_is_not_there(upstreams):
    for call in (upstreams.change("none", {}, ROOT), upstreams.remove("none", ROOT)):
        with pytest.raises(NotFound):
            await call


async def test_of_two_that_are_added_at_once_with_one_id_one_is_refused(store, upstreams):
    results = await asyncio.gather(add(upstreams, "Azure"), add(upstreams, "azure"), return_exceptions=True)
    assert [type(result) for result in results] == [UpstreamConfig, Conflict]
    assert len(await store.upstreams.load()) == 1


async def test_a_change_that_its_client_gave_up_is_made_all_the_same(store, registry, upstreams):
    await add(upstreams)
    asked = asyncio.create_task(upstreams.change("azure", {"weight": 7}, ROOT))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await upstreams.change("azure", {}, ROOT)  # after the one before
    assert upstreams.get("azure").config.weight == 7


@pytest.mark.parametrize(
    ("address", "stays"),
    [
        ("https://azure.example/other", True),
        ("https://azure.example:443/openai/v1", True),
        ("https://evil.example/openai/v1", False),
        ("http://azure.example/openai/v1", False),
        ("https://azure.example:8443/openai/v1", False),
    ],
)
async def test_secrets_stay_with_their_origin(upstreams, address, stays):
    await add(upstreams, **SECRETS)
    config = (await upstreams.change("azure", {"base_url": address}, ROOT)).config
    assert (config.secret is not None, bool(config.headers)) == (stays, stays)


async def test_secrets_that_are_given_with_a_new_address_are_taken(upstreams):
    await add(upstreams, **SECRETS)
    change: Any = {"base_url": "https://new.example", "secret": Secret("sk-2"), "headers": {"api-key": Secret("v-2")}}
    config = (await upstreams.change("azure", change, ROOT)).config
    assert (config.secret, config.headers) == (Secret("sk-2"), (("api-key", Secret("v-2")),))


async def test_an_old_value_of_a_header_does_not_go_to_a_new_address(upstreams):
    await add(upstreams, **SECRETS)
    change: Any = {"base_url": "https://new.example", "headers": {"api-key": None}}
    with pytest.raises(Unprocessable, match="has no value"):
        await upstreams.change("azure", change, ROOT)


async def test_headers_are_replaced_as_a_whole_and_may_keep_their_values(upstreams):
    await add(upstreams, headers={"a": Secret("1"), "b": Secret("2")})
    config = (await upstreams.change("azure", {"headers": {"B": None, "c": Secret("3")}}, ROOT)).config
    assert config.headers == (("b", Secret("2")), ("c", Secret("3")))


async def test_another_kind_has_another_usual_address(upstreams):
    await add(upstreams)
    config = (await upstreams.change("azure", {"kind": OPENAI, "base_url": None}, ROOT)).config
    assert config.base_url == OPENAI.default_url


async def test_a_draining_one_is_disabled_once_nothing_runs_there(store, registry, upstreams, running):
    await add(upstreams, "one")
    await add(upstreams, "two")
    running["one"] = 1
    await upstreams.change("one", {"state": "draining"}, ROOT)
    assert [each.config.id for each in registry.active()] == ["two"]
    await upstreams.finish_drains()
    assert upstreams.get("one").config.state == "draining"
    running["one"] = 0
    await upstreams.finish_drains()
    assert upstreams.get("one").config.state == "disabled"
    assert upstreams.get("two").config.state == "active"
    entry = (await audit(store))[0]
    assert (entry.actor, entry.action, entry.target, entry.detail) == (
        "@drained",
        "upstream.update",
        "one",
        '{"state":"disabled"}',
    )


async def test_one_that_is_drained_is_not_disabled_if_an_admin_changes_it_at_that_moment(upstreams):
    for name in ("activated", "removed"):
        await add(upstreams, name)
        await upstreams.change(name, {"state": "draining"}, ROOT)
    changes = [
        asyncio.create_task(upstreams.change("activated", {"state": "active"}, ROOT)),
        asyncio.create_task(upstreams.remove("removed", ROOT)),
    ]
    await asyncio.sleep(0)
    await upstreams.finish_drains()
    await asyncio.gather(*changes)
    assert upstreams.get("activated").config.state == "active"
    with pytest.raises(NotFound):
        upstreams.get("removed")


async def test_what_follows_a_change_is_done_apart_from_it(upstreams):
    told = asyncio.Event()

    async def follow() -> None:
        told.set()
        raise RuntimeError("nobody waits for this")

    upstreams.on_save.append(follow)
    await add(upstreams, state="disabled")
    await asyncio.sleep(0)
    assert not told.is_set(), "nothing is asked of one that gets no requests"
    await upstreams.change("azure", {"state": "active"}, ROOT)
    await told.wait()


async def test_audit_entries_hold_no_secrets(store, upstreams):
    await add(upstreams, **SECRETS)
    await upstreams.change("azure", {"secret": Secret("sk-2"), "weight": 2}, ROOT)
    await upstreams.change("azure", {"base_url": "https://new.example", "weight": 1}, ROOT)
    await upstreams.remove("azure", ROOT)
    entries = await audit(store)
    assert [entry.detail for entry in entries] == [
        "{}",
        '{"base_url":"https://new.example","weight":null,"secret":"cleared","headers":[]}',
        '{"weight":2,"secret":"set"}',
        '{"kind":"openai-compatible","base_url":"https://azure.example/openai/v1","secret":"set","headers":["api-key"]}',
    ]
    assert {(entry.actor, entry.target, entry.at) for entry in entries} == {("@bootstrap", "azure", START)}


async def test_one_with_secrets_that_do_not_open_is_disabled(store, registry, upstreams, caplog):
    good = UpstreamConfig("good", OPENAI_COMPATIBLE, ADDRESS, secret=Secret("sk-good"))
    row = to_stored(good, KEY)
    await store.upstreams.save(row, AUDIT)
    await store.upstreams.save(replace(row, id="copied"), AUDIT)
    with caplog.at_level(logging.WARNING):
        await upstreams.load()
    assert [(each.config.id, each.config.state, each.config.secret) for each in registry] == [
        ("good", "active", Secret("sk-good")),
        ("copied", "disabled", None),
    ]
    assert "copied do not open" in caplog.text
    assert "sk-good" not in caplog.text


# The setting ollama_base_url


async def start(store: MemoryStore, address: str) -> dict[str, UpstreamConfig]:
    """The upstreams after a start with this setting."""
    registry = registry_of()
    upstreams = made(store, registry)
    await upstreams.load()
    await upstreams.follow_setting(address, store.installation, digest)
    await registry.close()
    return {each.config.id: each.config for each in registry}


async def test_the_setting_makes_the_default_upstream(store):
    found = await start(store, "http://one:11434")
    assert found == {"default": UpstreamConfig("default", OLLAMA, "http://one:11434")}
    assert (await audit(store))[0].actor == "@environment"
    assert await start(store, "http://one:11434") == found
    assert len(await audit(store)) == 1


async def test_what_admins_made_of_it_stays_until_the_setting_changes(store, upstreams, registry):
    await start(store, "http://one:11434")
    await upstreams.load()
    await upstreams.change("default", {"base_url": "http://mine:1", "slots": 2, "secret": Secret("sk")}, ROOT)
    assert (await start(store, "http://one:11434"))["default"].base_url == "http://mine:1"
    moved = (await start(store, "http://two:11434"))["default"]
    assert (moved.base_url, moved.slots, moved.secret) == ("http://two:11434", 2, None)


async def test_one_that_was_removed_comes_back_only_with_another_setting(store, upstreams):
    await start(store, "http://one:11434")
    await upstreams.load()
    await upstreams.remove("default", ROOT)
    assert await start(store, "http://one:11434") == {}
    assert (await start(store, "http://two:11434"))["default"].base_url == "http://two:11434"


async def test_the_password_of_the_setting_is_sealed(store):
    address = "http://me:hunter2@one:11434"
    assert (await start(store, address))["default"].base_url == address
    assert (await start(store, address))["default"].base_url == address
    (row,) = await store.upstreams.load()
    assert "hunter2" not in row.settings
    assert "hunter2" not in str(await audit(store))
    assert b"hunter2" not in b"".join(store._tables.values.values())
